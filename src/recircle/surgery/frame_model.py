"""Image networks on video: one wrapper that folds the frames into the batch."""

from torch import Tensor, nn

from recircle.arc.module import ArcLayer


class FrameModel(nn.Module):
    """An image network applied to the frames of clips; the outputs are averaged over the frames.

    ARC layers inside see which frames belong together, so their attention pools over time as well.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, clips: Tensor) -> Tensor:
        """Return [B, K] for clips [B, T, C, H, W] and a network [N, C, H, W] -> [N, K].

        Raises:
            ValueError: `clips` does not have five dimensions.
        """
        if clips.dim() != 5:
            raise ValueError(f"FrameModel takes clips [B, T, C, H, W], got a tensor of shape {tuple(clips.shape)}")
        for module in self.net.modules():
            if isinstance(module, ArcLayer):
                module.frames = clips.shape[1]
        return self.net(clips.flatten(0, 1)).unflatten(0, clips.shape[:2]).mean(1)
