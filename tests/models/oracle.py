"""TSN and TSM as torchvision's ResNets with the shift written out frame by frame: the tests' oracle."""

from collections.abc import Collection

import torch
from torch import Tensor, nn

from tests.torchvision_oracle import import_torchvision


class _Shifted(nn.Module):
    """A convolution on frames [B T, C, H, W] whose input is shifted in time, under the published name `net`."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.frames = 0

    def forward(self, x: Tensor) -> Tensor:
        clips = x.unflatten(0, (-1, self.frames))
        fold = x.shape[1] // 8
        shifted = clips.clone()
        for t in range(self.frames):
            later, earlier = t + 1 < self.frames, t > 0
            shifted[:, t, :fold] = clips[:, t + 1, :fold] if later else 0
            shifted[:, t, fold : 2 * fold] = clips[:, t - 1, fold : 2 * fold] if earlier else 0
        return self.net(shifted.flatten(0, 1))


class TsnOracle(nn.Module):
    """`base_model` and `new_fc` as in the published checkpoints; the mean over frames of per-frame logits."""

    def __init__(self, depth: int, num_classes: int, shifted: Collection[int] = ()) -> None:
        """Build it; `shifted` are the positions of blocks in their stage that are shifted."""
        super().__init__()
        self.base_model = getattr(import_torchvision().models, f"resnet{depth}")()
        self.new_fc = nn.Linear(self.base_model.fc.in_features, num_classes)
        self.base_model.fc = nn.Identity()
        for stage in (self.base_model.layer1, self.base_model.layer2, self.base_model.layer3, self.base_model.layer4):
            for index, block in enumerate(stage):
                if index in shifted:
                    block.conv1 = _Shifted(block.conv1)

    def forward(self, clips: Tensor) -> Tensor:
        for module in self.modules():
            if isinstance(module, _Shifted):
                module.frames = clips.shape[1]
        features = self.base_model(clips.flatten(0, 1))
        return self.new_fc(features).unflatten(0, clips.shape[:2]).mean(1)


def randomise(model: nn.Module) -> None:
    """Give norms, statistics and the classifier values that make mistakes visible."""
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith("running_var"):
                value.uniform_(0.8, 1.2)
            elif name.endswith(("running_mean", "bias")):
                value.normal_(0, 0.1)
            elif value.dim() == 1:
                value.normal_(0.7, 0.1)
            elif value.dim() == 2:
                value.normal_(0, 0.05)
