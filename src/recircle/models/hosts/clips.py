"""Video networks of transformers as networks of this package."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack, cast

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn

from recircle.arc.config import ArcConfig
from recircle.arc.linear import ArcLinear
from recircle.errors import UserError
from recircle.models.base import VideoModel
from recircle.models.hosts.families import FAMILIES, Family
from recircle.models.hosts.libraries import import_transformers
from recircle.models.hosts.options import ClipOptions
from recircle.models.hosts.processors import cropped
from recircle.models.hosts.source import Host, read_classes, split_revision
from recircle.models.hosts.weights import Classifier, adopt_classifier, report_loading
from recircle.models.tokens import TokenGrid
from recircle.surgery.convert import convert
from recircle.views.preprocessing import Preprocessing


class ClipHost(VideoModel):
    """A video classifier of transformers, up to its classifier, and one of ours behind it.

    Attributes:
        net: the network, whose `classifier` passes on what it is given.
        host: what it was built from.
        token_grid: where its tokens lie, or None where that is not known.
        blocks: the name of its list of blocks, whose inputs are the tokens; empty where that is not known.
    """

    consensus = "features"

    def __init__(
        self,
        host: Host,
        net: nn.Module,
        num_classes: int,
        preprocessing: Preprocessing,
        *,
        frames: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(host.name, preprocessing)
        self.host = host
        family = FAMILIES.get(host.network)
        config = net.config.to_dict()  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
        self.net = net
        self.net.classifier = nn.Identity()
        self.num_features = int(config["hidden_size"])
        self.token_grid: TokenGrid | None = family.grid(config) if family is not None else None
        self.blocks = f"net.{family.blocks}" if family is not None else ""
        self.usual_frames = frames
        step = self.token_grid.frames if self.token_grid is not None else 1
        if family is not None and family.any_length:
            self.min_frames = self.frame_multiple = step
        else:
            self.min_frames = self.max_frames = frames
        self.size = preprocessing.crop_size
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B C"]:
        """Return what the classifier takes, [B, C], for clips [B, T, 3, H, W].

        Raises:
            ValueError: the frames have another size.
        """
        check_size(clips, self)
        return self.net(**{str(self.net.main_input_name): clips}).logits

    def forward_head(self, features: Float[Tensor, "B C"], pre_logits: bool = False) -> Float[Tensor, "B K"]:
        """Classify what `forward_features` returned; with `pre_logits` return it as it is."""
        return features if pre_logits else self.fc(self.dropout(features))

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of its blocks."""
        if not self.blocks:
            return super().stages
        return tuple(f"{self.blocks}.{name}" for name, _ in self.get_submodule(self.blocks).named_children())

    def make_classifier(self, num_classes: int) -> nn.Module:
        """Return a new classifier of K classes, weights from N(0, 0.02) and no bias at first."""
        fc = nn.Linear(self.num_features, num_classes)
        nn.init.trunc_normal_(fc.weight, std=0.02)
        nn.init.zeros_(fc.bias)
        return fc

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Bring transformers' names of the whole classifier to those here."""
        known = self.state_dict().keys()
        renamed = {key if key in known else f"net.{key}": value for key, value in state.items()}
        return {key.replace("net.classifier.", "fc.", 1): value for key, value in renamed.items()}


@fx.wrap  # a symbolic trace sees one call, not the questions about shapes
def check_size(clips: Tensor, model: VideoModel) -> None:
    """Insist on frames of the size that the network takes; see `VideoModel.check_size`."""
    model.check_size(clips.shape[-2], clips.shape[-1])


def build_clip_host(
    num_classes: int,
    host: Host,
    *,
    weights: bool,
    labels: Sequence[str] = (),
    **options: Unpack[ClipOptions],
) -> ClipHost:
    """Return the network of a host.

    Args:
        num_classes: K.
        host: of transformers.
        weights: load those of its name; otherwise they are drawn.
        labels: the classes of the clips, for a classifier that knows them.
        **options: see `ClipOptions`.

    Raises:
        UserError: transformers has no video classifier of that kind, or an option does not fit it, or the weights do
            not.
    """
    transformers = import_transformers()
    config = _config(transformers, host, options)
    family = FAMILIES.get(host.network)
    frames = int(getattr(config, family.frames if family is not None else "num_frames", 0) or 16)
    automatic = transformers.AutoModelForVideoClassification
    report = classifier = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        if weights:
            net, classifier, report = _load(automatic, host, config)
        else:
            net = automatic.from_config(config, dtype=torch.float32)
    _simplify(net)
    preprocessing = host.preprocessing
    if size := options.get("size"):
        preprocessing = cropped(preprocessing, (size, size), _scaled(preprocessing, size))
    dropout = options.get("dropout", 0.0)
    model = ClipHost(host, net, num_classes, preprocessing, frames=frames, dropout=dropout)
    if classifier is not None and report is not None:
        model.load_report = adopt_classifier(model, classifier, labels, report, keep=options.get("keep_head", False))
    arc = options.get("arc")
    if arc is not None:
        _convert(model, family, arc, options.get("where", ""), options.get("stem", False))
    return model.train()


