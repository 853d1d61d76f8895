"""How many clips a complete copy of each data set has, to say when a copy is not complete."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from recircle.manifest.manifest import Clip

COMPLETE: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "something_v1": {"train": (86_017,), "val": (11_522,), "test": (10_960,)},
    "something_v2": {"train": (168_913,), "val": (24_777,), "test": (27_157,)},
    "jester": {"train": (118_562,), "val": (14_787,), "test": (14_743,)},
    "diving48_v1": {"train": (15_943,), "test": (2_096,)},
    "diving48_v2": {"train": (15_027,), "test": (1_970,)},
    "kinetics400": {"train": (246_534,), "val": (19_906,)},
    "ucf101_split1": {"train": (9_537,), "test": (3_783,)},
    "ucf101_split2": {"train": (9_586,), "test": (3_734,)},
    "ucf101_split3": {"train": (9_624,), "test": (3_696,)},
    "hmdb51_split1": {"train": (3_570,), "test": (1_530,)},
    "hmdb51_split2": {"train": (3_570,), "test": (1_530,)},
    "hmdb51_split3": {"train": (3_570,), "test": (1_530,)},
    "finegym_gym99": {"train": (20_484, 26_320), "val": (8_521,)},
    "finegym_gym288": {"train": (22_671, 28_739), "val": (9_646,)},
    "miracl_words": {"train": (1_000,), "test": (500,)},
    "ut_interaction": {"": (120,)},
}
"""By layout and split; several numbers are those of several releases of one list (FineGym 1.0 and 1.1)."""


def warn_incomplete(place: Path, clips: Sequence[Clip]) -> None:
    """Say for each split of which fewer or more clips can be read than a complete copy has.

    Clips that a list names and that are missing or broken do not count. A test split without any clip is passed over
    where there is a validation split: then it is the one that has no labels, and need not be there.
    """
    for dataset in sorted({clip.dataset for clip in clips} & set(COMPLETE)):
        complete = COMPLETE[dataset]
        listed = Counter(clip.split for clip in clips if clip.dataset == dataset)
        there = Counter(clip.split for clip in clips if clip.dataset == dataset and clip.status == "ok")
        differing = [
            f"{there[split]} clips{f' of split {split}' if split else ''} can be read, "
            f"a complete copy has {' or '.join(map(str, numbers))}"
            for split, numbers in complete.items()
            if there[split] not in numbers and not (split == "test" and "val" in complete and not listed[split])
        ]
        if differing:
            warnings.warn(f"{place} is not a complete copy of {dataset}: {'; '.join(differing)}", stacklevel=3)
