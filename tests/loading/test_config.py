"""Which clips train and which validate."""

from dataclasses import replace
from pathlib import Path

import pytest

from recircle.config import from_json, to_json
from recircle.errors import UserError
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Clip, Manifest
from recircle.views.augmentation import Augmentation
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling


def manifest(*rows: tuple[str, str]) -> Manifest:
    """Make a manifest from (split, group) of each clip."""
    clips = (
        Clip(path=f"{number}.mp4", label="a", split=split, group=group, frames=9)
        for number, (split, group) in enumerate(rows)
    )
    return Manifest(tuple(clips), Path("data"))


def paths(manifest: Manifest) -> list[int]:
    return [int(clip.path.removesuffix(".mp4")) for clip in manifest.clips]


CONFIG = DataConfig(manifest=Path("data/m.csv"))
MIXED = manifest(("train", "s1"), ("val", "s1"), ("train", "s2"), ("test", "s2"), ("val", "s3"), ("", "s3"))


def test_splits_are_those_of_the_manifest():
    train, val = CONFIG.split(MIXED)
    assert paths(train) == [0, 2]
    assert paths(val) == [1, 4]


def test_test_stands_in_for_a_missing_val():
    train, val = CONFIG.split(manifest(("train", ""), ("test", ""), ("train", "")))
    assert (paths(train), paths(val)) == ([0, 2], [1])


def test_another_split_that_is_missing_is_not_replaced():
    config = replace(CONFIG, train_split="test", val_split="train")
    with pytest.raises(UserError, match=r"val_split='train'.*m\.csv.*'test', 'val'"):
        config.split(manifest(("test", ""), ("val", "")))


def test_a_missing_train_split_names_those_that_exist():
    with pytest.raises(UserError, match=r"train_split='train'.*it has '', 'test'.*test_groups"):
        CONFIG.split(manifest(("test", ""), ("", "")))


def test_neither_val_nor_test_names_what_was_asked_for():
    with pytest.raises(UserError, match=r"val_split='val'.*it has 'train': .*recircle index FOLDER --holdout 0\.2"):
        CONFIG.split(manifest(("train", "")))
    with pytest.raises(UserError, match=r"train_split='train'.*it has none: .*recircle index FOLDER --holdout 0\.2"):
        CONFIG.split(manifest(("", "")))


def test_groups_keep_only_their_clips():
    train, val = replace(CONFIG, groups=("s1", "s2*")).split(MIXED)
    assert (paths(train), paths(val)) == ([0, 2], [1])


def test_test_groups_leave_a_sequence_out_whatever_the_splits_say():
    train, val = replace(CONFIG, test_groups=("s2",)).split(MIXED)
    assert (paths(train), paths(val)) == ([0, 1, 4, 5], [2, 3])
    train, val = replace(CONFIG, groups=("s[12]",), test_groups=("s2",)).split(MIXED)
    assert (paths(train), paths(val)) == ([0, 1], [2, 3])


def test_groups_that_match_nothing_name_those_that_exist():
    with pytest.raises(UserError, match=r"'s9'.*it has 's1', 's2', 's3'"):
        replace(CONFIG, groups=("s9",)).split(MIXED)
    with pytest.raises(UserError, match=r"test_groups.*'set9\*'.*there are 's1', 's2', 's3'"):
        replace(CONFIG, test_groups=("s1", "set9*")).split(MIXED)


def test_test_groups_that_take_everything_are_refused():
    with pytest.raises(UserError, match="none is left to train on"):
        replace(CONFIG, test_groups=("s*",)).split(MIXED)


def test_a_long_list_of_groups_is_cut():
    many = manifest(*(("train", f"g{number:02}") for number in range(40)))
    with pytest.raises(UserError, match="'g11' and 28 more"):
        replace(CONFIG, groups=("x",)).split(many)


def test_json_round_trip():
    config = DataConfig(
        manifest=Path("some/m.parquet"),
        test_groups=("set1/3",),
        sampling=Sampling(frames=16, mode="dense", stride=4),
        preprocessing=Preprocessing(resize=(120, 160), crop=112),
        augmentation=Augmentation(scales=(), flip="off"),
        workers=0,
    )
    assert from_json(DataConfig, to_json(config)) == config


@pytest.mark.parametrize(
    ("fields", "message"), [({"workers": -1}, "workers=-1"), ({"backend": "decord"}, "backend='decord'")]
)
def test_wrong_fields_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **fields)


def test_views_of_full_frames_and_a_cache_of_resized_ones_exclude_each_other():
    with pytest.raises(ValueError, match="one_resample cuts views from frames of full size, and a cache keeps"):
        DataConfig(manifest=Path("m.csv"), augmentation=Augmentation(one_resample=True), cache=Path("frames"))
