"""Clips of 24, 60 and varying frames a second, from the folder to the figures: frames are those at the moments."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from recircle.cli.main import main
from recircle.config import to_json
from recircle.errors import UserError
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Manifest
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.training.loop import train
from recircle.training.optimiser import Optimiser
from recircle.views.augmentation import Augmentation
from recircle.views.cut import whole_file_views
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.views.views import EvalViews
from tests.flat_loaders import flat_eval_loader, flat_train_loader
from tests.small_run import write_frames

Capture = pytest.CaptureFixture[str]
SIZES = Preprocessing(resize=36, crop=32)
# in ticks of 1/120 s, over two seconds
TIMES = {
    "slow": [5 * k for k in range(48)],
    "fast": [2 * k for k in range(120)],
    "varying": [5 * k for k in range(36)] + [180 + 30 * k for k in range(2)],
}


def write_clip(path: Path, times: Sequence[int]) -> Path:
    """Write a clip that grows brighter with the time: grey 20 + 100 a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packets: list[Any] = []
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=120, options={"bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for time in times:
            image = np.full((48, 64, 3), 20 + 100 * time / 120, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 120)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet, time, end in zip(packets, times, [*times[1:], 240], strict=True):
            assert packet.pts * packet.time_base == Fraction(time, 120)
            packet.duration = int(Fraction(end - time, 120) / packet.time_base)
            container.mux(packet)
    return path


def seconds(views: object) -> np.ndarray:
    """The time of each frame, read off its brightness."""
    return (np.asarray(views, np.float64).mean((-3, -2, -1)) - 20) / 100


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rates")
    for split in ("train", "val"):
        for label in ("lift", "push"):
            for name, times in TIMES.items():
                write_clip(folder / split / label / f"{name}.mp4", times)
    assert main(["index", str(folder), "--output", str(folder / "m.csv"), "--workers", "1"]) == 0
    return folder / "m.csv"


def test_the_table_has_the_times_of_varying_rates(manifest: Path) -> None:
    for clip in Manifest.read(manifest).clips:
        kind = Path(clip.path).stem
        assert clip.frames == len(TIMES[kind])
        if kind == "varying":
            assert clip.fault == "frame rate varies: 4 to 24 fps; sampled by time"
            assert clip.frame_times.times == pytest.approx(np.array(TIMES[kind]) / 120, abs=1e-5)
        else:
            assert (clip.fault, clip.durations, clip.frame_times.seconds) == ("", "", pytest.approx(2.0))


@pytest.mark.parametrize("sampling", [Sampling(frames=4), Sampling(frames=4, mode="dense", stride=4, fps=12.0)])
def test_clips_of_all_rates_show_the_same_moments(manifest: Path, sampling: Sampling) -> None:
    table = Manifest.read(manifest)
    loader = flat_eval_loader(
        table, labels=table.labels, sampling=sampling, preprocessing=SIZES, clips=2, batch_size=12, workers=0
    )
    shown = seconds(next(iter(loader)).frames)
    starts = (0, 0.25) if sampling.mode == "segments" else (0, 8 / 12)
    step = 0.5 if sampling.mode == "segments" else 4 / 12
    for clip, found in zip(table.clips, shown):
        times = np.array(TIMES[Path(clip.path).stem]) / 120
        moments = np.array([[start + k * step for k in range(4)] for start in starts])
        expected = np.array([[times[times <= moment + 1e-5].max() for moment in view] for view in moments])
        assert found == pytest.approx(expected, abs=0.02)
        alone = whole_file_views(table.path(clip), EvalViews(sampling=sampling, preprocessing=SIZES, clips=2))
        assert seconds(alone) == pytest.approx(found, abs=1e-9)


def test_training_draws_from_each_part_of_the_time(manifest: Path) -> None:
    table = Manifest.read(manifest)
    table = replace(table, clips=tuple(clip for clip in table.clips if clip.durations))
    loader = flat_train_loader(
        table,
        labels=table.labels,
        sampling=Sampling(frames=4),
        preprocessing=SIZES,
        augmentation=Augmentation(flip="off"),
        batch_size=4,
        seed=0,
    )
    shown = np.concatenate([seconds(batch.frames)[:, 0] for epoch in range(20) for batch in loader.epoch(epoch)])
    for k in range(4):
        # a frame that began in the part before may still be shown at its start
        assert shown[:, k].min() > 0.5 * k - 0.27
        assert shown[:, k].max() < 0.5 * (k + 1) + 0.02
    assert shown[:, 3].max() > 1.7


def test_all_commands_take_them(manifest: Path, tmp_path: Path, capsys: Capture) -> None:
    config = TrainConfig(
        model=ModelConfig(name="tsm_resnet18", width=8),
        data=DataConfig(
            manifest=manifest,
            sampling=Sampling(frames=4, fps=12.0),
            preprocessing=SIZES,
            augmentation=Augmentation(flip="off"),
            workers=0,
        ),
        optimiser=Optimiser(lr=0.01),
        output=tmp_path / "run",
        epochs=1,
        batch_size=3,
    )
    run = train(config, progress=False)
    capsys.readouterr()
    protocol = "4 frames at 12 fps x 1 clip x 1 crop of 32 px from 36 px, softmax mean"
    assert main(["eval", str(run.path), "--data", str(manifest), "--device", "cpu", "--workers", "0"]) == 0
    assert protocol in capsys.readouterr().out
    clip = manifest.parent / "val/lift/varying.mp4"
    assert main(["predict", str(run.path), str(clip), "--device", "cpu"]) == 0
    assert f"protocol: {protocol}" in capsys.readouterr().out
    # a folder of frames has no rate
    images = write_frames(tmp_path / "images", 5, seed=0)
    assert main(["predict", str(run.path), str(images), "--device", "cpu"]) != 0
    out = capsys.readouterr()
    assert "sampling at 12 fps needs to know the clip's own frame rate" in out.out + out.err


def test_a_rate_that_is_not_known_is_told_before_training(manifest: Path) -> None:
    table = Manifest.read(manifest)
    unknown = replace(table, clips=(replace(table.clips[0], fps=0.0), *table.clips[1:]))
    with pytest.raises(UserError, match=rf"{table.clips[0].path}: sampling at 15 fps .* fill in the column fps"):
        flat_eval_loader(
            unknown, labels=table.labels, sampling=Sampling(fps=15.0), preprocessing=SIZES, batch_size=1, workers=0
        )


def test_a_run_of_an_earlier_version_goes_on_by_index(manifest: Path, tmp_path: Path) -> None:
    config = TrainConfig(
        model=ModelConfig(name="tsm_resnet18", width=8),
        data=DataConfig(manifest=manifest, sampling=Sampling(frames=4, by="index"), preprocessing=SIZES, workers=0),
        optimiser=Optimiser(lr=0.01),
        output=tmp_path / "run",
        epochs=1,
        batch_size=3,
    )
    run = train(config, progress=False)
    for path in (run.config_path, run.spec_path):
        text = path.read_text()
        earlier = text.replace(',\n      "by": "index",\n      "fps": null', "")
        earlier = earlier.replace(',\n    "by": "index",\n    "fps": null', "")
        assert earlier != text
        path.write_text(earlier)
    assert Run(run.path).load_spec().sampling == Sampling(frames=4, by="index")
    assert '"by": "index"' in to_json(Run(run.path).load_config(TrainConfig))
    train(replace(config, epochs=2), resume=True, progress=False)
