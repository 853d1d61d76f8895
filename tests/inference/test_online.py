"""Frame by frame, a causal run says what it says of the clip of the frames so far."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recircle import ArcConfig, Recognizer, UserError
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.views.sampling import Sampling
from tests.small_run import SPEC, write_run

CAUSAL = replace(SPEC, model=ModelConfig(name="arc_tsm_resnet18", width=8, causal=True, arc=ArcConfig.temporal()))
DENSE = Sampling(frames=4, mode="dense", stride=3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run", CAUSAL)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=(7, 40, 56, 3), dtype=np.uint8)


def of_clip(run: Run, frames: np.ndarray) -> np.ndarray:
    """Return the logits of a clip of which the network sees every frame."""
    spec = run.load_spec()
    sampling = Sampling(frames=len(frames))
    rec = Recognizer(run.load_model(), spec.labels, sampling=sampling, preprocessing=spec.preprocessing)
    return rec(frames).logits


def test_after_each_frame_it_is_the_recognition_of_that_clip(run: Run, frames: np.ndarray) -> None:
    with Recognizer.load(run.path) as rec:
        online = rec.online(every=0)
        for number, frame in enumerate(frames):
            found = online.push(frame, number / 10)
            np.testing.assert_allclose(found.logits, of_clip(run, frames[: number + 1]), rtol=1e-4, atol=1e-5)
            assert found.probabilities.sum() == pytest.approx(1)
            assert f"{number + 1} frame" in found.protocol
        assert online.frames == 7
        online.reset()
        assert (online.frames, repr(online)) == (0, "Online(arc_tsm_resnet18, 0 frames seen)")
        np.testing.assert_array_equal(online.push(frames[0], 0).logits, rec.online(every=0).push(frames[0], 3.5).logits)


def test_several_crops_side_by_side(run: Run, frames: np.ndarray) -> None:
    with Recognizer.load(run.path, crops=3) as rec:
        online = rec.online(every=0)
        said = [online.push(frame, number) for number, frame in enumerate(frames[:4])]
        np.testing.assert_allclose(said[-1].logits, rec(frames[:4]).logits, rtol=1e-4, atol=1e-5)


def test_the_state_can_be_put_back(run: Run, frames: np.ndarray) -> None:
    with Recognizer.load(run.path) as rec:
        online, other = rec.online(every=0), rec.online(every=0)
        online.push(frames[0], 0.0)
        other.state = {name: value.clone() for name, value in online.state.items()}
        assert np.array_equal(online.push(frames[1], 1).logits, other.push(frames[1], 0).logits)


def test_frames_between_those_that_it_sees_cost_nothing(run: Run, frames: np.ndarray) -> None:
    with Recognizer.load(run.path) as rec:
        online = rec.online(every=0.3)
        said = [online.push(frame, 0.1 * number) for number, frame in enumerate(frames)]
        assert online.frames == 3
        assert said[0] is said[1] is said[2]
        assert said[2] is not said[3]
        np.testing.assert_allclose(said[6].logits, of_clip(run, frames[::3]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sampling", [DENSE, replace(DENSE, fps=10.0)])
def test_a_run_with_a_rate_sees_frames_at_that_rate(sampling: Sampling, run: Run, frames: np.ndarray) -> None:
    rec = Recognizer(run.load_model(), SPEC.labels, sampling=sampling)
    online = rec.online()
    for number, frame in enumerate(np.repeat(frames, 2, axis=0)):
        online.push(frame, 0.1 * number)
    assert online.frames == 5


def test_what_is_told_and_what_is_refused(run: Run, frames: np.ndarray, tmp_path: Path) -> None:
    with Recognizer.load(run.path) as rec:
        with pytest.warns(UserWarning, match="learned from 4 frames spread over each clip, and sees every frame here"):
            rec.online()
        with pytest.raises(UserError, match="every=-1: give the seconds"):
            rec.online(every=-1)
        online = rec.online(every=0)
        online.push(frames[0], 2.0)
        before = online.state
        with pytest.raises(UserError, match=r"a frame of 1 s comes after one of 2 s; where another video begins, call"):
            online.push(frames[1], 1.0)
        with pytest.raises(UserError, match="another size than the first: 30 x 40 and 56 x 40 pixels"):
            online.push(frames[1, :, :30], 3.0)
        with pytest.raises(UserError, match="time=nan: give the second"):
            online.push(frames[1], float("nan"))
        with pytest.raises(UserError, match="has the shape"):
            online.push(frames, 3.0)
        assert online.state is before
        online.push(torch.from_numpy(frames[1]).permute(2, 0, 1), np.float64(2.5))
    with Recognizer.load(run.path, clips=2) as rec, pytest.raises(UserError, match="one clip of single frames"):
        rec.online()
    with (
        Recognizer.load(write_run(tmp_path / "ordinary").path) as rec,
        pytest.raises(UserError, match="tsm_resnet18 was not created, and trained, with causal=True"),
    ):
        rec.online()
