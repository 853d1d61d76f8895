from collections import Counter
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.manifest.holdout import hold_out
from recircle.manifest.manifest import Clip, Manifest


def manifest(*clips: Clip) -> Manifest:
    return Manifest(clips=clips, root=Path())


def classes(**sizes: int) -> Manifest:
    return manifest(*(Clip(path=f"{label}/{i}.mp4", label=label) for label, n in sizes.items() for i in range(n)))


def test_each_class_gives_its_share_and_keeps_one() -> None:
    split = hold_out(classes(a=10, b=2, c=1), 0.2)
    assert Counter((clip.label, clip.split) for clip in split.clips) == {
        ("a", "val"): 2,
        ("a", "train"): 8,
        ("b", "val"): 1,
        ("b", "train"): 1,
        ("c", "train"): 1,
    }


def test_the_choice_depends_on_the_seed_alone() -> None:
    clips = classes(a=20)
    shuffled = manifest(*reversed(clips.clips))
    chosen = {clip.path for clip in hold_out(clips, 0.3).clips if clip.split == "val"}
    assert chosen == {clip.path for clip in hold_out(shuffled, 0.3).clips if clip.split == "val"}
    assert chosen != {clip.path for clip in hold_out(clips, 0.3, seed=1).clips if clip.split == "val"}


def test_groups_stay_together() -> None:
    clips = manifest(
        *(Clip(path=f"{s}{i}", label="ab"[i % 2], group=f"subject {s}") for s in range(10) for i in range(4))
    )
    split = hold_out(clips, 0.3)
    by_group = {(clip.group, clip.split) for clip in split.clips}
    assert len(by_group) == 10
    assert Counter(side for _, side in by_group) == {"train": 7, "val": 3}


def test_clips_without_a_label_stay_without_a_split() -> None:
    split = hold_out(manifest(*classes(a=2).clips, Clip(path="x.mp4")), 0.5)
    assert split.clips[-1].split == ""


def test_errors() -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        hold_out(classes(a=2), 1.0)
    with pytest.raises(UserError, match=r"splits already \(test, train\)"):
        hold_out(manifest(Clip(path="a", label="a", split="train"), Clip(path="b", label="a", split="test")), 0.2)
    with pytest.raises(UserError, match="all clips are of one group"):
        hold_out(manifest(Clip(path="a", label="a", group="g"), Clip(path="b", label="a", group="g")), 0.2)
