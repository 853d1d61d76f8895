"""Image networks of timm as networks of this package: on each frame as TSN has it, or with TSM's temporal shift."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from jaxtyping import Float
from torch import Tensor, nn

from recircle.arc.config import ArcConfig
from recircle.errors import UserError
from recircle.models.base import VideoModel
from recircle.models.hosts.clips import check_size
from recircle.models.hosts.libraries import import_timm
from recircle.models.hosts.options import HostOptions
from recircle.models.hosts.processors import cropped
from recircle.models.hosts.shift import place_shifts
from recircle.models.hosts.source import Host
from recircle.models.hosts.weights import Classifier, adopt_classifier
from recircle.models.load_report import LoadReport
from recircle.models.tokens import TokenGrid
from recircle.models.weight_files import first_of, not_finite
from recircle.surgery.convert import convert
from recircle.surgery.frame_model import on_frames
from recircle.torch_internals import Convolution
from recircle.views.preprocessing import Preprocessing


class ImageHost(VideoModel):
    """An image network of timm up to its classifier, on each frame of a clip, and a classifier of ours behind it.

    Attributes:
        net: the network, without its classifier.
        host: what it was built from.
        token_grid: where the tokens of a frame lie, for a vision transformer; else None.
        blocks: the name of its list of blocks, whose inputs are the tokens; else empty.
        shifted: names of the layers whose input is shifted in time.
    """

    def __init__(
        self, host: Host, net: nn.Module, num_classes: int, preprocessing: Preprocessing, *, dropout: float = 0.0
    ) -> None:
        super().__init__(host.name, preprocessing)
        self.host = host
        self.net = net
        self.num_features = int(getattr(net, "head_hidden_size", None) or net.num_features)  # pyright: ignore[reportArgumentType]
        patches = getattr(net, "patch_embed", None)
        self.token_grid: TokenGrid | None = None
        self.blocks = ""
        if isinstance(getattr(net, "blocks", None), nn.Sequential) and hasattr(patches, "patch_size"):
            height, width = patches.patch_size  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue, reportGeneralTypeIssues]
            others = int(getattr(net, "num_prefix_tokens", 0))
            self.token_grid = TokenGrid(height=height, width=width, others=others)
            self.blocks = "net.blocks"
        fixed = getattr(patches, "strict_img_size", False) and not getattr(net, "dynamic_img_size", False)
        self.size = preprocessing.crop_size if fixed else None
        self.shifted: tuple[str, ...] = ()
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T ..."]:
        """Return timm's features of each frame: maps [B, T, C, h, w], or [B, T, h, w, C]; or tokens [B, T, N, C].

        Raises:
            ValueError: the frames have another size than the network takes.
        """
        check_size(clips, self)
        run: Any = self.net.forward_features
        return on_frames(self.net, clips, run).unflatten(0, clips.shape[:2])

    def forward_head(self, features: Float[Tensor, "B T ..."], pre_logits: bool = False) -> Float[Tensor, "B ..."]:
        """Pool each frame as timm does, and classify; with `pre_logits` stop at the pooled features [B, T, C]."""
        head: Any = self.net.forward_head

        def pool(x: Tensor) -> Tensor:
            return head(x, pre_logits=True)

        pooled = on_frames(self.net, features, pool).unflatten(0, features.shape[:2])
        return pooled if pre_logits else self.fc(self.dropout(pooled)).mean(1)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of its blocks or stages."""
        for name in ("blocks", "stages", "layers"):
            if isinstance(getattr(self.net, name, None), nn.Sequential | nn.ModuleList):
                return tuple(f"net.{name}.{part}" for part, _ in self.net.get_submodule(name).named_children())
        found = [name for name, _ in self.net.named_children() if re.fullmatch(r"(layer|s|stage)\d+", name)]
        return tuple(f"net.{name}" for name in found) or super().stages

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Bring timm's names to those here, also that of its classifier."""
        known = self.state_dict().keys()
        head = getattr(self.net, "pretrained_cfg", {}).get("classifier")
        if isinstance(head, str) and not any(key.startswith("net.") for key in state):
            state = {
                f"fc.{key.removeprefix(f'{head}.')}" if key.startswith(f"{head}.") else key: value
                for key, value in state.items()
            }
        renamed = {key if key in known else f"net.{key}": value for key, value in state.items()}
        for layer in self.shifted:
            inside = f"net.{layer}."
            renamed = {
                key.replace(inside, f"{inside}1.", 1) if key.startswith(inside) and key not in known else key: value
                for key, value in renamed.items()
            }
        return renamed


