"""ResNet for video (He et al., CVPR 2016; torchvision's layout), with or without the temporal shift.

Parameter names and values are torchvision's: `conv1`, `layer1.0.conv2`, `layer2.0.downsample.0`, `fc`. The stride of a
bottleneck sits on its 3x3 convolution. Each activation is a module of its own, so that `recircle.convert` can take it
into an ARC layer.
"""

from jaxtyping import Float
from torch import Tensor, nn

from recircle.layers.frames import BatchNorm2d, Conv2d, MaxPool2d
from recircle.layers.temporal_shift import TemporalShift
from recircle.models.backbones.stages import Place, build_stages, doubled
from recircle.models.base import VideoModel, initialise_trunk
from recircle.models.checkpoints import rename_mmaction2, rename_tsn_family


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (ResNet-18 and -34)."""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int, shift: nn.Module) -> None:
        super().__init__()
        self.shift = shift
        self.conv1 = Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(planes)
        self.act1 = nn.ReLU()
        self.conv2 = Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(planes)
        self.downsample = _downsample(inplanes, planes, stride)
        self.act2 = nn.ReLU()

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c h w"]:
        """Return [B, T, planes, H', W'] for [B, T, inplanes, H, W]; the shortcut sees the unshifted input."""
        y = self.act1(self.bn1(self.conv1(self.shift(x))))
        y = self.bn2(self.conv2(y))
        return self.act2(y + self.downsample(x))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1, beside a shortcut (ResNet-50 and -101)."""

    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int, shift: nn.Module) -> None:
        super().__init__()
        self.shift = shift
        self.conv1 = Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = BatchNorm2d(planes)
        self.act1 = nn.ReLU()
        self.conv2 = Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.bn2 = BatchNorm2d(planes)
        self.act2 = nn.ReLU()
        self.conv3 = Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = BatchNorm2d(planes * self.expansion)
        self.downsample = _downsample(inplanes, planes * self.expansion, stride)
        self.act3 = nn.ReLU()

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c h w"]:
        """Return [B, T, 4 planes, H', W'] for [B, T, inplanes, H, W]; the shortcut sees the unshifted input."""
        y = self.act1(self.bn1(self.conv1(self.shift(x))))
        y = self.act2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.act3(y + self.downsample(x))


def _downsample(inplanes: int, outplanes: int, stride: int) -> nn.Module:
    if stride == 1 and inplanes == outplanes:
        return nn.Identity()
    return nn.Sequential(Conv2d(inplanes, outplanes, 1, stride, bias=False), BatchNorm2d(outplanes))


class VideoResNet(VideoModel):
    """A ResNet whose tensors are [B, T, C, H, W], averaging the logits of the frames.

    Its parts are the stem `conv1`, `bn1`, `act1`, `maxpool`, the stages `layer1` to `layer4` at 1/4 to 1/32 of the
    resolution, and `fc`.
    """

    def __init__(
        self,
        name: str,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, int, int, int],
        num_classes: int,
        *,
        shift_every: int = 0,
        causal: bool = False,
        width: int = 64,
        dropout: float = 0.5,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            block: the kind of residual block.
            depths: blocks in each stage.
            num_classes: K.
            shift_every: a temporal shift begins the residual branch of every block (1), of every second (2), or of
                none (0).
            causal: the shift looks back alone. A subclass that passes this on must look back alone too.
            width: channels of the stem; the stages have 1, 2, 4 and 8 times as many, times the block's expansion.
            dropout: before the classifier.

        Raises:
            ValueError: width or dropout or num_classes are out of range.
        """
        super().__init__(name)
        self.causal = causal
        if width < 8:
            raise ValueError(f"width={width} is too narrow; the stem needs 8 channels or more")
        self.conv1 = Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(width)
        self.act1 = nn.ReLU()
        self.maxpool = MaxPool2d(3, stride=2, padding=1)

        def block_at(place: Place) -> nn.Module:
            shifts = shift_every > 0 and place.index % shift_every == 0
            shift = TemporalShift(causal=causal) if shifts else nn.Identity()
            return block(place.inplanes, place.planes, place.stride, shift)

        stages = build_stages(width, depths, doubled(width), block_at, expansion=block.expansion)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.num_features = 8 * width * block.expansion
        initialise_trunk(self)
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T c h w"]:
        """Return [B, T, c, H/32, W/32] (rounded up) for clips [B, T, C, H, W], C being 3 unless the stem takes more."""
        x = self.maxpool(self.act1(self.bn1(self.conv1(clips))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of the authors' and mmaction2's TSN and TSM checkpoints; torchvision's names are our own.

        Raises:
            UserError: the checkpoint shifts other blocks than this network does.
        """
        shifts = [name for name, module in self.named_modules() if isinstance(module, TemporalShift)]
        shifted = {name.removesuffix(".shift") for name in shifts}
        return rename_tsn_family(rename_mmaction2(state), shifted, self.name)


_BLOCKS = {18: BasicBlock, 34: BasicBlock, 50: Bottleneck, 101: Bottleneck}
_DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


def resnet(
    name: str,
    depth: int,
    num_classes: int,
    *,
    shift: bool,
    causal: bool = False,
    width: int = 64,
    dropout: float = 0.5,
) -> VideoResNet:
    """Return the video ResNet of a depth.

    With `shift` the TSM form: a temporal shift at the start of each residual branch, or where a stage has 23 blocks or
    more (ResNet-101), of every second one, as published.

    Args:
        name: what it is registered as.
        depth: 18, 34, 50 or 101.
        num_classes: K.
        shift: with the temporal shift or without.
        causal: the shift looks back alone.
        width: channels of the stem.
        dropout: before the classifier.

    Raises:
        ValueError: width or dropout or num_classes are out of range.
    """
    depths = _DEPTHS[depth]
    every = 2 if max(depths) >= 23 else 1
    return VideoResNet(
        name,
        _BLOCKS[depth],
        depths,
        num_classes,
        shift_every=every if shift else 0,
        causal=causal,
        width=width,
        dropout=dropout,
    )
