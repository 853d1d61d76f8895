"""Frames that are kept on disk: the same bytes as decoding gives, whatever happens to clip, file or disk."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recircle.cli.main import main
from recircle.config import read_json, to_json
from recircle.decode import frame_cache
from recircle.decode.frame_cache import FrameCache
from recircle.decode.frames import DecodeError, decode
from recircle.decode.resize import Resize
from recircle.errors import UserError
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.forward import Forward
from recircle.evaluation.predictions import Predictions
from recircle.loading.batch import Batch
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Clip, Manifest
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.training.loop import train
from recircle.training.metrics_log import read_metrics_log
from recircle.views.augmentation import Augmentation
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from tests.flat_loaders import flat_eval_loader, flat_train_loader
from tests.media import cut, moving_frames, write_frame_folder, write_video
from tests.small_run import IN_PROCESS, write_clips, write_run

FRAMES = 9
SIZE = Resize(24)
SAMPLING = Sampling(frames=3)
PREPROCESSING = Preprocessing(resize=24, crop=20)
LABELS = ("push left", "push right", "wave")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Three videos and three frame folders."""
    root = tmp_path_factory.mktemp("clips")
    paths = [write_video(root / f"v{number}.mp4", moving_frames(FRAMES + number)) for number in range(3)]
    paths += [write_frame_folder(root / f"f{number}", moving_frames(FRAMES + 3 + number)) for number in range(3)]
    return Manifest(
        tuple(
            Clip(path=path.name, label=LABELS[number % 3], frames=FRAMES + number, width=64, height=48)
            for number, path in enumerate(paths)
        ),
        root,
    )