def build_image_host(
    num_classes: int,
    host: Host,
    *,
    weights: bool,
    labels: Sequence[str] = (),
    **options: Unpack[HostOptions],
) -> ImageHost:
    """Return the network of a host.

    Args:
        num_classes: K.
        host: of timm.
        weights: load those of its name; otherwise they are drawn.
        labels: the classes of the clips, for a classifier that knows them.
        **options: see `HostOptions`.

    Raises:
        UserError: timm cannot build it so, or its weights cannot be had; or the temporal shift, or ARC, has no place in
            it.
    """
    timm = import_timm()
    arguments: dict[str, Any] = dict(host.config)
    if "drop_path" in options:
        arguments["drop_path_rate"] = options["drop_path"]
    preprocessing = host.preprocessing
    if size := options.get("size"):
        share = min(preprocessing.crop_size) / (
            preprocessing.resize if isinstance(preprocessing.resize, int) else min(preprocessing.resize)
        )
        preprocessing = cropped(preprocessing, (size, size), round(size / share))
    net, classifier, report = _create(timm, host, arguments, preprocessing, weights=weights)
    model = ImageHost(host, net, num_classes, preprocessing, dropout=options.get("dropout", 0.0))
    if classifier is not None and report is not None:
        keep = options.get("keep_head", False)
        model.load_report = adopt_classifier(model, classifier, labels, report, keep=keep)
    if host.shifted:
        model.shifted = place_shifts(model.net, host.name)
    arc = options.get("arc")
    if arc is not None:
        _convert(model, arc, options.get("where", ""), options.get("stem", False))
    return model.train()


def _create(
    timm: Any, host: Host, arguments: dict[str, Any], preprocessing: Preprocessing, *, weights: bool
) -> tuple[nn.Module, Classifier | None, LoadReport | None]:
    """Return timm's network without its classifier, the classifier, and what was loaded."""
    height, width = preprocessing.crop_size
    place = host.place
    name = f"local-dir:{place}" if Path(place).is_dir() else place
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            if not weights:
                net = _sized(timm, host.network, arguments, (height, width), pretrained=False, num_classes=0)
                return net, None, None
            net = _sized(timm, name, arguments, (height, width), pretrained=True)
    except UserError:
        raise
    except Exception as problem:  # timm, its hub and torch raise errors of many kinds
        reason = str(problem).strip().partition("\n")[0]
        what = "the weights" if weights else "the network"
        raise UserError(
            f"{what} of {host.name} cannot be had: {type(problem).__name__}: {reason}"
            + ("; --model.pretrained none starts without weights" if weights else "")
        ) from None
    broken = not_finite(net.state_dict())
    if broken:
        raise UserError(f"the weights of {host.name} hold numbers that are infinite or NaN, in {first_of(broken)}")
    linear = net.get_classifier()
    classes = tuple(net.pretrained_cfg.get("label_names") or ())
    loaded = len(net.state_dict())
    head = Classifier(linear if isinstance(linear, nn.Linear) else None, classes)
    net.reset_classifier(0)
    return net, head, LoadReport(path=Path(place), weights=host.name, loaded=loaded)


def _sized(timm: Any, name: str, arguments: dict[str, Any], size: tuple[int, int], **others: Any) -> Any:
    """Build a network; those whose positions are for a size are built for that of the frames."""
    usual = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if usual is not None and tuple(usual.input_size[-2:]) == size:
        return timm.create_model(name, **arguments, **others)
    try:
        return timm.create_model(name, **(arguments | {"img_size": size}), **others)
    except TypeError:
        # one of convolutions takes any size, and has no such argument
        return timm.create_model(name, **arguments, **others)


def _convert(model: ImageHost, arc: ArcConfig, where: str, stem: bool) -> None:
    """Turn layers into ARC layers: convolutions that see more than one place, or else the MLPs' first linear layers.

    Raises:
        UserError: there are none of those that are asked for.
    """
    seen = [m for m in model.net.modules() if isinstance(m, Convolution)]
    others = [m for m in seen[1:] if max(m.kernel_size) > 1]
    chosen = where or ("convolutions" if others else "mlps")
    if chosen == "convolutions" and not others and not stem:
        raise UserError(
            f"where=convolutions: {model.name} has none beside the one that cuts frames into patches, whose input are "
            "the frames themselves; leave out where for its MLPs"
        )
    patterns = None if chosen == "convolutions" else ["*.mlp.fc1"] if chosen == "mlps" else chosen.split(",")
    convert(model, config=arc, where=patterns, stem=stem)
    # a capture for export cannot tell clips of one frame from images where the frames lie in the batch
    model.min_frames = 2
