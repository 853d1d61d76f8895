"""A validation split for clips that come without one."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from recircle.errors import UserError
from recircle.manifest.manifest import Clip, Manifest


def hold_out(manifest: Manifest, share: float, *, seed: int = 0) -> Manifest:
    """Set a share of the clips aside for validation.

    Where clips have groups (subjects, sequences, sources), whole groups are held out, so that a network is never
    tested on people or scenes that it was trained on. Otherwise each class gives its share, at least one clip if it
    has two or more.

    Args:
        manifest: clips without splits.
        share: of the clips to hold out, in (0, 1).
        seed: of the choice.

    Returns:
        The manifest with `split` "train" or "val" for each labelled clip.

    Raises:
        UserError: the share is out of range, clips have a split already, or there is a single group only.
    """
    if not 0 < share < 1:
        raise UserError(f"a share of {share:g} cannot be held out; give a value between 0 and 1, such as 0.2")
    taken = sorted({clip.split for clip in manifest.clips if clip.split})
    if taken:
        raise UserError(f"the clips have splits already ({', '.join(taken)}), so none are held out")
    rng = np.random.default_rng(seed)
    labelled = [clip for clip in manifest.clips if clip.label]
    groups = {clip.group for clip in labelled}
    held = _whole_groups(labelled, share, rng) if groups - {""} else _of_each_class(labelled, share, rng)

    def split(clip: Clip) -> str:
        if not clip.label:
            return ""
        return "val" if clip.path in held else "train"

    return replace(manifest, clips=tuple(replace(clip, split=split(clip)) for clip in manifest.clips))


def _whole_groups(clips: list[Clip], share: float, rng: np.random.Generator) -> set[str]:
    members: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        members[clip.group].append(clip.path)
    if len(members) == 1:
        raise UserError("all clips are of one group, so holding it out would leave none to train on")
    held: set[str] = set()
    for name in rng.permutation(sorted(members))[: len(members) - 1]:
        if held and len(held) + len(members[str(name)]) / 2 > share * len(clips):
            break
        held.update(members[str(name)])
    return held


def _of_each_class(clips: list[Clip], share: float, rng: np.random.Generator) -> set[str]:
    members: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        members[clip.label].append(clip.path)
    held: set[str] = set()
    for label in sorted(members):
        paths = rng.permutation(sorted(members[label]))
        count = min(max(round(share * len(paths)), 1), len(paths) - 1)
        held.update(str(path) for path in paths[:count])
    return held