def _config(transformers: Any, host: Host, options: ClipOptions) -> Any:
    """Return transformers' config with the options in it.

    Raises:
        UserError: it has no video classifier of that kind, or the option is none of it.
    """
    family = FAMILIES.get(host.network)
    known = transformers.models.auto.modeling_auto.MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES
    if host.network not in known:
        raise UserError(
            f"{host.name} is of the kind {host.network!r}, of which transformers {transformers.__version__} has no "
            f"video classifier; it has them for {', '.join(sorted(known))}"
        )
    content = dict(host.config)
    fields = {"frames": family and family.frames, "size": family and family.size}
    fields["drop_path"] = family and family.drop_path
    for option, field in fields.items():
        value = options.get(option)
        if not value and not (option == "drop_path" and value is not None):
            continue
        if not field:
            raise UserError(f"{host.name} has no option {option}: networks of the kind {host.network!r} have none")
        content[field] = value
    if content.get("attention_type") == "space_only":
        raise UserError(f"{host.name} attends over space only and classifies single frames, so it takes no clips")
    try:
        config = transformers.CONFIG_MAPPING[host.network].from_dict(content)
        if family is not None:
            family.grid(content | config.to_dict())
    except Exception as problem:  # it checks its fields by errors of several libraries
        reason = str(problem).strip().partition("\n")[0]
        raise UserError(f"{host.name}: its config cannot be used: {type(problem).__name__}: {reason}") from None
    return config


def _load(automatic: Any, host: Host, config: Any) -> tuple[Any, Classifier, Any]:
    """Return the network with its weights, its classifier, and what was loaded."""
    place, revision = (host.place, None) if Path(host.place).is_dir() else split_revision(host.place)
    classes = read_classes(host)
    if classes:
        config.num_labels = len(classes)
    try:
        net, told = automatic.from_pretrained(
            place,
            config=config,
            revision=host.revision or revision or "main",
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
            trust_remote_code=False,
        )
    except Exception as problem:  # errors of several libraries
        reason = str(problem).strip().partition("\n")[0]
        raise UserError(f"the weights of {host.name} cannot be loaded: {reason}") from None
    report = report_loading(host, net, told)
    has_head = not any(key.startswith("classifier.") for key in report.kept)
    linear = cast(nn.Linear, net.classifier)
    return net, Classifier(linear if has_head else None, classes), report


def _simplify(net: Any) -> None:
    """Give a network layers that ARC knows in place of transformers' own of the same function, and drop idle parts."""
    for name, module in list(net.named_modules()):
        if type(module).__name__ == "GELUActivation":
            net.set_submodule(name, nn.GELU())
    trunk = getattr(net, "vjepa2", None)
    if trunk is not None:
        # it fills in masked parts in pretraining, and is not called for classification
        trunk.predictor = nn.Identity()


def _scaled(preprocessing: Preprocessing, size: int) -> int | None:
    """Return the shorter side before the crop, for another crop."""
    if isinstance(preprocessing.resize, tuple):
        return None
    return round(preprocessing.resize * size / min(preprocessing.crop_size))


def _convert(model: ClipHost, family: Family | None, arc: ArcConfig, where: str, stem: bool) -> None:
    """Turn the first linear layers of the blocks' MLPs into ARC layers, or those that are asked for.

    Raises:
        UserError: ARC cannot be right there.
    """
    if where == "convolutions":
        raise UserError(
            f"where=convolutions: {model.name} has one, which cuts the clip into patches and reads the frames "
            "themselves, so that there is no state to evolve; leave out where for its MLPs"
        )
    if where in ("", "mlps"):
        if family is None:
            raise UserError(
                f"the MLPs of {model.name} are not known here; give their first linear layers as patterns, such as "
                "--model.options where '*.mlp.fc1'"
            )
        patterns = [f"{model.blocks}.*.{family.mlp}"]
    else:
        patterns = [part.strip() for part in where.split(",")]
    grid = model.token_grid
    whole = grid is None or grid.others > 0 or grid.time_last
    if whole and arc.evolves and arc.attention and arc.aggregation != "ST":
        reason = "has a token that is of no frame" if grid is not None and grid.others else "does not tell of its order"
        raise UserError(
            f"arc.aggregation={arc.aggregation!r}: {model.name} hands the tokens of a clip on as one row, which "
            f"{reason}, so that they cannot be pooled over space or over time alone; use aggregation='ST', over all"
        )
    convert(model, config=arc, where=patterns, stem=stem)
    if grid is None or whole:
        return
    _, rows, columns = grid.cells(grid.frames, model.preprocessing.crop_size)
    for module in model.net.modules():
        if isinstance(module, ArcLinear):
            module.frames, module.places = None, rows * columns
