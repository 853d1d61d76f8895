"""From a run and a clip to pictures: what is written, and what is said."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recircle.arc import ArcLayer
from recircle.decode.frames import DecodeError
from recircle.errors import UserError
from recircle.explain import explain
from recircle.inference.recognizer import Recognizer
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from tests.small_run import LABELS, SPEC, write_frames, write_run

ARC_SPEC = replace(SPEC, model=ModelConfig(name="arc_tsm_resnet18", width=8))


def write_arc_run(path: Path) -> Run:
    """Save a network whose states move."""
    run = write_run(path, ARC_SPEC)
    model = run.load_model()
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, ArcLayer):
                for matrix in (layer.embedding, layer.attention, layer.fusion):
                    assert matrix is not None
                    matrix.normal_(0, 0.05)
    run.save_model(model, ARC_SPEC)
    return run


@pytest.fixture(scope="module")
def arc(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_arc_run(tmp_path_factory.mktemp("runs") / "arc")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "plain")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frames(tmp_path_factory.mktemp("clips") / "push-left" / "clip [1]", 6, seed=1)


def test_what_is_shown_is_what_the_recogniser_sees(arc: Run, plain: Run, clip: Path, tmp_path: Path) -> None:
    found = explain(arc.path, clip, against=plain.path, layers=["layer4.1.conv2"], output=tmp_path / "a" / "b")
    folder = tmp_path / "a" / "b"
    names = ["activation.png", "activation.webp", "states_layer4.1.conv2.png", "states_layer4.1.conv2.mp4"]
    assert found.files == tuple(folder / name for name in names)
    assert sorted(folder.iterdir()) == sorted(found.files)
    assert found.truth == "push left"
    assert found.against is not None
    for run, seen in ((arc, found.seen), (plain, found.against)):
        said = Recognizer.load(run.path)(clip)
        assert seen.predicted == said.label
        np.testing.assert_allclose(seen.activation.probabilities, said.probabilities, atol=1e-4)
        assert seen.frames.shape == (4, 32, 32, 3)
        assert seen.target == found.seen.predicted
    assert len(found.seen.states) == 16
    assert found.against.states == {}
    farthest = found.seen.farthest()
    assert farthest is not None
    assert farthest.moved.max() == max(e.moved.max() for e in found.seen.states.values()) > 0


def test_by_default_the_last_layer_of_each_stage_is_drawn_in_the_runs_folder(arc: Run, clip: Path) -> None:
    found = explain(arc.path, clip)
    assert {path.parent for path in found.files} == {arc.path / "explained" / "push-left" / "clip [1]"}
    names = [path.name for path in found.files if path.suffix == ".png"]
    assert names == ["activation.png", *(f"states_layer{stage}.1.conv2.png" for stage in (1, 2, 3, 4))]


def test_a_class_is_looked_for_by_its_name_in_both_networks(arc: Run, plain: Run, clip: Path, tmp_path: Path) -> None:
    predicted = [Recognizer.load(run.path)(clip).label for run in (plain, arc)]
    other = next(label for label in LABELS if label not in predicted)
    found = explain(plain.path, clip, against=arc.path, label=other, output=tmp_path)
    assert found.against is not None
    for seen, said in zip((found.seen, found.against), predicted):
        assert seen.target == other
        assert seen.predicted == said
        assert f" for {other!r} (" in seen.describe()
    assert found.seen.states == {}
    assert [path.name for path in found.files] == ["activation.png", "activation.webp"]


def test_networks_of_other_classes_frames_and_sizes_stand_side_by_side(plain: Run, clip: Path, tmp_path: Path) -> None:
    spec = replace(
        SPEC,
        labels=("walk", "run"),
        families={},
        preprocessing=Preprocessing(resize=48, crop=(48, 32)),
        sampling=Sampling(frames=6),
    )
    other = write_run(tmp_path / "other", spec)
    found = explain(plain.path, clip, against=other.path, output=tmp_path / "pictures")
    assert found.against is not None
    assert found.against.target == found.against.predicted in spec.labels
    assert found.against.frames.shape == (6, 48, 32, 3)


def test_a_sentence_says_when_there_is_evidence(plain: Run, clip: Path, tmp_path: Path) -> None:
    seen = explain(plain.path, clip, label="lift", output=tmp_path).seen
    maps = np.full((4, 2, 2), -1, np.float32)
    logits = np.log(np.array([0.2, 0.3, 0.5], np.float32))
    nothing = replace(seen, activation=replace(seen.activation, maps=maps, logits=logits))
    start = "plain (tsm_resnet18) predicts 'push right' (50 %); "
    assert nothing.describe() == f"{start}nothing in the clip speaks for 'lift' (20 %)"
    maps = maps.copy()
    maps[2, 0, 0] = 0.1
    some = replace(nothing, activation=replace(nothing.activation, maps=maps))
    assert some.describe() == f"{start}most evidence for 'lift' (20 %) in frame 3 of 4"
    itself = replace(some, activation=replace(some.activation, target=2))
    assert itself.describe() == f"{start}most evidence for it in frame 3 of 4"


def test_what_cannot_be_done_is_one_sentence(arc: Run, plain: Run, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no ARC layer 'fc'; the ARC layers are layer1\.0\.conv1, "):
        explain(arc.path, clip, layers=["fc"])
    with pytest.raises(UserError, match="has no ARC layer whose state evolves"):
        explain(plain.path, clip, layers=["layer1.0.conv1"])
    with pytest.raises(UserError, match="plain has no class 'push lef'; did you mean 'push left'"):
        explain(plain.path, clip, label="push lef")
    with pytest.raises(UserError, match=r"has no class 'zzz'; its 3 classes are in .*model\.json"):
        explain(arc.path, clip, against=plain.path, label="zzz")
    with pytest.raises(DecodeError, match=r"gone\.mp4: file not found"):
        explain(plain.path, tmp_path / "gone.mp4")
    with pytest.raises(UserError, match="is not a run's folder"):
        explain(plain.path, clip, against=tmp_path / "gone")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written: File exists; something that is not a folder"):
        explain(plain.path, clip, output=tmp_path / "file")
    assert not (plain.path / "explained").exists()


def test_without_matplotlib_nothing_is_begun(plain: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match="pictures need matplotlib"):
        explain(plain.path / "gone", clip)
