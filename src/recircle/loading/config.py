"""The data of a run: which manifest, which clips train and which validate, and how they are read."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from recircle.decode.frames import Backend
from recircle.decode.limits import CLIP_SECONDS
from recircle.errors import UserError
from recircle.loading.options import Loading
from recircle.manifest.manifest import Manifest
from recircle.public import public
from recircle.views.augmentation import Augmentation
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling


@public
@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which clips a run trains and validates on, and how it reads them.

    Attributes:
        manifest: a manifest file, as `recircle index` writes it.
        dataset: the class of the Dataset that was given to `recircle.train` and has the clips, of which `manifest` is
            then a list; empty for clips in files.
        train_split: value of the column `split` of the clips to train on.
        val_split: likewise of the clips to validate on; where there is no "val", "test" is taken.
        groups: patterns (such as "set1*") of the column `group`; other clips are left out. None keeps all.
        test_groups: patterns of the groups to validate on; all others train, and the splits do not count. For protocols
            that leave one subject or sequence out.
        sampling: which frames of a clip make a view.
        preprocessing: how frames are resized and normalised; None takes the model's own.
        augmentation: what is varied in training.
        workers: processes that decode; 0 decodes in the process that trains, which a hostile clip can crash or hold up.
        seconds: after how long such a process gives up a clip, which is then left out as one that does not decode.
        backend: what decodes.
        cache: folder where decoded, resized frames are kept after their first use, for later epochs and runs; None
            decodes every time. Whole clips are kept, at about frames * height * width * 3 bytes each, so it is for
            small data sets.
        min_readable: least share of the clips to train on, and of those to validate on, that must be readable for
            training to go on, in [0, 1]; 0 asks for one clip. Public copies of data sets lack up to a third of their
            clips; where half cannot be read, it is nearly always a wrong folder or a lost mount.
    """

    manifest: Path
    dataset: str = ""
    train_split: str = "train"
    val_split: str = "val"
    groups: tuple[str, ...] = ()
    test_groups: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    preprocessing: Preprocessing | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    workers: int = 2
    seconds: float = CLIP_SECONDS
    backend: Backend = "pyav"
    cache: Path | None = None
    min_readable: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.min_readable <= 1:
            raise ValueError(
                f"min_readable={self.min_readable} is a share of the clips, in [0, 1]; 0 asks for one clip"
            )
        if self.cache is not None and self.augmentation.one_resample:
            raise ValueError(
                "augmentation.one_resample cuts views from frames of full size, and a cache keeps resized ones; "
                "leave one of them out"
            )
        self.loading(1)  # which refuses what is wrong

    def loading(self, batch_size: int) -> Loading:
        """Return how batches of so many clips are read."""
        return Loading(
            batch_size=batch_size,
            workers=self.workers,
            seconds=self.seconds,
            backend=self.backend,
            cache=self.cache,
        )

    def split(self, manifest: Manifest) -> tuple[Manifest, Manifest]:
        """Return the clips to train on and those to validate on, each in the order of the manifest.

        Raises:
            UserError: no clip is left on one of the sides; the message names the splits or groups that there are.
        """
        kept = manifest.select(groups=self.groups)
        if not len(kept):
            raise UserError(
                f"no clip of {self.manifest} is of the groups {_names(self.groups)}; "
                f"it has {_names(clip.group for clip in manifest.clips)}"
            )
        return self._by_groups(kept) if self.test_groups else self._by_splits(kept)

    def _by_groups(self, kept: Manifest) -> tuple[Manifest, Manifest]:
        # each pattern by itself: a misspelt one among several would otherwise leave its clips in training unnoticed
        for pattern in self.test_groups:
            if not len(kept.select(groups=(pattern,))):
                raise UserError(
                    f"test_groups: no clip of {self.manifest} is of the group {pattern!r}; "
                    f"there are {_names(clip.group for clip in kept.clips)}"
                )
        val = kept.select(groups=self.test_groups)
        train = replace(
            kept,
            clips=tuple(
                clip for clip in kept.clips if not any(fnmatchcase(clip.group, pattern) for pattern in self.test_groups)
            ),
        )
        if not len(train):
            raise UserError(
                f"test_groups={_names(self.test_groups)} takes all clips of {self.manifest}, so that none is left "
                "to train on; name fewer groups"
            )
        return train, val

    def _by_splits(self, kept: Manifest) -> tuple[Manifest, Manifest]:
        splits = {clip.split for clip in kept.clips}
        val_split = "test" if self.val_split == "val" and "val" not in splits else self.val_split
        sides = {"train_split": self.train_split, "val_split": val_split}
        for name, split in sides.items():
            if split not in splits:
                asked = getattr(self, name)
                remedy = "fill in the column `split`, or use test_groups"
                if splits <= {"", "train"}:
                    remedy = f"let `recircle index FOLDER --holdout 0.2` hold clips out for validation, {remedy}"
                there = _names(splits) if splits != {""} else "none"
                raise UserError(
                    f"{name}={asked!r}: no clip of {self.manifest} has this split; it has {there}: {remedy}"
                )
        return kept.select(self.train_split), kept.select(val_split)


def _names(values: Iterable[str], most: int = 12) -> str:
    """Return distinct values, sorted and quoted, the first few of many."""
    names = sorted({repr(value) for value in values})
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
