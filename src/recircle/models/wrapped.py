"""Networks from elsewhere as networks of this package: any module that maps images, or clips, to logits."""

import copy
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn
from torch.nn.parameter import UninitializedParameter

from recircle.errors import UserError
from recircle.models.base import VideoModel, check_clips
from recircle.surgery.frame_model import FrameModel
from recircle.torch_internals import Convolution
from recircle.views.preprocessing import Preprocessing

Takes = Literal["NCHW", "BTCHW", "BCTHW"]
"""What a network takes: images [N, 3, H, W], or clips with time before (BTCHW) or after (BCTHW) the colours."""

WORDS = {
    "NCHW": "images [N, 3, H, W]",
    "BTCHW": "clips [B, T, 3, H, W]",
    "BCTHW": "clips [B, 3, T, H, W]",
}


class WrappedModel(VideoModel):
    """A network from elsewhere that maps clips [B, T, 3, H, W] to logits [B, K].

    Of a network for images the logits are averaged over the frames, see `recircle.FrameModel`. Its features are what
    its one linear layer of K outputs takes; where there is no such layer they are not known.

    Attributes:
        net: the network, which is not copied; one for images is inside a `FrameModel`.
        takes: what it takes.
    """

    def __init__(
        self,
        net: nn.Module,
        num_classes: int,
        *,
        name: str,
        takes: Takes,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        super().__init__(name, preprocessing)
        self.takes: Takes = takes
        self.num_classes = num_classes
        self.net = FrameModel(net) if takes == "NCHW" else net

    @property
    def words(self) -> str:
        """What it takes, in words."""
        mean = ", whose logits are averaged over the frames" if self.takes == "NCHW" else ""
        return f"a network for {WORDS[self.takes]}{mean}"

    @property
    def fc(self) -> nn.Module:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The classifier: the one linear layer or convolution of K outputs.

        Raises:
            AttributeError: there is none, or there are several.
        """
        found = [
            module
            for module in self.net.modules()
            if (isinstance(module, nn.Linear) and module.out_features == self.num_classes)
            or (isinstance(module, Convolution) and module.out_channels == self.num_classes)
        ]
        if len(found) != 1:
            raise AttributeError(f"{self.name} has {len(found)} layers of {self.num_classes} outputs")
        return found[0]

    @property
    def classifier_keys(self) -> tuple[str, ...]:
        """Names of the parameters whose shape depends on K, where the classifier is known."""
        head = getattr(self, "fc", None)
        inside = {id(parameter) for parameter in head.parameters()} if isinstance(head, nn.Module) else set()
        return tuple(name for name, parameter in self.named_parameters() if id(parameter) in inside)

    def forward(self, clips: Tensor) -> Tensor:
        """Return logits [B, K].

        Raises:
            ValueError: the clips are not a floating-point tensor [B, T, 3, H, W].
            UserError: the network returns something else than a tensor [B, K].
        """
        _check_input(clips, self)
        if self.takes == "BCTHW":
            clips = clips.transpose(1, 2)
        # its code may ask for that, as `view` does
        return _logits(self.net(clips.contiguous()), clips, self.num_classes, self.name)

    @property
    def num_features(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the classifier takes.

        Raises:
            UserError: which layer that is is not known.
        """
        return self._linear().in_features

    def _linear(self) -> nn.Linear:
        """Return the classifier.

        Raises:
            UserError: it is not known, or no linear layer.
        """
        head = getattr(self, "fc", None)
        if isinstance(head, nn.Linear):
            return head
        raise UserError(
            f"{self.name} is a network from elsewhere without exactly one linear layer of {self.num_classes} outputs, "
            "so what its classifier takes is not known; make it a subclass of recircle.VideoModel with forward_features"
        )

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B ..."]:
        """Return what the classifier takes: [B, C], or of a network for images [B, T, C].

        Raises:
            UserError: the classifier is not known, or is not called once with features of each clip or frame.
        """
        taken: list[Tensor] = []
        handle = self._linear().register_forward_pre_hook(lambda _module, args: taken.append(args[0]))
        try:
            self(clips)
        finally:
            handle.remove()
        count = clips.shape[0] * (clips.shape[1] if self.takes == "NCHW" else 1)
        if len(taken) != 1 or taken[0].dim() != 2 or len(taken[0]) != count:
            shapes = ", ".join(str(list(one.shape)) for one in taken) or "never"
            raise UserError(
                f"{self.name} calls its classifier with {shapes}, and not once with [{count}, C], so its features are "
                "not known; make it a subclass of recircle.VideoModel with forward_features"
            )
        return taken[0].unflatten(0, clips.shape[:2]) if self.takes == "NCHW" else taken[0]

    def forward_head(self, features: Float[Tensor, "B ..."], pre_logits: bool = False) -> Float[Tensor, "B ..."]:
        """Return the features themselves with `pre_logits`, and else what the classifier makes of them."""
        if pre_logits:
            return features
        logits = self._linear()(features)
        return logits.mean(1) if self.takes == "NCHW" else logits

    def reset_classifier(self, num_classes: int, dropout: float | None = None) -> None:  # noqa: ARG002
        """Refuse: how its classifier is made is not known.

        Raises:
            UserError: always.
        """
        raise UserError(f"how the classifier of {self.name} is made is not known here; build it with {num_classes}")

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Bring a state dict of the bare network to the names it has here."""
        prefix = "net.net." if self.takes == "NCHW" else "net."
        known = self.state_dict().keys()
        return {key if key in known else f"{prefix}{key}": value for key, value in state.items()}

    def try_out(self, frames: int, size: tuple[int, int]) -> None:
        """Run a copy in both modes, on noise, so that a network that does not fit is told before it is trained.

        Args:
            frames: T.
            size: (height, width).

        Raises:
            UserError: it does not run, or does not return logits [B, K].
        """
        tried = _copied(self)
        for mode in (False, True):
            tried.train(mode)
            problem = _problem(tried, _noise("BTCHW", frames, size, self))
            if problem:
                when = "in training mode " if mode else ""
                raise UserError(f"{self.name} does not fit {when}as a network for {WORDS[self.takes]}: {problem}")


def wrap_network(
    net: nn.Module,
    *,
    frames: int,
    size: tuple[int, int],
    takes: Takes | None = None,
    preprocessing: Preprocessing | None = None,
) -> VideoModel:
    """Return a network that was made elsewhere as one of this package; one that is one already is returned itself.

    Args:
        net: the network. It is not copied, so that to train the result is to train it.
        frames: T of the clips that it will be given.
        size: their (height, width).
        takes: what it takes. None finds out by running a copy on noise of each shape: a network that takes exactly
            one of them is one for that.
        preprocessing: how frames become its input; None is ImageNet's, with crops of 224 pixels.

    Raises:
        UserError: it takes none of the shapes, or several and `takes` does not say which; it returns no logits; or it
            has no parameters, or some that have no shape yet.
    """
    if isinstance(net, VideoModel):
        return net
    name = class_name(net)
    if takes is not None and takes not in get_args(Takes):
        raise UserError(f"takes={takes!r} is not one of {', '.join(get_args(Takes))}")
    if not any(True for _ in net.parameters()):
        raise UserError(f"{name} has no parameters, so there is nothing to train")
    if any(isinstance(parameter, UninitializedParameter) for parameter in net.parameters()):
        raise UserError(f"{name} has lazy layers, whose shapes are not known yet; run it once on a clip before this")
    tried = _copied(net).eval()
    problems: dict[Takes, str] = {
        one: _problem(tried, _noise(one, frames, size, net)) for one in _candidates(net, takes)
    }
    fits: list[Takes] = [one for one, problem in problems.items() if not problem]
    if len(fits) > 1:
        choices = " or ".join(f"takes={one!r} for {WORDS[one]}" for one in fits)
        raise UserError(f"{name} runs on several shapes, so that it must be said which is meant: {choices}")
    if not fits:
        reasons = "".join(f"\n  takes={one!r}, {WORDS[one]}: {problem}" for one, problem in problems.items())
        raise UserError(
            f"{name} cannot be used: it is to return logits [B, K] (or of images, [N, K]); of {frames} frames of "
            f"{size[0]} x {size[1]} pixels it was given:{reasons}"
        )
    classes = _outputs(tried, _noise(fits[0], frames, size, net))
    return WrappedModel(net, classes, name=name, takes=fits[0], preprocessing=preprocessing)


def class_name(net: nn.Module) -> str:
    """Return what to call a network; one for images by its own class, whatever makes it one for clips."""
    return type(net.net if isinstance(net, FrameModel) else net).__name__


def _candidates(net: nn.Module, takes: Takes | None) -> tuple[Takes, ...]:
    if takes is not None:
        return (takes,)
    return ("BTCHW",) if isinstance(net, FrameModel) else ("NCHW", "BTCHW", "BCTHW")


def _copied(net: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(net)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise UserError(
            f"{type(net).__name__} cannot be copied (copy.deepcopy: {_first_line(error)}), which evaluation has to do"
        ) from None


def _noise(takes: Takes, frames: int, size: tuple[int, int], net: nn.Module) -> Tensor:
    """Return two images or clips of noise, on the network's device."""
    shape = {"NCHW": (2, 3), "BTCHW": (2, frames, 3), "BCTHW": (2, 3, frames)}[takes]
    noise = torch.rand(*shape, *size, generator=torch.Generator().manual_seed(0))
    return noise.to(next(net.parameters()).device)


def _problem(net: nn.Module, clips: Tensor) -> str:
    """Return why a network does not make logits of clips, in words; empty where it does."""
    try:
        with torch.no_grad():
            output = net(clips)
    except UserError as error:
        return str(error)
    except Exception as error:  # the code of anybody may raise anything
        return f"{type(error).__name__}: {_first_line(error)}"
    if not isinstance(output, Tensor) or output.dim() != 2 or len(output) != len(clips):
        return f"it returned {_describe(output)} and no tensor [{len(clips)}, K]"
    return "" if output.is_floating_point() else f"it returned {_describe(output)}, which can be no logits"


def _outputs(net: nn.Module, clips: Tensor) -> int:
    with torch.no_grad():
        return net(clips).shape[1]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "it says nothing more").splitlines()[0]


def _describe(output: Any) -> str:
    if isinstance(output, Tensor):
        return f"a tensor {list(output.shape)} of {output.dtype}"
    return f"a {type(output).__name__}"


@fx.wrap  # a symbolic trace sees one call, not the questions about shapes
def _check_input(clips: Tensor, model: VideoModel) -> None:
    check_clips(clips, model)


@fx.wrap
def _logits(output: Any, clips: Tensor, classes: int, name: str) -> Tensor:
    """Return what a network returned, if that is logits [B, K].

    Raises:
        UserError: it is something else.
    """
    if not isinstance(output, Tensor):
        raise UserError(
            f"{name} returned {_describe(output)} and no tensor of logits [B, K]; wrap it in a module that returns its "
            "logits alone"
        )
    if output.dim() != 2 or output.shape[1] != classes:
        raise UserError(
            f"{name} returned {_describe(output)} for {clips.shape[0]} clips of {classes} classes; logits "
            f"[{clips.shape[0]}, {classes}] are wanted"
        )
    return output
