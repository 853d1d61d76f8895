"""What every network of this package is: clips in, logits out, at any number of frames."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, fx, nn

from recircle.data.preprocessing import Preprocessing
from recircle.errors import UserError

if TYPE_CHECKING:
    from recircle.models.checkpoints import LoadReport


class VideoModel(nn.Module):
    """A network that classifies clips [B, T, 3, H, W] frame by frame and averages the logits over T.

    A subclass builds its trunk, calls `reset_classifier`, and implements `forward_features`.

    Attributes:
        name: the name it was created under, such as `tsm_resnet18`.
        num_classes: K.
        num_features: channels of the trunk's last feature map.
        preprocessing: how the frames of a clip become its input; training saves it with the weights.
        dropout: on the pooled features of each frame.
        fc: the classifier.
        load_report: what `create_model` loaded from a weight file, or None.
    """

    name: str
    num_classes: int
    num_features: int
    preprocessing: Preprocessing
    dropout: nn.Dropout
    fc: nn.Linear
    load_report: "LoadReport | None" = None

    def __init__(self, name: str, preprocessing: Preprocessing | None = None) -> None:
        super().__init__()
        self.name = name
        self.preprocessing = preprocessing or Preprocessing()

    def forward_features(self, clips: Tensor) -> Tensor:
        """Return the trunk's last feature map of each frame, [B, T, C, h, w], for clips [B, T, 3, H, W]."""
        raise NotImplementedError

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Classify feature maps.

        Args:
            features: [B, T, C, h, w], from `forward_features`.
            pre_logits: stop before dropout and the classifier.

        Returns:
            Logits [B, K], the mean over the frames; or with `pre_logits` the pooled features of each frame [B, T, C].
        """
        pooled = features.mean((-2, -1))
        return pooled if pre_logits else self.fc(self.dropout(pooled)).mean(1)

    def forward(self, clips: Tensor) -> Tensor:
        """Return logits [B, K].

        Args:
            clips: [B, T, 3, H, W], floating point, normalised by `preprocessing.normalise`. T may differ from call to
                call.

        Raises:
            ValueError: the clips have another shape, or are not floating point.
        """
        check_clips(clips)
        return self.forward_head(self.forward_features(clips))

    def reset_classifier(self, num_classes: int, dropout: float | None = None) -> None:
        """Put a new classifier on the trunk: weights from N(0, 0.001), as in TSN and TSM, and no bias at first.

        Args:
            num_classes: K from now on.
            dropout: a new rate of the dropout before it; None leaves it as it is.

        Raises:
            ValueError: there would be no class, or the rate is not in [0, 1).
        """
        if num_classes < 1:
            raise ValueError(f"num_classes={num_classes}: a classifier needs 1 class or more")
        if dropout is not None:
            if not 0 <= dropout < 1:
                raise ValueError(f"dropout={dropout} is the share of features left out; give a value in [0, 1)")
            self.dropout = nn.Dropout(dropout)
        like = next(self.parameters())
        self.fc = nn.Linear(self.num_features, num_classes, device=like.device, dtype=like.dtype)
        nn.init.normal_(self.fc.weight, std=0.001)
        nn.init.zeros_(self.fc.bias)
        self.num_classes = num_classes

    def imagenet_file(self) -> Path:
        """Return the ImageNet weights that an installed package holds for this network.

        Raises:
            UserError: there are none; the message says how to get them.
        """
        raise UserError(f"no package has ImageNet weights for {self.name}; give a weight file instead")

    def rename_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Bring a state dict under published names to this network's names; names not known stay as they are.

        Raises:
            UserError: the file belongs to another kind of network.
        """
        return state


@fx.wrap  # a symbolic trace sees one call here, not the questions about shapes
def check_clips(clips: Tensor) -> None:
    """Insist on normalised clips.

    Raises:
        ValueError: the clips are not a floating-point tensor [B, T, 3, H, W].
    """
    if clips.dim() != 5 or clips.shape[2] != 3:
        raise ValueError(
            f"clips of shape {tuple(clips.shape)}: the shape wanted is [B, T, 3, H, W] "
            "(give a single clip as clip[None], channels-first frames)"
        )
    if not clips.is_floating_point():
        raise ValueError(f"clips of dtype {clips.dtype}: normalise frames first, model.preprocessing.normalise(frames)")


# so that a network can still be traced symbolically, which `recircle.convert` does
fx.wrap("check_clips")


def initialise_trunk(model: nn.Module) -> None:
    """Draw convolutions from He's normal distribution (fan out, ReLU) and set norms to 1 and 0, as torchvision does.

    The fan of a grouped convolution is that of one group, as TensorFlow has it for EfficientNet.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels // module.groups * math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
