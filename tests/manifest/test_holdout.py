from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.manifest.holdout import HeldOut, hold_out
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


def test_clips_that_are_all_for_training_may_give_some() -> None:
    clips = classes(a=10)
    training = manifest(*(replace(clip, split="train") for clip in clips.clips))
    assert hold_out(training, 0.2) == hold_out(clips, 0.2)


def test_broken_clips_do_not_count() -> None:
    clips = classes(a=10, b=2)
    broken = {"a/0.mp4", "a/1.mp4", "b/1.mp4"}
    clips = manifest(*(replace(c, status="broken" if c.path in broken else "ok") for c in clips.clips))
    split = hold_out(clips, 0.25)
    held = HeldOut.of(split, 0.25)
    assert held.sides == {"a": (6, 2), "b": (1, 0)}
    assert all(clip.split == "train" for clip in split.clips if clip.path in broken)


def test_the_share_that_is_taken_is_told() -> None:
    held = HeldOut.of(hold_out(classes(a=10, b=10), 0.2), 0.2)
    assert held.describe() == "held out for validation: 4 of 20 clips (20.0%)"
    assert held.warnings() == []
    held = HeldOut.of(hold_out(classes(a=10, b=2), 0.1), 0.1)
    assert held.describe() == (
        "held out for validation: 2 of 12 clips (16.7%, asked for 10.0%); from 10.0% of 'a' to 50.0% of 'b'"
    )
    assert held.warnings() == [
        "16.7% of the clips are held out, not 10.0%, since each class gives at least one clip and keeps one"
    ]


@pytest.mark.parametrize("groups", [2, 3, 7])
def test_the_count_is_that_of_the_manifest(groups: int) -> None:
    clips = manifest(*(Clip(path=f"{i}", label="abc"[i % 3], group=f"g{i % groups}") for i in range(40)))
    split = hold_out(clips, 0.2)
    held = HeldOut.of(split, 0.2)
    assert held.clips == sum(clip.split == "val" for clip in split.clips)
    assert held.groups == (groups - 1, 1)
    assert f"1 of {groups} groups" in held.describe()


def test_nothing_held_out_is_warned_of() -> None:
    held = HeldOut.of(hold_out(classes(a=1, b=1), 0.2), 0.2)
    assert held.warnings()[0].startswith("nothing is held out for validation: every class has a single readable clip")


def test_nothing_to_divide_is_an_error() -> None:
    with pytest.raises(UserError, match="none of the clips can be read and has a label"):
        hold_out(manifest(Clip(path="x.mp4")), 0.2)


def rows(*pairs: tuple[str, str]) -> Manifest:
    clips = (Clip(path=f"{number}.mp4", label=label, group=group) for number, (label, group) in enumerate(pairs))
    return Manifest(tuple(clips), Path())


def held_by(manifest: Manifest, share: float, seed: int) -> list[Clip]:
    return [clip for clip in hold_out(manifest, share, seed=seed).clips if clip.split == "val"]


@pytest.mark.parametrize("seed", range(5))
def test_clips_without_a_group_are_not_one_group(seed: int) -> None:
    manifest = rows(*[("run", "A")] * 2, *[("jump", "")] * 6, *[("run", "")] * 6)
    divided = HeldOut.of(hold_out(manifest, 0.25, seed=seed), 0.25)
    assert 2 <= divided.clips <= 5
    assert divided.ungrouped == 12
    assert any("12 clips without a group" in text for text in divided.warnings())


@pytest.mark.parametrize("seed", range(5))
def test_groups_of_one_clip_each_are_divided_by_class(seed: int) -> None:
    manifest = rows(*((label, f"g{number}") for number, label in enumerate(["run", "jump"] * 4)))
    assert sorted(clip.label for clip in held_by(manifest, 0.25, seed)) == ["jump", "run"]


@pytest.mark.parametrize("seed", range(5))
def test_a_group_of_nearly_all_clips_stays_with_training(seed: int) -> None:
    manifest = rows(*[("run", "A")] * 9, *[("jump", "A")] * 9, ("run", "B"), ("jump", "B"))
    assert {clip.group for clip in held_by(manifest, 0.25, seed)} == {"B"}
