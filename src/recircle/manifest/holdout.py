"""A validation split for clips that come without one."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

import numpy as np

from recircle.errors import UserError
from recircle.manifest.manifest import Clip, Manifest
from recircle.words import counted

_FAR = 0.5
"""From which part of the share that was asked for its error is worth a warning."""
_TRIES = 50
"""How many divisions of the groups are tried where the first is far from the share."""


@dataclass(frozen=True)
class HeldOut:
    """What `hold_out` set aside of the readable clips that have a label.

    Attributes:
        asked: share that was to be held out.
        sides: of each class, how many clips train and how many validate.
        groups: how many groups train and how many validate; None where clips have none.
        ungrouped: how many clips have no group where others have one.
    """

    asked: float
    sides: dict[str, tuple[int, int]]
    groups: tuple[int, int] | None
    ungrouped: int = 0

    @classmethod
    def of(cls, manifest: Manifest, asked: float) -> "HeldOut":
        """Count what a manifest from `hold_out` has on each side."""
        clips = _to_divide(manifest)
        counts = Counter((clip.label, clip.split) for clip in clips)
        sides = {label: (counts[label, "train"], counts[label, "val"]) for label in sorted({c.label for c in clips})}
        groups = None
        if any(clip.group for clip in clips):
            held = {clip.group for clip in clips if clip.split == "val"} - {""}
            groups = (len({clip.group for clip in clips} - held - {""}), len(held))
        return cls(asked, sides, groups, sum(not clip.group for clip in clips) if groups else 0)

    @property
    def clips(self) -> int:
        """How many are held out."""
        return sum(held for _, held in self.sides.values())

    @property
    def share(self) -> float:
        """The share that is."""
        return self.clips / max(1, sum(map(sum, self.sides.values())))

    def describe(self) -> str:
        """Return the clips and the share in words, with the classes that give least and most."""
        total = sum(map(sum, self.sides.values()))
        text = f"held out for validation: {self.clips} of {counted(total, 'clip')} ({self.share:.1%}"
        text += f", asked for {self.asked:.1%})" if f"{self.share:.1%}" != f"{self.asked:.1%}" else ")"
        if self.groups is not None:
            text += f", {self.groups[1]} of {counted(sum(self.groups), 'group')}"
        shares = {label: held / (kept + held) for label, (kept, held) in self.sides.items()}
        if len(shares) > 1 and len(set(shares.values())) > 1:
            least, most = min(shares, key=lambda label: shares[label]), max(shares, key=lambda label: shares[label])
            text += f"; from {shares[least]:.1%} of {least!r} to {shares[most]:.1%} of {most!r}"
        return text

    def warnings(self) -> list[str]:
        """Return how the whole differs from what was asked for, as sentences; `label_checks` looks at each class."""
        groups = "" if self.groups is None else ", since whole groups are held out"
        told = []
        if self.ungrouped:
            told = [f"{counted(self.ungrouped, 'clip')} without a group divided as if each were a group of its own"]
        if not self.clips:
            return [
                "nothing is held out for validation: every class has a single readable clip; add clips, or fill in the "
                "column `split`"
            ]
        if abs(self.share - self.asked) > _FAR * self.asked:
            why = groups or ", since each class gives at least one clip and keeps one"
            told.append(f"{self.share:.1%} of the clips are held out, not {self.asked:.1%}{why}")
        return told


def hold_out(manifest: Manifest, share: float, *, seed: int = 0) -> Manifest:
    """Set a share of the clips aside for validation.

    Where clips have groups (subjects, sequences, sources), whole groups are held out, so that a network is never
    tested on people or scenes that it was trained on; a clip without a group is one of its own then. Otherwise, and
    where each group is a single clip, each class gives its share, at least one clip if it has two or more. Parts of one
    video that have no group are a group. Broken clips do not count; those that belong to no group that is held out stay
    with training.

    Args:
        manifest: clips without splits, or all to train on.
        share: of the clips to hold out, in (0, 1).
        seed: of the choice.

    Returns:
        The manifest with `split` "train" or "val" for each labelled clip; `HeldOut.of` counts them.

    Raises:
        UserError: the share is out of range, clips have other splits than "train" already, none that can be read has a
            label, or there is a single group only.
    """
    if not 0 < share < 1:
        raise UserError(f"a share of {share:g} cannot be held out; give a value between 0 and 1, such as 0.2")
    taken = sorted({clip.split for clip in manifest.clips if clip.split})
    if taken not in ([], ["train"]):
        raise UserError(f"the clips have splits already ({', '.join(taken)}), so none are held out")
    rng = np.random.default_rng(seed)
    clips = _to_divide(manifest)
    if not clips:
        raise UserError("none of the clips can be read and has a label, so none are held out")
    sizes = Counter(map(unit_of, clips))
    several = any(size > 1 for size in sizes.values())
    held = _whole_groups(clips, share, rng) if several else _of_each_class(clips, share, rng)
    held_units = {unit_of(clip) for clip in clips if clip.name in held}

    def split(clip: Clip) -> str:
        if not clip.label:
            return ""
        return "val" if unit_of(clip) in held_units else "train"

    return replace(manifest, clips=tuple(replace(clip, split=split(clip)) for clip in manifest.clips))


def _to_divide(manifest: Manifest) -> list[Clip]:
    return [clip for clip in manifest.clips if clip.label and clip.status != "broken"]


def unit_of(clip: Clip) -> str:
    """Return what stays together: the clip's group, or else its file, of which other clips may be parts."""
    return clip.group or f"\0{clip.path}"


def _whole_groups(clips: list[Clip], share: float, rng: np.random.Generator) -> set[str]:
    members: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        members[unit_of(clip)].append(clip.name)
    if len(members) == 1:
        parts = all(clip.end for clip in clips) and len({clip.path for clip in clips}) == 1
        way = "; to divide the parts of this one video all the same, give each a group of its own" if parts else ""
        raise UserError(f"all clips are of one group, so holding it out would leave none to train on{way}")

    def draw() -> set[str]:
        held: set[str] = set()
        for name in rng.permutation(sorted(members))[: len(members) - 1]:
            if held and len(held) + len(members[str(name)]) / 2 > share * len(clips):
                break
            held.update(members[str(name)])
        return held

    def error(held: set[str]) -> tuple[float, int]:
        return abs(len(held) - share * len(clips)), len(held)

    held = draw()
    if error(held)[0] > _FAR * share * len(clips):
        held = min((held, *(draw() for _ in range(_TRIES))), key=error)
    return held


def _of_each_class(clips: list[Clip], share: float, rng: np.random.Generator) -> set[str]:
    members: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        members[clip.label].append(clip.name)
    held: set[str] = set()
    for label in sorted(members):
        paths = rng.permutation(sorted(members[label]))
        count = min(max(round(share * len(paths)), 1), len(paths) - 1)
        held.update(str(path) for path in paths[:count])
    return held
