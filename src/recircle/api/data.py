"""The clips of a training or an evaluation, in the forms in which a caller has them."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recircle.api.index import index
from recircle.errors import UserError
from recircle.loading.dataset import ClipDataset, DatasetClips, is_dataset
from recircle.manifest.find import has_manifest, manifest_file
from recircle.manifest.holdout import HeldOut, hold_out
from recircle.manifest.manifest import Manifest

Data = str | Path | Manifest | ClipDataset
"""A manifest, as a file, its folder, or one that was read; a folder of clips; or a Dataset of (frames, label)."""

HELD_OUT = 0.2
"""Share of the clips to evaluate on, where nothing says which."""

Tell = Callable[[str], object]
Bar = Callable[[int, int], None]


@dataclass(frozen=True)
class Clips:
    """The clips that a caller gave.

    Attributes:
        manifest: the file of the clips; None for those of Datasets.
        dataset: the clips of Datasets; None for those in files.
    """

    manifest: Path | None = None
    dataset: DatasetClips | None = None


def clips_to_train(
    data: Data,
    validation: ClipDataset | None = None,
    classes: Sequence[str] | None = None,
    *,
    tell: Tell,
    bar: Bar | None = None,
) -> Clips:
    """Return the clips to train and to evaluate on; a folder without a manifest is indexed, which is told.

    Args:
        data: see `recircle.train`, like the next two.
        validation: likewise.
        classes: likewise.
        tell: called with what a person should know.
        bar: called with (clips done, clips in all).

    Raises:
        UserError: there are no such clips, or they cannot be used.
    """
    if is_dataset(data):
        return Clips(dataset=_from_datasets(data, validation, classes, tell, bar))  # pyright: ignore[reportArgumentType]
    for name, given in (("validation", validation), ("classes", classes)):
        if given is not None:
            raise UserError(f"{name}= goes with a Dataset; a manifest says the class and the split of each clip itself")
    if not isinstance(data, (str, Path, Manifest)):
        raise UserError(
            f"the clips to train on are a {type(data).__name__}; give a manifest, a folder of clips, or a Dataset"
        )
    if not isinstance(data, Manifest) and Path(data).is_dir() and not has_manifest(Path(data)):
        return Clips(manifest=_indexed(Path(data), tell, bar))
    return Clips(manifest=manifest_file(data))


def clips_to_evaluate(data: Data, labels: Sequence[str], *, classes: Sequence[str] | None = None) -> Clips:
    """Return the clips of a Dataset or a manifest to evaluate a run on.

    Args:
        data: the clips.
        labels: those of the run, by which a Dataset counts that says no others.
        classes: how the labels of a Dataset are called instead.

    Raises:
        UserError: there are no such clips, or they cannot be used, or are of classes that the run does not know.
    """
    if not is_dataset(data):
        return Clips(manifest=manifest_file(data))  # pyright: ignore[reportArgumentType]
    datasets: dict[str, ClipDataset] = {"evaluation": data}  # pyright: ignore[reportAssignmentType]
    found = DatasetClips.look_through(datasets, classes, otherwise=labels)
    unknown = sorted(set(found.manifest.labels) - set(labels))
    if unknown:
        raise UserError(
            f"the Dataset has the class {unknown[0]!r}, on which the run was not trained; leave its clips out"
        )
    return Clips(dataset=found)


def _from_datasets(
    data: ClipDataset, validation: ClipDataset | None, classes: Sequence[str] | None, tell: Tell, bar: Bar | None
) -> DatasetClips:
    datasets = {"train": data} if validation is None else {"train": data, "validation": validation}
    splits = {"train": "train" if validation is not None else "", "validation": "val"}
    found = DatasetClips.look_through(datasets, classes, splits=splits, progress=bar)
    broken = [clip for clip in found.manifest.clips if clip.status == "broken"]
    if broken:
        left = "is" if len(broken) == 1 else "are"
        warnings.warn(
            f"{len(broken)} of the items of {found.name} cannot be decoded, and {left} left out: {broken[0].path}: "
            f"{broken[0].fault}",
            stacklevel=4,
        )
    if validation is not None:
        return found
    divided = hold_out(found.manifest, HELD_OUT)
    tell(f"{HeldOut.of(divided, HELD_OUT).describe()}; give other clips as validation=")
    return found.with_manifest(divided)


def _indexed(folder: Path, tell: Tell, bar: Bar | None) -> Path:
    """Index a folder, and hold clips out where it has no clips to evaluate on."""
    tell(f"{folder} has no manifest: each clip is decoded once for one (recircle.index)")
    manifest = index(folder, progress=bar)
    if not any(clip.split in ("val", "test") for clip in manifest.clips):
        assert manifest.file is not None
        manifest = hold_out(manifest, HELD_OUT).write(manifest.file)
        tell(HeldOut.of(manifest, HELD_OUT).describe())
    assert manifest.file is not None
    tell(f"the manifest is {manifest.file}; `recircle index {folder} --holdout SHARE` writes another")
    return manifest.file
