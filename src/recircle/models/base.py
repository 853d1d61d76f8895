"""What every network of this package is: clips in, logits out, at any number of frames."""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, fx, nn

from recircle.errors import UserError
from recircle.layers.memory import State
from recircle.models import online
from recircle.models.load_report import LoadReport
from recircle.public import public
from recircle.torch_internals import BatchNorm, Convolution
from recircle.views.preprocessing import Preprocessing


@public
class VideoModel(nn.Module):
    """A network that classifies clips [B, T, 3, H, W].

    A subclass builds its trunk, calls `reset_classifier`, and implements `forward_features`. One with another head also
    overrides `forward_head` and `reset_classifier`; its classifier, whatever it consists of, is the module `fc`.

    Attributes:
        consensus: what is averaged over the frames of the last feature map: the "logits" of each, or the "features"
            before dropout and classifier.
        min_frames: the smallest T it takes.
        max_frames: the largest T it takes, or None.
        frame_multiple: T is a multiple of this.
        causal: no frame's output depends on a later frame, so that the network can run frame by frame.
        usual_frames: the T that its weights were trained with, where that is known.
        size: the (height, width) of the only frames that it takes, or None.
        name: the name it was created under, such as `tsm_resnet18`.
        num_classes: K.
        num_features: what the classifier takes.
        preprocessing: how the frames of a clip become its input; training saves it with the weights.
        dropout: on the pooled features.
        fc: the classifier.
        load_report: what `create_model` loaded from a weight file, or None.
    """

    consensus: ClassVar[Literal["logits", "features"]] = "logits"
    min_frames: int = 1
    max_frames: int | None = None
    frame_multiple: int = 1
    causal: bool = False
    usual_frames: int | None = None
    size: tuple[int, int] | None = None
    name: str
    num_classes: int
    num_features: int
    preprocessing: Preprocessing
    dropout: nn.Dropout
    fc: nn.Module
    load_report: LoadReport | None = None

    def __init__(self, name: str, preprocessing: Preprocessing | None = None) -> None:
        super().__init__()
        self.name = name
        self.preprocessing = preprocessing or Preprocessing()

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B ..."]:
        """Return the trunk's last features, which `forward_head` takes, for clips [B, T, 3, H, W].

        They are maps [B, t, C, h, w], t being smaller than T where the trunk strides over time, unless the subclass
        says otherwise.
        """
        raise NotImplementedError

    def forward_head(self, features: Float[Tensor, "B ..."], pre_logits: bool = False) -> Float[Tensor, "B ..."]:
        """Classify feature maps.

        Args:
            features: [B, t, C, h, w], from `forward_features`.
            pre_logits: stop before dropout and the classifier.

        Returns:
            Logits [B, K]; or with `pre_logits` what the classifier takes: the pooled features of each frame,
            [B, t, C], or where `consensus` is "features" of all frames, [B, C].
        """
        pooled = features.mean((-2, -1))
        if self.consensus == "features":
            pooled = pooled.mean(1)
        if pre_logits:
            return pooled
        logits = self.fc(self.dropout(pooled))
        return logits.mean(1) if self.consensus == "logits" else logits

    def forward(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B K"]:
        """Return logits [B, K].

        Args:
            clips: [B, T, 3, H, W], floating point, normalised by `preprocessing.normalise`. T may differ from call to
                call, in the bounds that `check_frames` knows.

        Raises:
            ValueError: the clips have another shape, are not floating point, or have too few or too many frames.
        """
        check_clips(clips, self)
        return self.forward_head(self.forward_features(clips))

    def initial_state(self, batch: int = 1, size: tuple[int, int] | None = None) -> State:
        """Return what a causal network remembers before the first frame of a video.

        Args:
            batch: videos that run side by side.
            size: (height, width) of their frames; None is that of the `preprocessing`.

        Returns:
            Tensors [batch, ...] by name: of each layer that looks back what it remembers, the "frames" so far, and the
            mean of their "logits". On the device of the network, and with its numbers.

        Raises:
            UserError: the network is not causal.
        """
        self.check_causal()
        return online.initial_state(self, self._frame_logits, batch, size or self.preprocessing.crop_size)

    def forward_step(
        self, frames: Float[Tensor, "B 3 H W"], state: Mapping[str, Tensor]
    ) -> tuple[Float[Tensor, "B K"], State]:
        """Return the logits of the video so far after one more frame, which costs what one frame does.

        They are those that `forward` returns for the clip of all frames so far, up to rounding.

        Args:
            frames: [B, 3, H, W], the next frame of each video, as `forward` takes those of clips.
            state: what the step before returned, or `initial_state`; it stays as it is. Its tensors can be saved,
                moved to another device, and cut and joined along B: each video stands for itself.

        Returns:
            Logits [B, K], and the state for the next frame.

        Raises:
            UserError: the network is not causal, or the state is not one of it.
            ValueError: the frames have another shape, or are not floating point.
        """
        check_clips(frames.unsqueeze(1), self)
        self.check_causal()
        return online.forward_step(self, self._frame_logits, frames, state)

    def forward_prefixes(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T K"]:
        """Return the logits after each frame of clips, [B, T, K]: at t those of the clip of the frames up to t.

        Args:
            clips: as in `forward`.

        Raises:
            UserError: the network is not causal.
            ValueError: the clips have another shape, or are not floating point.
        """
        check_clips(clips, self)
        self.check_causal()
        return online.prefix_logits(self._frame_logits(clips))

    def _frame_logits(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T K"]:
        assert self.consensus == "logits"
        pooled = self.forward_head(self.forward_features(clips), pre_logits=True)
        return self.fc(self.dropout(pooled))

    def check_causal(self) -> None:
        """Insist that no frame's output depends on a later frame.

        Raises:
            UserError: one does; the message says what to do.
        """
        if not self.causal:
            raise UserError(
                f"{self.name} was not created, and trained, with causal=True, so it does not run frame by frame; TSN "
                "and TSM with ResNets and EfficientNet-Lite can be, with ARC or without"
            )
        if (name := online.layer_that_looks_ahead(self)) is not None:
            raise UserError(
                f"{name} of {self.name} looks at later frames, so the network cannot run frame by frame; convert it "
                "with ArcConfig(causal=True)"
            )

    def nearest_frames(self, frames: int) -> int:
        """Return the smallest T that the network takes and that is no less than `frames`; or else its largest."""
        multiple = self.frame_multiple
        nearest = -(-max(frames, self.min_frames) // multiple) * multiple
        return nearest if self.max_frames is None else min(nearest, self.max_frames)

    def check_frames(self, frames: int) -> None:
        """Insist that the network can take clips of so many frames.

        Raises:
            UserError: it cannot; the message says what it takes.
        """
        least, most, multiple = self.min_frames, self.max_frames, self.frame_multiple
        if frames % multiple == 0 and least <= frames and (most is None or frames <= most):
            return
        takes = f"{least} to {most} frames" if most is not None else f"{max(least, multiple)} frames or more"
        if least == most:
            takes = f"{least} frames"
        elif multiple > 1:
            takes += f", a multiple of {multiple}"
        raise UserError(f"a clip of {frames} frames: {self.name} takes {takes}")

    def check_size(self, height: int, width: int) -> None:
        """Insist that the network can take frames of so many pixels.

        Raises:
            UserError: it cannot; the message says what it takes.
        """
        if self.size is not None and self.size != (height, width):
            raise UserError(
                f"frames of {height} x {width} pixels: {self.name} takes {self.size[0]} x {self.size[1]}, which its "
                "positions are for"
            )

    def reset_classifier(self, num_classes: int, dropout: float | None = None) -> None:
        """Put a new classifier on the trunk, with initial weights.

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
        self.fc = self.make_classifier(num_classes).to(like)
        self.num_classes = num_classes

    def make_classifier(self, num_classes: int) -> nn.Module:
        """Return a new classifier of K classes: here as in TSN and TSM, weights from N(0, 0.001) and no bias at first.

        A subclass whose published code draws other weights, or has another head, overrides this.
        """
        fc = nn.Linear(self.num_features, num_classes)
        nn.init.normal_(fc.weight, std=0.001)
        nn.init.zeros_(fc.bias)
        return fc

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages or blocks that a clip goes through one after the other, the first one first.

        Of a network of trunks beside one another there are none.
        """
        return stages_of(self, leaving=getattr(self, "fc", None))

    @property
    def classifier_keys(self) -> tuple[str, ...]:
        """Names of the parameters whose shape depends on K; a file of other classes loads without them."""
        return ("fc.weight", "fc.bias")

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Bring a published state dict, of this network or of its image trunk, to this network's names and shapes.

        Names that are not known stay as they are, and the caller reports them; so do those of this package.

        Raises:
            UserError: the file belongs to another kind of network.
        """
        return state

    def added_parameters(self) -> set[str]:
        """Return the names of parameters that weights of the image trunk cannot have; they may all be missing."""
        return set()


@fx.wrap  # a symbolic trace sees one call here, not the questions about shapes
def check_clips(clips: Tensor, model: VideoModel) -> None:
    """Insist on normalised clips that the network can take.

    Raises:
        ValueError: the clips are not a floating-point tensor [B, T, 3, H, W], or the network cannot take T frames.
    """
    if clips.dim() != 5 or clips.shape[2] != 3:
        raise ValueError(
            f"clips of shape {tuple(clips.shape)}: the shape wanted is [B, T, 3, H, W] "
            "(give a single clip as clip[None], channels-first frames)"
        )
    if not clips.is_floating_point():
        raise ValueError(f"clips of dtype {clips.dtype}: normalise frames first, model.preprocessing.normalise(frames)")
    model.check_frames(clips.shape[1])


def stages_of(module: nn.Module, prefix: str = "", *, leaving: object = None) -> tuple[str, ...]:
    """Return the names of the parts of a trunk that have parts themselves; of a single list of them, its elements.

    Args:
        module: the trunk, whose parts are registered in the order in which they run.
        prefix: of the names.
        leaving: a part that does not count, such as the classifier.
    """
    parts = {
        f"{prefix}{name}": child
        for name, child in module.named_children()
        if child is not leaving and any(True for _ in child.children()) and any(True for _ in child.parameters())
    }
    lists = [name for name, child in parts.items() if isinstance(child, nn.Sequential | nn.ModuleList)]
    if len(lists) == 1:
        return tuple(f"{lists[0]}.{name}" for name, _ in parts[lists[0]].named_children())
    if len(parts) == 1:
        only = next(iter(parts))
        return stages_of(parts[only], f"{only}.", leaving=leaving)
    return tuple(parts)


def initialise_trunk(model: nn.Module) -> None:
    """Draw convolutions from He's normal distribution (fan out, ReLU) and set norms to 1 and 0, as torchvision does.

    The fan of a grouped convolution is that of one group, as TensorFlow has it for EfficientNet.
    """
    for module in model.modules():
        if isinstance(module, Convolution):
            fan_out = module.out_channels // module.groups * math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, BatchNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
