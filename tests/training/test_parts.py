"""Parts of long videos all the way: index, training with a cache, evaluation, frames for the report."""

import warnings
from pathlib import Path

from recircle.evaluation.evaluate import evaluate
from recircle.layouts.index import index_folder
from recircle.loading.config import DataConfig
from recircle.manifest.holdout import hold_out
from recircle.report.gallery import Failure, FrameStrip, find_clips, read_strips
from recircle.training.config import TrainConfig
from recircle.training.loop import train
from tests import media
from tests.small_run import IN_PROCESS, SPEC


def test_parts_are_clips_to_everything(tmp_path: Path) -> None:
    frames = media.moving_frames(36, 40, 56)
    for number in range(3):
        media.write_video(tmp_path / f"{number}.mp4", frames, options={"g": "12"})
    lines = [
        f"{n}.mp4,{k * 0.36:.2f},{k * 0.36 + 0.3:.2f},{'rest' if k % 2 else 'wave'}" for n in range(3) for k in range(4)
    ]
    lines.append("2.mp4,7,8,wave")
    (tmp_path / "list.csv").write_text("path,start,end,label\n" + "\n".join(lines) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        manifest = index_folder(tmp_path / "list.csv", workers=0)
        manifest = hold_out(manifest, 0.3).write(tmp_path / "manifest.csv")
        config = TrainConfig(
            model=SPEC.model,
            data=DataConfig(
                manifest=tmp_path / "manifest.csv",
                sampling=SPEC.sampling,
                preprocessing=SPEC.preprocessing,
                workers=0,
                cache=tmp_path / "cache",
            ),
            output=tmp_path / "run",
            epochs=1,
            batch_size=4,
        )
        run = train(config, progress=False)
        predictions, _ = evaluate(run, loading=IN_PROCESS, skip_broken=True)
    held = [clip for clip in manifest.clips if clip.split == "val"]
    assert set(predictions.paths) | set(predictions.left_out) == {clip.name for clip in held}
    assert len({clip.path for clip in held}) == 1
    assert "2.mp4#t=7,8" in {clip.name for clip in manifest.clips if clip.status == "broken"}
    # each part that was looked at is kept by itself
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 12
    failures = [Failure(path=path, true="a", predicted="b", confidence=1, score=0) for path in predictions.paths]
    found, _ = find_clips(failures, [tmp_path / "manifest.csv"])
    assert all(isinstance(strip, FrameStrip) for strip in read_strips(found).values())
    assert set(found) == set(predictions.paths)
