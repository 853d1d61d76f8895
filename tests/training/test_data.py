from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.loading.options import Shard
from recircle.manifest.manifest import Manifest
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData

MakeConfig = Callable[..., TrainConfig]


def test_labels_are_those_of_the_whole_manifest(make_config: MakeConfig) -> None:
    data = TrainingData.read(make_config())
    assert data.labels == ("class 0", "class 1", "class 2")
    assert (len(data.train), len(data.val)) == (14, 4)


def test_one_class_is_not_enough(make_config: MakeConfig, clips: Path) -> None:
    manifest = Manifest.read(clips)
    path = clips.with_name("one_class.csv")
    replace(manifest, clips=tuple(replace(clip, label="dive") for clip in manifest.clips)).write(path)
    config = make_config()
    with pytest.raises(UserError, match=r"one_class\.csv has 1 class; training needs two"):
        TrainingData.read(replace(config, data=replace(config.data, manifest=path)))


def test_processes_share_a_batch_equally(make_config: MakeConfig) -> None:
    config = make_config(batch_size=5)
    data = TrainingData.read(config)
    assert config.data.preprocessing is not None
    with pytest.raises(UserError, match="batch_size=5 cannot be shared by 2 processes; use a multiple of 2"):
        data.train_loader(config, config.data.preprocessing, Shard(world=2))


def test_each_process_has_a_clip(make_config: MakeConfig) -> None:
    config = make_config(batch_size=4)
    data = TrainingData.read(config)
    few = replace(data, train=replace(data.train, clips=data.train.clips[:3]))
    assert config.data.preprocessing is not None
    with (
        pytest.warns(UserWarning, match="fewer than a batch of 4"),
        pytest.raises(UserError, match=r"^3 clips to train on cannot be shared by 4 processes; start fewer$"),
    ):
        few.train_loader(config, config.data.preprocessing, Shard(world=4))


def test_fingerprint_tells_the_clips_to_learn_from(make_config: MakeConfig) -> None:
    data = TrainingData.read(make_config())
    changed = [
        replace(data, labels=("a", "b", "c")),
        replace(data, train=replace(data.train, clips=data.train.clips[1:])),
        replace(data, train=replace(data.train, clips=data.train.clips[::-1])),
    ]
    first = data.train.clips[0]
    varying = replace(first, durations=f"40*{first.frames - 1} 999")
    timed = replace(data, train=replace(data.train, clips=(varying, *data.train.clips[1:])))
    changed.append(timed)
    by_index = replace(data, sampling=replace(data.sampling, by="index"))
    assert replace(by_index, train=timed.train).fingerprint == by_index.fingerprint == data.fingerprint
    same = [replace(data, val=data.train), TrainingData.read(make_config(epochs=7))]
    assert all(other.fingerprint != data.fingerprint for other in changed)
    assert all(other.fingerprint == data.fingerprint for other in same)


def test_a_class_without_clips_to_learn_from_is_told(make_config: MakeConfig, clips: Path) -> None:
    manifest = Manifest.read(clips)
    path = clips.with_name("one_sided.csv")
    (first, *_) = (clip for clip in manifest.clips if clip.split == "val")
    rows = (replace(clip, label="swim") if clip is first else clip for clip in manifest.clips)
    replace(manifest, clips=tuple(rows)).write(path)
    config = make_config()
    with pytest.warns(UserWarning, match="have clips to evaluate on and none to train on: 'swim'"):
        TrainingData.read(replace(config, data=replace(config.data, manifest=path)))


def test_a_manifest_that_was_moved_is_told_before_training(
    make_config: MakeConfig, clips: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved" / "m.csv"
    moved.parent.mkdir()
    moved.write_bytes(clips.read_bytes())
    config = make_config()
    with pytest.raises(UserError, match=r"m\.csv: none of its \d+ clips is there, looked for at .*moved"):
        TrainingData.read(replace(config, data=replace(config.data, manifest=moved)))
