"""Motion features from the correlation of neighbouring frames (Kwon et al., "MotionSqueeze", ECCV 2020)."""

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, fx, nn

from recircle.layers.frames import BatchNorm2d, Conv2d, fold_frames, unfold_frames


def local_correlation(
    first: Float[Tensor, "*N C H W"], second: Float[Tensor, "*N C H W"], max_displacement: int = 7
) -> Float[Tensor, "*N H W K K"]:
    """Return the inner products of each position's features with those around it in another map.

    Memory and time grow with the area of the maps, times (W + 2k) (2k + 1) for k = `max_displacement`.

    Args:
        first: [..., C, H, W], at least four dimensions.
        second: of the shape of `first`; beyond its edges are zeros.
        max_displacement: k, in pixels along each axis.

    Returns:
        [..., H, W, 2k + 1, 2k + 1]: at [y, x, k + dy, k + dx] the product of `first` at (y, x) and `second` at
        (y + dy, x + dx).

    Raises:
        ValueError: the shapes differ or have fewer than four dimensions, or `max_displacement` is negative.
    """
    if first.dim() < 4 or first.shape != second.shape:
        raise ValueError(
            "local_correlation needs two tensors of one shape [..., C, H, W] with at least four dimensions, "
            f"got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    if max_displacement < 0:
        raise ValueError(f"max_displacement={max_displacement}: give 0 pixels or more")
    reach, side = max_displacement, 2 * max_displacement + 1
    height, width = first.shape[-2:]
    # rows before samples: all rows that are dy apart are then two blocks of memory
    rows = fold_frames(first).permute(2, 0, 3, 1).clone(memory_format=torch.contiguous_format).flatten(0, 1)
    others = F.pad(fold_frames(second), (reach,) * 4).permute(2, 0, 1, 3).clone(memory_format=torch.contiguous_format)
    bands = []
    for dy in range(side):
        products = torch.bmm(rows, others[dy : dy + height].flatten(0, 1))
        # in a matrix with one more column the entries (x, x + dx) of this one stand below each other
        longer = F.pad(products.flatten(1), (0, width)).unflatten(1, (width, width + side))
        bands.append(longer[..., :side])
    # [H, N, W, 2k + 1, 2k + 1]
    volume = torch.stack([band.unflatten(0, (height, others.shape[1])) for band in bands], dim=-2)
    # copied here, so that a capture need not ask later how the frames lie
    return unfold_frames(volume.transpose(0, 1).clone(memory_format=torch.contiguous_format), first)


def soft_argmax(
    correlation: Float[Tensor, "*N K K"], temperature: float = 100.0, sigma: float = 5.0
) -> Float[Tensor, "*N 3"]:
    """Return the displacement that each position's correlation points to, and how sure it is.

    The correlation is weighted by a Gaussian around its largest value, whose place counts as a constant in the
    gradient; the displacement is the mean under the softmax of that.

    Args:
        correlation: [..., 2k + 1, 2k + 1], not negative, k >= 1; see `local_correlation`.
        temperature: what the weighted correlation is multiplied by.
        sigma: deviation of the Gaussian in pixels.

    Returns:
        [..., 3]: the displacements along x and along y, divided by k, and the largest correlation.

    Raises:
        ValueError: the last two dimensions are not equal, odd and 3 or more.
    """
    side = correlation.shape[-1]
    if correlation.shape[-2] != side or side % 2 == 0 or side < 3:
        raise ValueError(
            f"soft_argmax needs [..., 2k + 1, 2k + 1] with k of 1 or more, got the shape {tuple(correlation.shape)}"
        )
    reach = side // 2
    confidence, place = correlation.flatten(-2).max(-1)
    steps = torch.arange(-reach, reach + 1, device=correlation.device, dtype=correlation.dtype)

    def gaussian(centre: Tensor) -> Tensor:
        return torch.exp((steps + reach - centre[..., None]).square() / (-2 * sigma**2))

    kernel = gaussian(place // side)[..., :, None] * gaussian(place % side)[..., None, :]
    weights = (temperature * correlation * kernel).flatten(-2).softmax(-1).unflatten(-1, (side, side))
    along_x, along_y = ((weights.sum(axis) * steps).sum(-1) / reach for axis in (-2, -1))
    return torch.stack((along_x, along_y, confidence), dim=-1)


@fx.wrap  # a symbolic trace sees one call here, not the questions about shapes
def motion_maps(
    x: Float[Tensor, "B T C H W"], max_displacement: int = 7, temperature: float = 100.0, sigma: float = 5.0
) -> Float[Tensor, "B T 3 H W"]:
    """Return where each position of each frame moves to until the next frame, and how sure that is.

    The correlation is that of unit vectors, negative values set to zero. The arithmetic is in float32 or wider, under
    autocast too: at the published temperature half precision would decide by its rounding.

    Args:
        x: [B, T, C, H, W].
        max_displacement: k, in pixels along each axis.
        temperature: of the softmax.
        sigma: deviation of the Gaussian around the largest correlation, in pixels.

    Returns:
        [B, T, 3, H, W]: displacement along x and along y in units of k, and the largest correlation. The maps of the
        last frame repeat those before them; a single frame is compared with itself.

    Raises:
        ValueError: `x` does not have five dimensions, or `max_displacement` is smaller than 1.
    """
    if x.dim() != 5:
        raise ValueError(f"motion_maps needs [B, T, C, H, W], got a tensor of shape {tuple(x.shape)}")
    if max_displacement < 1:
        raise ValueError(f"max_displacement={max_displacement}: motion needs 1 pixel or more")
    frames = x.shape[1]
    number = torch.arange(frames, device=x.device)
    # chosen frames rather than slices of T - 1: an exported network takes a single frame too
    following, paired = (number + 1).clamp(max=frames - 1), number.clamp(max=frames - 2).clamp(min=0)
    with _without_autocast(x.device.type):
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        unit = wide * torch.rsqrt(wide.square().sum(2, keepdim=True) + 1e-6)
        correlation = local_correlation(unit, unit.index_select(1, following), max_displacement).relu()
        maps = soft_argmax(correlation, temperature, sigma).index_select(1, paired)
    return maps.movedim(-1, 2).to(x.dtype).clone(memory_format=torch.contiguous_format)


def _without_autocast(device: str) -> AbstractContextManager[object]:
    available = torch.amp.autocast_mode.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if available and torch.is_autocast_enabled(device) else nullcontext()


class MotionSqueeze(nn.Module):
    """Add motion features to the feature maps of frames.

    A 1x1 convolution reduces the channels, `motion_maps` finds the motion, and depthwise separable convolutions (7x7,
    then three of 3x3) make C channels of its 3 maps.

    Args:
        channels: C.
        reduced: channels that are correlated; the refinement has 1/4, 1/2 and 1 times as many before C.
        max_displacement: k, in pixels along each axis of the maps.
        temperature: of the softmax.
        sigma: deviation of the Gaussian around the largest correlation, in pixels.

    Raises:
        ValueError: `reduced` is smaller than 4, or `max_displacement` smaller than 1.
    """

    def __init__(
        self,
        channels: int,
        reduced: int = 64,
        max_displacement: int = 7,
        temperature: float = 100.0,
        sigma: float = 5.0,
    ) -> None:
        super().__init__()
        if reduced < 4:
            raise ValueError(f"reduced={reduced}: the refinement begins with a quarter of that; give 4 or more")
        if max_displacement < 1:
            raise ValueError(f"max_displacement={max_displacement}: motion needs 1 pixel or more")
        self.max_displacement = max_displacement
        self.temperature = temperature
        self.sigma = sigma
        self.conv = Conv2d(channels, reduced, 1, bias=False)
        self.bn = BatchNorm2d(reduced)
        self.act = nn.ReLU()
        self.refinement = nn.Sequential(
            _Separable(3, reduced // 4, 7),
            _Separable(reduced // 4, reduced // 2, 3),
            _Separable(reduced // 2, reduced, 3),
            _Separable(reduced, channels, 3),
        )
        for module in self.modules():
            if isinstance(module, Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T C H W"]:
        """Return `x` plus its motion features, [B, T, C, H, W]; see `motion_maps` for T and precision."""
        reduced = self.act(self.bn(self.conv(x)))
        return x + self.refinement(motion_maps(reduced, self.max_displacement, self.temperature, self.sigma))


class _Separable(nn.Module):
    """A depthwise and a 1x1 convolution, each with norm and activation."""

    def __init__(self, inplanes: int, planes: int, kernel_size: int) -> None:
        super().__init__()
        self.depthwise = Conv2d(inplanes, inplanes, kernel_size, padding=kernel_size // 2, groups=inplanes, bias=False)
        self.bn1 = BatchNorm2d(inplanes)
        self.act1 = nn.ReLU()
        self.pointwise = Conv2d(inplanes, planes, 1, bias=False)
        self.bn2 = BatchNorm2d(planes)
        self.act2 = nn.ReLU()

    def forward(self, x: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N c H W"]:
        x = self.act1(self.bn1(self.depthwise(x)))
        return self.act2(self.bn2(self.pointwise(x)))
