"""Frames of few clips are kept while a fit goes on, and deleted when it is done."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from recircle.fit import frame_cache
from recircle.fit.frame_cache import FOLDER, forget_frames, keep_frames
from recircle.fit.plan import views_of
from recircle.views.preprocessing import Preprocessing
from tests.fit.test_plan import RECIPE, data_of

DATA = data_of({"a": 20, "b": 20}, val=5)
VIEWS = views_of(DATA, Preprocessing())


@pytest.mark.parametrize("accelerator", [False, True])
def test_frames_of_few_clips_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accelerator: bool) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: accelerator)
    config = replace(RECIPE, output=tmp_path / "a" / "run")
    kept = keep_frames(config, DATA, VIEWS, ())
    assert kept.data.cache == config.output / FOLDER
    assert kept.data.workers == (config.data.workers if accelerator else 0)
    assert keep_frames(config, DATA, VIEWS, {"--data.workers"}).data.workers == config.data.workers


def test_what_the_user_gave_and_many_clips_and_a_full_disk_leave_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(RECIPE, output=tmp_path)
    for given in ("--data.cache", "--data.augmentation.one-resample"):
        assert keep_frames(config, DATA, VIEWS, {given}) == config
    frames, (height, width) = 9 * 45, VIEWS[-1].resizer.size_for(360, 640)
    needed = 3 * frames * height * width
    monkeypatch.setattr(frame_cache, "_free", lambda _: 2 * needed - 1)
    assert keep_frames(config, DATA, VIEWS, ()) == config
    monkeypatch.setattr(frame_cache, "_free", lambda _: 2 * needed)
    assert keep_frames(config, DATA, VIEWS, ()) != config
    monkeypatch.setattr(frame_cache, "_MOST", needed - 1)
    assert keep_frames(config, DATA, VIEWS, ()) == config


def test_only_what_was_kept_by_itself_is_deleted(tmp_path: Path) -> None:
    own, other = tmp_path / "run" / FOLDER, tmp_path / "frames"
    for folder in (own, other):
        folder.mkdir(parents=True)
        (folder / "a.npy").touch()
    config = replace(RECIPE, output=tmp_path / "run")
    forget_frames(replace(config, data=replace(config.data, cache=other)))
    assert own.exists()
    forget_frames(replace(config, data=replace(config.data, cache=own)))
    assert not own.exists()
    assert other.exists()
