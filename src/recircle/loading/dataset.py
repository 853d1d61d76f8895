"""Clips of a PyTorch Dataset: looked through once for a table of them, then read as files are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import IterableDataset

from recircle.decode.error import DecodeError
from recircle.decode.frame_times import FrameTimes
from recircle.decode.resize import Resampling
from recircle.errors import UserError
from recircle.loading.jobs import EvalBatches, Item, TrainBatches
from recircle.manifest.manifest import Clip, Manifest
from recircle.views.cut import frame_views
from recircle.views.in_memory import frames_in_memory

ITEM = "an item is a pair (frames, label)"


@runtime_checkable
class ClipDataset(Protocol):
    """A Dataset of the map style: item i is a pair of the RGB frames of a clip and its label.

    Frames are as `recircle.views.in_memory.frames_in_memory` takes them, of any number and size; a label is a whole
    number, counted from 0, or the name of a class.
    """

    def __getitem__(self, index: int, /) -> Any:
        """Return (frames, label)."""
        ...

    def __len__(self) -> int:
        """The number of clips."""
        ...


@dataclass(frozen=True)
class DatasetClips:
    """The clips of Datasets, and what reads them.

    Attributes:
        name: of the Dataset's class.
        classes: names of the labels, in the order of their numbers.
        datasets: by the first part of a clip's path, such as "train" of "train/000012".
        manifest: one row an item.
    """

    name: str
    classes: tuple[str, ...]
    datasets: Mapping[str, ClipDataset] = field(repr=False)
    manifest: Manifest = field(repr=False)

    @classmethod
    def look_through(
        cls,
        datasets: Mapping[str, ClipDataset],
        classes: Sequence[str] | None,
        *,
        splits: Mapping[str, str] | None = None,
        otherwise: Sequence[str] | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> "DatasetClips":
        """Read each item once, and check it.

        Args:
            datasets: by the names that begin the paths of their clips.
            classes: names of the labels, in the order of their numbers; None takes those that the Datasets have as
                their attribute `classes`.
            splits: of the Datasets, by their names.
            otherwise: classes, where neither the caller nor the Datasets say them.
            progress: called with (items done, items in all) after each.

        Raises:
            UserError: a Dataset is empty or of another kind, nobody says the classes, or an item is not as it should
                be.
        """
        for name, dataset in datasets.items():
            _check_kind(dataset, name)
        known = _classes(classes, datasets, otherwise)
        kind = type(_inner(next(iter(datasets.values())))).__name__
        empty = cls(kind, known, datasets, Manifest((), Path()))
        total, rows = sum(map(len, datasets.values())), []
        for name, dataset in datasets.items():
            for number in range(len(dataset)):
                rows.append(empty._row(f"{name}/{number:06}", (splits or {}).get(name, "")))
                if progress is not None:
                    progress(len(rows), total)
        return cls(kind, known, datasets, Manifest(tuple(rows), Path()))

    def with_manifest(self, manifest: Manifest) -> "DatasetClips":
        """Return the same clips in another table of them, such as one that is divided."""
        return replace(self, manifest=manifest)

    def read(self, path: str) -> tuple[UInt8[Tensor, "T 3 H W"], int]:
        """Return the frames of a clip and the number of its label.

        Raises:
            DecodeError: the Dataset's own code says so; nothing is put in its place.
            UserError: the Dataset's code fails, or the item is not as it should be.
        """
        part, _, number = path.partition("/")
        what = f"item {int(number)} of {self._words(part)}"
        try:
            item = self.datasets[part][int(number)]
        except DecodeError:
            raise
        except Exception as error:  # the code of anybody may raise anything
            raise UserError(f"{what} cannot be read: {type(error).__name__}: {error}") from error
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            size = f" of {len(item)}" if isinstance(item, (tuple, list)) else ""
            raise UserError(f"{what} is a {type(item).__name__}{size}; {ITEM}")
        return frames_in_memory(item[0], f"{what}: its clip"), self._label(item[1], what)

    def _row(self, path: str, split: str) -> Clip:
        try:
            frames, label = self.read(path)
        except DecodeError as error:
            return Clip(path=path, split=split, status="broken", fault=error.reason)
        height, width = frames.shape[-2:]
        return Clip(path=path, label=self.classes[label], split=split, frames=len(frames), height=height, width=width)

    def _label(self, label: object, what: str) -> int:
        value: Any = label.item() if getattr(label, "ndim", None) == 0 else label  # pyright: ignore
        if isinstance(value, str):
            if value not in self.classes:
                raise UserError(f"{what} has the label {value!r}, which is none of the {len(self.classes)} classes")
            return self.classes.index(value)
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise UserError(
                f"{what} has the label {value!r}, a {type(value).__name__}; a label is a whole number or a class's name"
            )
        if not 0 <= value < len(self.classes):
            raise UserError(
                f"{what} has the label {value}; of {len(self.classes)} classes the labels are 0 to "
                f"{len(self.classes) - 1}"
            )
        return int(value)

    def _words(self, part: str) -> str:
        return self.name if len(self.datasets) == 1 else f"{self.name} ({part})"


@dataclass(frozen=True, kw_only=True)
class DatasetTrainBatches(TrainBatches):
    """One random view a clip, of clips of a Dataset."""

    source: DatasetClips

    def frames(self, item: Item, rng: np.random.Generator, resize: Resampling) -> tuple[Tensor, int]:
        """Return the frames of a random view, resized, and the label."""
        clip, label = self.source.read(item.path)
        indices = self.views.sampling.train(FrameTimes(len(clip)), rng).tolist()
        return resize.apply(clip[indices]), label


@dataclass(frozen=True, kw_only=True)
class DatasetEvalBatches(EvalBatches):
    """All test views of a clip, of clips of a Dataset."""

    source: DatasetClips

    def view(self, item: Item, epoch: int) -> tuple[Tensor, int]:  # noqa: ARG002  (test views do not change)
        """Return the views, clip by clip, and the label."""
        clip, label = self.source.read(item.path)
        return frame_views(clip, self.views), label


def is_dataset(data: object) -> bool:
    """Tell whether something is meant as a Dataset, rightly or not; a path or a manifest is none."""
    return not isinstance(data, (str, Path, Manifest)) and (
        hasattr(data, "__getitem__") or hasattr(data, "__iter__") or isinstance(data, IterableDataset)
    )


def _check_kind(dataset: object, name: str) -> None:
    kind = type(dataset).__name__
    if hasattr(dataset, "dataset") and hasattr(dataset, "batch_size"):
        raise UserError(f"the {name} data is a {kind}, which makes batches; give its Dataset, {kind}.dataset")
    if isinstance(dataset, IterableDataset) or not isinstance(dataset, ClipDataset):
        raise UserError(
            f"the {name} data is a {kind}, which has no numbered items; a Dataset of the map style is needed, with "
            f"__getitem__ and __len__, where {ITEM}"
        )
    if isinstance(dataset, Mapping):
        raise UserError(f"the {name} data is a {kind}; give a Dataset or a list, where {ITEM}")
    if not len(dataset):
        raise UserError(f"the {name} data, a {kind}, is empty: its length is 0")


def _inner(dataset: object) -> object:
    """Return the Dataset that others, such as `torch.utils.data.Subset`, show a part of."""
    while hasattr(dataset, "dataset"):
        dataset = dataset.dataset  # pyright: ignore
    return dataset


def _classes(
    given: Sequence[str] | None, datasets: Mapping[str, ClipDataset], otherwise: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the names of the classes.

    Raises:
        UserError: nobody says them, or two Datasets say others, or they are not names, each once.
    """
    known = given
    for name, dataset in datasets.items() if given is None else ():
        own = getattr(_inner(dataset), "classes", None)
        if own is None:
            continue
        if known is not None and list(own) != list(known):
            raise UserError(
                f"the Dataset {name} has other classes than the first, or another order; they must be equal"
            )
        known = own
    known = otherwise if known is None else known
    if known is None:
        raise UserError(
            "nobody says what the labels are called: give classes=[...], names in the order of the labels' numbers, or "
            "let the Dataset have them as its attribute `classes`"
        )
    names = tuple(known) if not isinstance(known, str) else ()
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names) or len(names) < 2:
        raise UserError(f"classes={known!r} are not two or more names of classes, each once")
    return names