@pytest.fixture(params=["video", "folder"])
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One clip of FRAMES frames that a test may change."""
    if request.param == "video":
        return write_video(tmp_path / "clip.mp4", moving_frames(FRAMES))
    return write_frame_folder(tmp_path / "clip", moving_frames(FRAMES))


@pytest.fixture
def cache(tmp_path: Path) -> FrameCache:
    return FrameCache(tmp_path / "new" / "cache")


def kept(cache: FrameCache) -> list[Path]:
    return [path for path in cache.folder.rglob("*") if path.is_file()]


def read(cache: FrameCache, clip: Path, indices: list[int], count: int = FRAMES, **options: Any) -> torch.Tensor:
    return cache.frames(clip, count, indices, **({"resize": SIZE, "backend": "pyav"} | options))


def decoded(clip: Path, indices: list[int], resize: Resize | None = SIZE) -> torch.Tensor:
    return decode(clip, indices, resize=resize, memory_format=torch.channels_last)


def refuse_to_decode(*args: Any, **options: Any) -> torch.Tensor:
    raise AssertionError("this clip should have been in the cache")


def train_epochs(clips: Manifest, **options: Any) -> list[Batch]:
    loader = flat_train_loader(
        clips,
        labels=LABELS,
        sampling=SAMPLING,
        preprocessing=PREPROCESSING,
        augmentation=Augmentation(),
        batch_size=2,
        seed=4,
        **options,
    )
    return [batch for epoch in range(3) for batch in loader.epoch(epoch)]


def eval_batches(clips: Manifest, **options: Any) -> list[Batch]:
    return list(
        flat_eval_loader(
            clips,
            labels=LABELS,
            sampling=SAMPLING,
            preprocessing=PREPROCESSING,
            clips=2,
            crops=3,
            batch_size=4,
            **options,
        )
    )


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second):
        assert torch.equal(one.frames, other.frames)
        assert one.frames.stride() == other.frames.stride()
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.rows, other.rows)
        assert one.broken == other.broken


# frames


@pytest.mark.parametrize("resize", [None, SIZE, Resize((30, 20))])
@pytest.mark.parametrize("indices", [[0, 4, 8], [5, 2, 2, 7], [3]])
def test_frames_are_those_of_the_decoder(
    clip: Path, cache: FrameCache, resize: Resize | None, indices: list[int]
) -> None:
    wanted = decoded(clip, indices, resize)
    for _ in range(2):
        frames = read(cache, clip, indices, resize=resize)
        assert torch.equal(frames, wanted)
        assert frames.dtype == torch.uint8
        assert frames.is_contiguous(memory_format=torch.channels_last)
        frames.zero_()
    (file,) = kept(cache)
    assert np.load(file).shape == (FRAMES, *wanted.shape[2:], 3)


def test_one_file_serves_all_frames_and_a_relative_path(
    clip: Path, cache: FrameCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(cache, clip, [1])
    monkeypatch.setattr(frame_cache, "decode", refuse_to_decode)
    monkeypatch.chdir(clip.parent)
    assert torch.equal(read(cache, Path(clip.name), [8, 0]), decoded(clip, [8, 0]))
    assert len(kept(cache)) == 1


def test_each_size_has_a_file(clip: Path, cache: FrameCache) -> None:
    for resize in (SIZE, Resize(16), Resize((24, 24)), None):
        for _ in range(2):
            assert torch.equal(read(cache, clip, [2], resize=resize), decoded(clip, [2], resize))
    assert len(kept(cache)) == 4


def test_manifests_that_count_differently_do_not_displace_each_others_frames(clip: Path, cache: FrameCache) -> None:
    for count in (FRAMES, FRAMES - 2, FRAMES, FRAMES - 2):
        assert torch.equal(read(cache, clip, [0, 5], count), decoded(clip, [0, 5]))
    assert len(kept(cache)) == 2


def test_a_clip_that_is_replaced_is_decoded_afresh(clip: Path, cache: FrameCache) -> None:
    before = read(cache, clip, [0, 1])
    other = [255 - frame for frame in moving_frames(FRAMES + 1)]
    if clip.suffix:
        write_video(clip, other)
    else:
        write_frame_folder(clip, other)
    after = read(cache, clip, [0, 1])
    assert torch.equal(after, decoded(clip, [0, 1]))
    assert not torch.equal(after, before)


def test_a_time_of_change_is_enough(clip: Path, cache: FrameCache) -> None:
    read(cache, clip, [0])
    os.utime(clip, ns=(0, clip.stat().st_mtime_ns + 1))
    read(cache, clip, [0])
    assert len(kept(cache)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: cut(file, 0.6),
        lambda file: cut(file, 0.001),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no array at all" * 9),
        lambda file: file.write_bytes(file.read_bytes().replace(b"'descr'", b"'desc((", 1)),
        lambda file: np.save(file, np.zeros((FRAMES - 1, 24, 32, 3), np.uint8)),
        lambda file: np.save(file, np.zeros((FRAMES, 24, 32), np.uint8)),
        lambda file: np.save(file, np.zeros((FRAMES, 24, 32, 3))),
    ],
)
def test_a_damaged_file_is_replaced(
    clip: Path, cache: FrameCache, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], object]
) -> None:
    read(cache, clip, [0])
    (file,) = kept(cache)
    whole = file.read_bytes()
    damage(file)
    assert file.read_bytes() != whole
    assert torch.equal(read(cache, clip, [3, 8]), decoded(clip, [3, 8]))
    assert kept(cache) == [file]
    assert file.read_bytes() == whole
    monkeypatch.setattr(frame_cache, "decode", refuse_to_decode)
    assert torch.equal(read(cache, clip, [3, 8]), decoded(clip, [3, 8]))


@pytest.mark.parametrize("indices", [[], [-1], [0, -2]])
def test_wrong_indices_are_refused_as_by_the_decoder(clip: Path, cache: FrameCache, indices: list[int]) -> None:
    read(cache, clip, [0])
    with pytest.raises(ValueError, match="give one or more, each 0 or above"):
        read(cache, clip, indices)


def test_frames_beyond_the_count_are_left_to_the_decoder(clip: Path, cache: FrameCache) -> None:
    assert torch.equal(read(cache, clip, [1, 6], count=5), decoded(clip, [1, 6]))
    with pytest.raises(DecodeError) as plain:
        decoded(clip, [FRAMES])
    with pytest.raises(DecodeError) as error:
        read(cache, clip, [FRAMES], count=5)
    assert error.value.args == plain.value.args
    assert not kept(cache)


def test_a_clip_that_decodes_in_part_is_not_kept(clip: Path, cache: FrameCache) -> None:
    assert torch.equal(read(cache, clip, [0, 8], count=FRAMES + 1), decoded(clip, [0, 8]))
    with pytest.raises(DecodeError) as plain:
        decoded(clip, [FRAMES])
    with pytest.raises(DecodeError) as error:
        read(cache, clip, [FRAMES], count=FRAMES + 1)
    assert error.value.args == plain.value.args
    assert not kept(cache)


# disks


@pytest.mark.parametrize("numbered", [True, False])
def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    clip: Path, cache: FrameCache, monkeypatch: pytest.MonkeyPatch, numbered: bool
) -> None:
    def save(file: Any, array: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if numbered else OSError("77 requested and 12 written")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", save)
        with pytest.raises(
            UserError, match=r"cache: .* cannot be kept .*free space.*train without data\.cache"
        ) as error:
            read(cache, clip, [0])
    assert ("No space left" if numbered else "12 written") in str(error.value)
    assert not kept(cache)
    read(cache, clip, [0])
    assert len(kept(cache)) == 1


def test_an_interrupt_leaves_nothing_half_written(
    clip: Path, cache: FrameCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(file: Any, array: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", save)
    with pytest.raises(KeyboardInterrupt):
        read(cache, clip, [0])
    assert not kept(cache)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_folder_that_cannot_be_made_is_told_without_a_traceback(
    clips: Manifest, tmp_path: Path, workers: int
) -> None:
    (tmp_path / "file").write_text("no folder")
    folder = tmp_path / "file" / "cache"
    for batches in (train_epochs, eval_batches):
        with pytest.raises(UserError, match=r"decoded frames cannot be kept there \(.*\); free space") as error:
            batches(clips, cache=folder, workers=workers)
        assert str(error.value).startswith(str(folder))
        assert str(error.value).endswith("train without data.cache")


# loaders


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batches", [train_epochs, eval_batches])
def test_batches_are_the_same_and_the_next_run_does_not_decode(
    clips: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    batches: Callable[..., list[Batch]],
    workers: int,
) -> None:
    plain = batches(clips)
    assert_same(batches(clips, cache=tmp_path, workers=workers), plain)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == len(clips)
    # workers are forked, or would decode and still give the same
    monkeypatch.setattr(frame_cache, "decode", refuse_to_decode)
    assert_same(batches(clips, cache=tmp_path, workers=workers), plain)


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_clips_are_listed_as_without_a_cache(clips: Manifest, tmp_path: Path, workers: int) -> None:
    write_video(tmp_path / "whole.mp4", moving_frames(FRAMES))
    (tmp_path / "none.mp4").write_bytes(b"no video at all")
    write_frame_folder(tmp_path / "short", moving_frames(FRAMES - 2))
    write_frame_folder(tmp_path / "torn", moving_frames(FRAMES))
    cut(tmp_path / "torn" / "00005.png", 0.5)
    names = ("whole.mp4", "none.mp4", "gone.mp4", "short", "torn")
    damaged = replace(clips, root=tmp_path, clips=tuple(replace(clips.clips[0], path=name) for name in names))
    for batches in (train_epochs, eval_batches):
        plain = batches(damaged)
        assert sum(len(batch.broken) for batch in plain) > 0
        for _ in range(2):
            assert_same(batches(damaged, cache=tmp_path / "cache", workers=workers), plain)


# runs


def test_training_evaluation_and_resume_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write_clips(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    config = TrainConfig(
        model=ModelConfig(name="tsm_resnet18", width=8),
        data=DataConfig(
            manifest=manifest.root / "manifest.csv",
            sampling=Sampling(frames=4),
            preprocessing=Preprocessing(resize=36, crop=32),
            workers=0,
        ),
        output=tmp_path / "plain",
        epochs=2,
        batch_size=3,
    )
    plain = train(config, progress=False)
    cached = replace(config, output=tmp_path / "cached", data=replace(config.data, cache=Path("cache")))
    run = train(replace(cached, epochs=1), progress=False)
    assert read_json(TrainConfig, run.config_path).data.cache == tmp_path / "cache"
    # a run of a version that knew no cache has no such field; and what is kept where may change at any time
    text = to_json(replace(config, output=run.path, epochs=1))
    assert '"cache"' in text
    run.config_path.write_text(text.replace(',\n    "cache": null', ""))
    assert '"cache"' not in run.config_path.read_text()
    monkeypatch.setattr(frame_cache, "decode", refuse_to_decode)
    train(cached, resume=True, progress=False)
    assert losses(run) == losses(plain)
    assert run.weights_path.read_bytes() == plain.weights_path.read_bytes()


def losses(run: Run) -> list[dict[str, Any]]:
    lines = [line for line in read_metrics_log(run.metrics_path) if line["kind"] in ("train", "val")]
    return [{key: value for key, value in line.items() if key not in ("clips_per_s", "wait")} for line in lines]


def test_an_evaluation_uses_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write_clips(tmp_path / "data")
    run = write_run(tmp_path / "run")
    options: dict[str, Any] = {
        "manifest": manifest.root / "manifest.csv",
        "forward": Forward(device=torch.device("cpu")),
    }
    cached = replace(IN_PROCESS, cache=tmp_path / "cache")
    plain, _ = evaluate(run, **options, loading=IN_PROCESS)
    first, _ = evaluate(run, **options, loading=cached)
    monkeypatch.setattr(frame_cache, "decode", refuse_to_decode)
    second, _ = evaluate(run, **options, loading=cached)
    arguments = [str(run.path), "--data", str(manifest.root), "--workers", "0", "--device", "cpu", "--name", "third"]
    assert main(["eval", *arguments, "--cache", str(tmp_path / "cache")]) == 0
    third = Predictions.load(run.predictions_path / "third.npz")
    for predictions in (first, second, third):
        assert np.array_equal(predictions.logits, plain.logits)
