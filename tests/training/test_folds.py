"""Folds: groups stay together, every clip is predicted once by a network that has not seen it, and it goes on."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recircle.errors import UserError
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.predictions import Predictions
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Clip, Manifest
from recircle.run import Run
from recircle.training import folds as folds_module
from recircle.training.config import TrainConfig
from recircle.training.folds import divide_folds, predict_out_of_sample, predictions_file
from recircle.training.loop import train
from tests.small_run import LABELS, SPEC, write_clips


def clips(count: int, groups: int = 0, parts: bool = False) -> Manifest:
    rows = tuple(
        Clip(
            path=f"{n % 5}.mp4" if parts else f"{n}.mp4",
            start=float(n) if parts else 0.0,
            end=n + 1.0 if parts else 0.0,
            label=LABELS[n % 3],
            group=str(n % groups) if groups else "",
            frames=3,
        )
        for n in range(count)
    )
    return Manifest(rows, Path())


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_divided_evenly(seed: int) -> None:
    found = divide_folds(clips(60), 5, seed=seed)
    counts = Counter(zip(found.numbers, (clip.label for clip in found.clips.clips)))
    assert set(counts.values()) == {4}
    assert len(counts) == 15


@pytest.mark.parametrize("manifest", [clips(60, groups=7), clips(60, parts=True)])
def test_groups_and_videos_stay_together(manifest: Manifest) -> None:
    found = divide_folds(manifest, 3, seed=1)
    folds: dict[str, set[int]] = {}
    for clip, number in zip(manifest.clips, found.numbers):
        folds.setdefault(clip.group or clip.path, set()).add(number)
    assert {len(numbers) for numbers in folds.values()} == {1}
    assert set(found.numbers) == {1, 2, 3}


def test_what_cannot_be_divided() -> None:
    with pytest.raises(UserError, match="4 groups cannot be divided into 5 folds"):
        divide_folds(clips(40, groups=4), 5)
    with pytest.raises(UserError, match="two or more are needed"):
        divide_folds(clips(40), 1)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    manifest = write_clips(tmp_path / "clips", ("train", "val", "test"))
    config = TrainConfig(
        model=SPEC.model,
        data=DataConfig(
            manifest=manifest.file or Path(),
            val_split="test",
            sampling=SPEC.sampling,
            preprocessing=SPEC.preprocessing,
            workers=0,
            groups=(),
        ),
        output=tmp_path / "run",
        epochs=1,
        batch_size=2,
    )
    return train(config, progress=False)


def test_every_clip_is_predicted_once_by_a_network_that_has_not_seen_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    found = predict_out_of_sample(run, 2, progress=False, tell=told.append)
    manifest = Manifest.read(run.load_config(DataConfig, "data").manifest)
    wanted = {clip.name for clip in manifest.clips if clip.split in ("train", "test")}
    assert sorted(found.paths) == sorted(wanted)
    assert found.data.endswith("all clips, each by a network that had not seen it")
    loaded = Predictions.load(predictions_file(run))
    np.testing.assert_array_equal(loaded.logits, found.logits)
    first = Run(run.path / "folds" / "fold1")
    with pytest.warns(UserWarning, match="lie outside of its folder"):
        again, _ = evaluate(first)
    np.testing.assert_allclose(again.logits, found.logits[: len(again)], rtol=1e-5, atol=1e-5)
    assert not first.checkpoints_path.exists()
    assert len(told) == 2
    # what is finished is not done again, and what was lost is
    (run.path / "folds" / "fold2.npz").unlink()
    predict_out_of_sample(run, 2, progress=False, tell=told.append)
    assert len(told) == 3
    monkeypatch.setattr(folds_module, "train", lambda *_, **__: pytest.fail("it was trained again"))
    np.testing.assert_array_equal(predict_out_of_sample(run, 2, progress=False).logits, found.logits)


def test_another_division_is_refused(run: Run) -> None:
    predict_out_of_sample(run, 2, progress=False, tell=lambda _: None)
    with pytest.raises(UserError, match="was begun with 2 folds; remove it"):
        predict_out_of_sample(run, 3, progress=False)
    path = run.load_config(DataConfig, "data").manifest
    manifest = Manifest.read(path)
    mended = replace(manifest.clips[0], label=LABELS[1], parent="push")
    replace(manifest, clips=(mended, *manifest.clips[1:])).write(path)
    with pytest.raises(UserError, match="was begun on other clips or labels; remove it"):
        predict_out_of_sample(run, 2, progress=False)
