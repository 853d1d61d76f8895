"""The plain arguments of `recircle.train`, and what each sets in a `TrainConfig`."""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypedDict

from recircle.arc.config import ArcConfig
from recircle.decode.frames import Backend
from recircle.engines.engine import TorchPrecision
from recircle.errors import UserError
from recircle.evaluation.protocol import Fusion, Protocol
from recircle.models.registry import Option
from recircle.public import public
from recircle.training.config import ClassWeights, FreezeNorms, TrainConfig
from recircle.training.lora import Lora
from recircle.training.optimiser import Optimiser
from recircle.training.schedule import Schedule
from recircle.views.augmentation import Augmentation
from recircle.views.crops import Crops
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling


@public
class TrainSettings(TypedDict, total=False):
    """What `recircle.train` takes by name; what is left out is as the recipe has it.

    Attributes:
        output: folder of the run.
        epochs: see `TrainConfig`, like the others up to `keep`.
        optimiser: the whole `Optimiser`, or its kind: "sgd" or "adamw".
        lr: see `Optimiser`, like weight_decay, momentum and head_lr.
        schedule: the whole `Schedule`, or its kind: "step" or "cosine".
        milestones: see `Schedule`, like warmup and warmup_share.
        evaluation: the whole `Protocol`.
        clips: views of a clip in the evaluation, see `Protocol`, like crops and fusion.
        frames: T of a view, see `Sampling`, like stride (of dense sampling) and fps.
        sampling: the whole `Sampling`.
        resize: see `Preprocessing`, like crop.
        preprocessing: the whole `Preprocessing`.
        flip: see `Augmentation`.
        augmentation: the whole `Augmentation`.
        train_split: see `DataConfig`, like val_split, groups, test_groups, workers, seconds, backend and cache.
        pretrained: see `ModelConfig`, like width, dropout, arc and options.
    """

    output: str | Path
    epochs: int
    batch_size: int
    accumulate: int
    clip_norm: float | None
    precision: TorchPrecision
    ema: float | None
    freeze_norms: FreezeNorms
    trainable: str
    lora: Lora
    freeze: Sequence[str]
    label_smoothing: float
    class_weights: ClassWeights
    minutes: float | None
    seed: int
    checkpoint_every: int | None
    keep: int
    tracker: str | None
    channels_last: bool
    optimiser: Optimiser | Literal["sgd", "adamw"]
    lr: float
    weight_decay: float
    momentum: float
    head_lr: float
    schedule: Schedule | Literal["step", "cosine"]
    milestones: Sequence[int]
    warmup: float
    warmup_share: float
    evaluation: Protocol
    clips: int
    crops: Crops
    fusion: Fusion
    sampling: Sampling
    frames: int
    stride: int
    fps: float | None
    preprocessing: Preprocessing
    resize: int | tuple[int, int]
    crop: int | tuple[int, int]
    augmentation: Augmentation
    flip: Literal["auto", "off", "always"]
    train_split: str
    val_split: str
    groups: Sequence[str]
    test_groups: Sequence[str]
    workers: int
    seconds: float
    backend: Backend
    cache: str | Path | None
    pretrained: str | Path | None
    width: int | None
    dropout: float | None
    causal: bool
    arc: ArcConfig | None
    options: Mapping[str, Option]


PLACES = {
    "optimiser": ("lr", "weight_decay", "momentum", "head_lr"),
    "schedule": ("milestones", "warmup", "warmup_share"),
    "evaluation": ("clips", "crops", "fusion"),
    "data.sampling": ("sampling", "frames", "stride", "fps"),
    "data.preprocessing": ("preprocessing", "resize", "crop"),
    "data.augmentation": ("augmentation", "flip"),
    "data": ("train_split", "val_split", "groups", "test_groups", "workers", "seconds", "backend", "cache"),
    "model": ("pretrained", "width", "dropout", "causal", "arc", "options"),
}
"""Which section of the config an argument belongs to; those that are not here are fields of the config itself."""

_PLACE_OF = {name: place for place, names in PLACES.items() for name in names}
_PATHS = ("output", "cache")


def apply_settings(config: TrainConfig, settings: Mapping[str, Any]) -> TrainConfig:
    """Return the config with plain arguments in their places.

    Args:
        config: of a recipe.
        settings: of the types of `TrainSettings`.

    Raises:
        UserError: a value is out of range, or does not go with another.
    """
    try:
        return _changed(config, _tree(config, settings))
    except ValueError as problem:
        raise UserError(f"train: {problem}") from None


def _tree(config: TrainConfig, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes as nested dictionaries; a section that is given whole stands under the key ""."""
    tree: dict[str, Any] = {}
    for name, value in settings.items():
        place = _PLACE_OF.get(name, "")
        whole = place.rpartition(".")[2] == name
        section = tree
        for part in place.split(".") if place else ():
            section = section.setdefault(part, {})
        if whole or name in ("optimiser", "schedule", "evaluation"):
            section = section if whole else section.setdefault(name, {})
            section[""] = _section(config, name, value)
        else:
            section[name] = _plain(name, value)
    return tree


def _section(config: TrainConfig, name: str, value: Any) -> Any:
    """Return a whole section of the config; a word is the kind of one."""
    if value == "cosine":
        return replace(config.schedule, kind="cosine", milestones=())
    return replace(getattr(config, name), kind=value) if isinstance(value, str) else value


def _plain(name: str, value: Any) -> Any:
    if name in _PATHS and value is not None:
        return Path(value)
    if name == "pretrained" and value is not None:
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return tuple(value) if isinstance(value, list) else value


def _changed(config: Any, tree: Mapping[str, Any]) -> Any:
    """Return a config with changes; each section is made anew once, so that values which go together are checked so."""
    changes: dict[str, Any] = {}
    for name, value in tree.items():
        if name and isinstance(value, dict) and (is_dataclass(getattr(config, name)) or "" in value):
            changes[name] = _changed(value.get("", getattr(config, name)), value)
        elif name:
            changes[name] = value
    return replace(config, **changes)
