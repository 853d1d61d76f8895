"""ARC layers as modules: an ordinary layer's weights under their names, and the matrices that let its input evolve."""

from typing import Any, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recircle.arc.clip_dims import TOKENS, Geometry
from recircle.arc.config import ArcConfig
from recircle.arc.epilogue import NormAct
from recircle.arc.functional import GEOMETRY, arc_linear, arc_operator
from recircle.arc.recursion import ArcMatrices, GruWeights
from recircle.arc.sliced_norm import SlicedNorm, is_elementwise, slice_norm
from recircle.arc.steps import plan_steps


class ArcLayer(nn.Module):
    """What all ARC layers share; use `ArcConv1d`, `ArcConv2d`, `ArcConv3d` or `ArcLinear`.

    Attributes:
        config: the variant.
        frames: T of inputs whose frames lie in the batch dimension, [B T, ...], as in image networks; None where T
            is a dimension of the input. `recircle.FrameModel` sets it from its input.
        embedding: W^e, [rows, Cin], or None.
        attention: W^a, [rows, c - g], or None.
        fusion: W^f, [rows, c - g], or None.
    """

    config: ArcConfig
    frames: int | None
    weight: Tensor
    bias: Tensor | None

    def _add_arc(
        self,
        in_channels: int,
        out_channels: int,
        groups: int,
        config: ArcConfig,
        norm: nn.Module | None,
        act: Any,
    ) -> None:
        self.steps = plan_steps(in_channels, out_channels, groups, config.steps)
        self.config = config
        self.frames = None
        self.norm: SlicedNorm | None = None
        self.act: nn.Module | None = None
        if norm is not None:
            self.norm = norm if isinstance(norm, SlicedNorm) else slice_norm(norm, config.steps)
            if self.norm is None:
                raise ValueError(
                    f"{type(norm).__name__} cannot be normalised in {config.steps} steps: it is no batch norm and no "
                    'group norm with whole groups a step; leave the norm outside and use feedback="operator"'
                )
        if act is not None:
            if not is_elementwise(act):
                raise ValueError(f"{type(act).__name__} is not an activation that acts on each value alone")
            self.act = act

        self.reset_arc(in_channels, out_channels)

    def reset_arc(self, in_channels: int, out_channels: int) -> None:
        """Make the matrices anew, on the device and with the dtype of the weight, at their initial values."""
        config = self.config
        rows, fed = in_channels - self.steps.first, out_channels - self.steps.width

        def matrix(present: bool, columns: int, std: float = 0.0) -> nn.Parameter | None:
            if not present:
                return None
            value = torch.zeros(rows, columns, device=self.weight.device, dtype=self.weight.dtype)
            return nn.Parameter(value.normal_(0, std) if std else value)

        attends = config.evolves and config.attention
        gru = attends and config.attention_module == "gru"
        self.embedding = matrix(config.embeds, in_channels)
        self.attention = matrix(attends and not gru, fed, config.attention_init)
        self.fusion = matrix(config.evolves and config.fusion, fed)
        self.gru = _Gates(rows, self.steps.width, self.weight) if gru else None

    def _take(self, old: Any) -> Self:
        """Adopt the parameters of the original layer."""
        self.weight, self.bias = old.weight, old.bias
        columns = self.weight.shape[1] * getattr(old, "groups", 1)
        self.reset_arc(columns, self.weight.shape[0])
        return self.train(old.training)

    @property
    def matrices(self) -> ArcMatrices:
        """W^e, W^a and W^f."""
        attention = self.attention if self.gru is None else self.gru.weights
        return ArcMatrices(self.embedding, attention, self.fusion)

    def hand_back(self) -> None:
        """Forget to own the norm and the activation; they stay in use, registered where they were before.

        `recircle.convert` calls this, so that a converted network keeps the names of its state dict.
        """
        norm, act = self.norm, self.act
        del self.norm, self.act
        # a module kept in the instance's own dictionary is used but not registered a second time
        self.__dict__.update(norm=norm, act=act)

    def _follow(self) -> NormAct | None:
        if self.config.feedback == "operator" or (self.norm is None and self.act is None):
            return None
        return NormAct(self.norm, self.act)

    def _finish(self, y: Tensor, geometry: Geometry) -> Tensor:
        """Apply norm and activation where they were not part of what is fed back."""
        if self.config.feedback == "operator":
            if self.norm is not None:
                channels = y.shape[geometry.channel]
                y = geometry.unfold(self.norm.normalise(geometry.fold(y), 0, channels), y)
            if self.act is not None:
                y = self.act(y)
        return y

    def arc_repr(self) -> str:
        """Describe the variant in a few words."""
        if not self.config.evolves:
            return f"steps={self.config.steps}, as the original"
        terms = ["RA"] * self.config.attention + ["RF"] * self.config.fusion
        return f"steps={self.config.steps}, {'+'.join(terms)}"


class _Gates(nn.Module):
    """The weights of the GRU variant; its candidate starts at zero, so the attention does too."""

    def __init__(self, rows: int, width: int, like: Tensor) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": like.device, "dtype": like.dtype}
        bound = rows**-0.5
        self.input = nn.Parameter(torch.empty(3 * rows, width, **factory).uniform_(-bound, bound))
        self.hidden = nn.Parameter(torch.empty(3 * rows, rows, **factory).uniform_(-bound, bound))
        self.input_bias = nn.Parameter(torch.zeros(3 * rows, **factory))
        self.hidden_bias = nn.Parameter(torch.zeros(3 * rows, **factory))
        with torch.no_grad():
            self.input[2 * rows :] = 0
            self.hidden[2 * rows :] = 0

    @property
    def weights(self) -> GruWeights:
        return GruWeights(self.input, self.hidden, self.input_bias, self.hidden_bias)


