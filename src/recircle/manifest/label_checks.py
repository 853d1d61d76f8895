"""What is odd about the classes of a manifest: names that look alike, and classes with clips on one side only."""

import re
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from recircle.manifest.manifest import Clip, Manifest

_LISTS = (".csv", ".tsv", ".json", ".jsonl", ".xml")


def warn_labels(place: Path, manifest: Manifest) -> None:
    """Say that there are no labels, or which look alike or have clips to train or to evaluate on alone."""
    if not manifest.labels:
        lists = _lists(manifest.root, place)
        there = f"; {_some(lists, 3)} lies there: index that, if it says what the clips show" if lists else ""
        warnings.warn(
            f"{place}: no clip has a label; put the clips (videos, or folders of frames) of each class into a folder "
            f"of their own, or index a list of clips and labels{there}",
            stacklevel=2,
        )
    loose = [clip.name for clip in manifest.clips if clip.label and not clip.split and clip.status == "ok"]
    if loose and any(clip.split for clip in manifest.clips):
        warnings.warn(
            f"{place}: {len(loose)} of {len(manifest.clips)} clips have no split where others have one, and are "
            f"neither trained nor evaluated on ({_some(loose, 3)}); write train, val or test",
            stacklevel=2,
        )
    warn_look_alikes(place, manifest.labels)
    evaluated = [clip for clip in manifest.clips if clip.split in ("val", "test")]
    warn_one_sided(place, manifest.select("train").clips, evaluated)
    warn_divided_videos(place, manifest.select("train").clips, evaluated)


def _lists(folder: Path, manifest: Path) -> list[str]:
    """Return the names of the files beside the clips that may be lists of them."""
    with suppress(OSError):
        return sorted(
            path.name
            for path in folder.iterdir()
            if path.suffix.lower() in _LISTS and path.is_file() and path.resolve() != manifest.resolve()
        )
    return []


def warn_look_alikes(place: Path, labels: Iterable[str]) -> None:
    """Say which classes differ in no more than typing errors do: case, blanks, hyphens, points at the end."""
    alike: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike[_plain(label)].append(label)
    twins = [names for names in alike.values() if len(names) > 1]
    if twins:
        # names that are the same on a screen are told apart by their escapes
        shown = [
            " and ".join(map(repr if len(set(map(_seen, names))) == len(names) else ascii, names)) for names in twins
        ]
        warnings.warn(
            f"{place}: {'1 class is' if len(twins) == 1 else f'{len(twins)} classes are'} spelt in several ways, which "
            "count as classes of their own: "
            f"{_some(shown)}; write each in one way if they are the same",
            stacklevel=3,
        )


def _plain(label: str) -> str:
    """Return a label without what typing errors change: case, blanks, hyphens, points at its end, unseen characters."""
    text = _seen(unicodedata.normalize("NFKC", label)).casefold()
    return re.sub(r"[\s_]+|(?<=[^\W\d_])-(?=[^\W\d_])", " ", text).strip().rstrip(".;:, ")


def _seen(label: str) -> str:
    """Return what of a label is seen: composed, and without characters such as a zero-width blank."""
    return "".join(c for c in unicodedata.normalize("NFC", label) if unicodedata.category(c) not in ("Cf", "Cc"))


def warn_one_sided(place: Path, train: Iterable[Clip], evaluated: Iterable[Clip]) -> None:
    """Say which classes have clips that can be read on one side of a division only, where both sides have any.

    Args:
        place: the manifest's file.
        train: the clips to train on.
        evaluated: the clips to evaluate on.
    """
    learnt, measured = (
        {clip.label for clip in side if clip.label and clip.status == "ok"} for side in (train, evaluated)
    )
    if not learnt or not measured:
        return
    for only, has, lacks in (
        (measured - learnt, "evaluate", "train"),
        (learnt - measured, "train", "evaluate"),
    ):
        if only:
            warnings.warn(
                f"{place}: {len(only)} of the {len(learnt | measured)} classes have clips to {has} on and none to "
                f"{lacks} on: {_some(sorted(map(repr, only)))}",
                stacklevel=3,
            )


def warn_divided_videos(place: Path, train: Iterable[Clip], evaluated: Iterable[Clip]) -> None:
    """Say how many videos have parts on both sides of a division, which look alike whatever happens in them.

    Args:
        place: the manifest's file.
        train: the clips to train on.
        evaluated: the clips to evaluate on.
    """
    learnt, measured = ({clip.path for clip in side if clip.end} for side in (train, evaluated))
    if both := sorted(learnt & measured):
        warnings.warn(
            f"{place}: {len(both)} of {len(learnt | measured)} videos have parts to train on and parts to evaluate on "
            f"({_some(both, 3)}), so figures may be too good; give all parts of a video one split",
            stacklevel=3,
        )


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