class _ArcConv(ArcLayer, nn.modules.conv._ConvNd):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        config: ArcConfig | None = None,
        norm: nn.Module | None = None,
        act: nn.Module | None = None,
    ) -> None:
        # the next class in the order of inheritance is torch's convolution, with this signature
        begin: Any = super().__init__
        begin(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self._add_arc(in_channels, out_channels, groups, config or ArcConfig(), norm, act)

    @classmethod
    def from_layers(
        cls,
        conv: nn.Module,
        norm: nn.Module | None = None,
        act: nn.Module | None = None,
        config: ArcConfig | None = None,
    ) -> Self:
        """Make the ARC form of a convolution, and of the norm and activation after it, with their parameters.

        Args:
            conv: the original; its parameters become those of the new layer (the same tensors).
            norm: the batch norm (or group norm) that follows it, or None.
            act: the elementwise activation that follows, or None.
            config: the variant; None is `ArcConfig.paper()`.

        Raises:
            ValueError: the steps do not divide the layer, or the norm or activation cannot be applied in steps.
        """
        old = cast(nn.Conv2d, conv)
        new = cls(
            old.in_channels,
            old.out_channels,
            old.kernel_size,
            old.stride,
            old.padding,
            old.dilation,
            old.groups,
            old.bias is not None,
            old.padding_mode,
            device="meta",
            config=config,
            norm=norm,
            act=act,
        )
        return new._take(old)

    def _operator(self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            x = F.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        convolve = _CONVOLUTION[len(self.kernel_size)]
        return convolve(x, weight, bias, self.stride, padding, self.dilation, groups)  # pyright: ignore

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """Return Y = concat(G_1 .. G_n).

        Args:
            input: what the original layer takes; or, for 1-D and 2-D layers, that with a dimension for the frames,
                [B, T, Cin, L] or [B, T, Cin, H, W]. A 3-D layer takes [B, Cin, T, H, W].

        Returns:
            What the original layer returns for it.
        """
        dims = len(self.kernel_size)
        x = input.unflatten(0, (-1, self.frames or 1)) if input.dim() == dims + 2 and dims < 3 else input
        if x.dim() != (dims + 3 if dims < 3 else 5):
            raise ValueError(f"{type(self).__name__} got an input of shape {tuple(input.shape)}")
        y = arc_operator(
            x,
            self._operator,
            self.weight,
            self.bias,
            self.matrices,
            self.config,
            GEOMETRY[dims],
            groups=self.groups,
            follow=self._follow(),
        )
        y = self._finish(y, GEOMETRY[dims])
        return y if y.dim() == input.dim() else y.flatten(0, 1)

    def extra_repr(self) -> str:
        """Show the convolution and the variant."""
        return f"{super().extra_repr()}, {self.arc_repr()}"


_CONVOLUTION = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class ArcConv1d(_ArcConv, nn.Conv1d):
    """`torch.nn.Conv1d` with an evolving state: [B, T, Cin, L] or [N, Cin, L]."""


class ArcConv2d(_ArcConv, nn.Conv2d):
    """`torch.nn.Conv2d` with an evolving state: [B, T, Cin, H, W] or [N, Cin, H, W]."""


class ArcConv3d(_ArcConv, nn.Conv3d):
    """`torch.nn.Conv3d` with an evolving state: [B, Cin, T, H, W]."""


class ArcLinear(ArcLayer, nn.Linear):
    """`torch.nn.Linear` with an evolving state, on the tokens of each frame: [B, T, N, Cin] or [B, N, Cin].

    Where `frames` is set, the input is [B T, ..., Cin] and everything between is the tokens of one frame.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        config: ArcConfig | None = None,
        act: nn.Module | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device, dtype)
        self._add_arc(in_features, out_features, 1, config or ArcConfig(), None, act)

    @classmethod
    def from_layers(cls, linear: nn.Linear, act: nn.Module | None = None, config: ArcConfig | None = None) -> Self:
        """Make the ARC form of a linear layer and the activation after it, with its parameters.

        Raises:
            ValueError: the steps do not divide the layer, or the activation cannot be applied in steps.
        """
        bias = linear.bias is not None
        new = cls(linear.in_features, linear.out_features, bias, device="meta", config=config, act=act)
        return new._take(linear)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Return [..., N, c] for tokens [..., N, Cin].

        Raises:
            ValueError: the tokens of different samples could not be told apart.
        """
        if input.dim() < 3 or (self.frames is None and input.dim() > 4):
            raise ValueError(
                f"ArcLinear takes tokens [B, N, C] or [B, T, N, C], got a tensor of shape {tuple(input.shape)}; "
                "give rows that stand for themselves a dimension of one token, x[:, None]"
            )
        if self.frames is not None:
            x = input.unflatten(0, (-1, self.frames)).flatten(2, -2)
        else:
            x = input.unsqueeze(1) if input.dim() == 3 else input
        y = arc_linear(x, self.weight, self.bias, self.matrices, self.config, follow=self._follow())
        return self._finish(y, TOKENS).reshape(*input.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Show the linear layer and the variant."""
        return f"{super().extra_repr()}, {self.arc_repr()}"
