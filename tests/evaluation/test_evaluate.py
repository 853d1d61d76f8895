"""Evaluation of a run: which clips it takes, what it does with broken ones, and what it saves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recircle.config import to_json
from recircle.errors import UserError
from recircle.evaluation.evaluate import LISTED, clips_to_evaluate, evaluate, training_protocol
from recircle.evaluation.forward import Forward
from recircle.evaluation.metrics import top_k_accuracy
from recircle.evaluation.predictions import Predictions, fuse
from recircle.evaluation.protocol import Protocol
from recircle.loading.config import DataConfig
from recircle.loading.options import Loading
from recircle.manifest.manifest import Clip, Manifest
from recircle.run import Run
from tests.small_run import IN_PROCESS, LABELS, SPEC, write_clips, write_run


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_clips(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


def written(manifest: Manifest, name: str, clips: tuple[Clip, ...]) -> Path:
    path = manifest.root / name
    replace(manifest, clips=clips).write(path)
    return path


def damaged(manifest: Manifest, count: int) -> tuple[Clip, ...]:
    """Return the clips with broken ones among them."""
    broken = tuple(
        Clip(path=f"torn{n}.mp4", label="lift", split="val", status="broken", fault="cut short") for n in range(count)
    )
    return manifest.clips[:2] + broken + manifest.clips[2:]


def test_predictions_name_their_clips_and_save_all_views(manifest: Manifest, run: Run, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    predictions, metrics = evaluate(
        run,
        manifest=manifest.root / "manifest.csv",
        split="all",
        protocol=Protocol(clips=2, crops=3),
        loading=IN_PROCESS,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert predictions.logits.shape == (6, 6, 3)
    assert predictions.paths == tuple(clip.path for clip in manifest.clips)
    assert [predictions.classes[label] for label in predictions.labels] == [clip.label for clip in manifest.clips]
    assert predictions.families == SPEC.families
    assert predictions.protocol == "4 frames by time x 2 clips x 3 crops of 36 px from 36 px, softmax mean"
    assert metrics.protocol == predictions.protocol
    assert metrics.top1.value == top_k_accuracy(predictions.scores(), predictions.labels)
    assert calls[-1] == (6, 6)
    predictions.save(tmp_path / "p.npz")
    np.testing.assert_array_equal(Predictions.load(tmp_path / "p.npz").scores(), predictions.scores())


def test_batches_and_workers_do_not_change_a_prediction(manifest: Manifest, run: Run) -> None:
    def logits(*, workers: int, batch_size: int) -> np.ndarray:
        loading = Loading(batch_size=batch_size, workers=workers)
        return evaluate(run, manifest=manifest.root / "manifest.csv", loading=loading)[0].logits

    np.testing.assert_array_equal(logits(workers=0, batch_size=2), logits(workers=1, batch_size=2))
    np.testing.assert_allclose(logits(workers=0, batch_size=1), logits(workers=0, batch_size=4), rtol=1e-4, atol=1e-5)


def test_the_fusion_asked_for_is_the_one_taken(manifest: Manifest, run: Run) -> None:
    protocol = Protocol(clips=2, fusion="logits")
    predictions, _ = evaluate(run, manifest=manifest.root / "manifest.csv", protocol=protocol, loading=IN_PROCESS)
    np.testing.assert_array_equal(predictions.scores(), fuse(predictions.logits, "logits"))


def test_bf16_says_so(manifest: Manifest, run: Run) -> None:
    path = manifest.root / "manifest.csv"
    assert evaluate(run, manifest=path, loading=IN_PROCESS, forward=Forward(precision="bf16"))[1].protocol.endswith(
        "softmax mean, bf16"
    )


def test_known_broken_clips_stop_it_before_anything_is_computed(manifest: Manifest, run: Run) -> None:
    path = written(manifest, "broken.csv", damaged(manifest, LISTED + 5))
    calls: list[int] = []
    with pytest.raises(UserError) as caught:
        evaluate(run, manifest=path, loading=IN_PROCESS, progress=lambda done, total: calls.append(done))
    message = str(caught.value)
    assert message.startswith("25 of the clips to evaluate cannot be decoded")
    assert "--skip-broken" in message
    assert "torn0.mp4: cut short" in message
    assert message.count("cut short") == LISTED
    assert message.endswith("and 5 more")
    assert not calls


def test_broken_clips_can_be_left_out_and_are_counted(manifest: Manifest, run: Run) -> None:
    whole, _ = evaluate(run, manifest=manifest.root / "manifest.csv", split="val", loading=IN_PROCESS)
    path = written(manifest, "broken.csv", damaged(manifest, 2))
    predictions, metrics = evaluate(run, manifest=path, split="val", loading=IN_PROCESS, skip_broken=True)
    assert predictions.left_out == ("torn0.mp4", "torn1.mp4")
    assert metrics.left_out == 2
    assert predictions.paths == whole.paths
    np.testing.assert_allclose(predictions.logits, whole.logits, rtol=1e-4, atol=1e-5)


def test_a_clip_found_broken_on_the_way_is_broken_too(manifest: Manifest, run: Run) -> None:
    gone = replace(manifest.clips[0], path="gone.mp4", split="val")
    path = written(manifest, "gone.csv", (*manifest.clips, gone))
    with pytest.raises(UserError, match=r"1 of the clips to evaluate cannot be decoded.*\n.*gone\.mp4"):
        evaluate(run, manifest=path, loading=IN_PROCESS)
    predictions, _ = evaluate(run, manifest=path, loading=IN_PROCESS, skip_broken=True)
    assert predictions.left_out == ("gone.mp4",)
    assert len(predictions) == 3


def test_nothing_but_broken_clips_is_an_error_even_then(manifest: Manifest, run: Run) -> None:
    path = written(manifest, "torn.csv", (replace(manifest.clips[0], path="torn.mp4"),))
    with pytest.raises(
        UserError, match=r"torn\.csv, all clips: none of its 1 clips is there, looked for at .*torn\.mp4"
    ):
        evaluate(run, manifest=path, split="all", loading=IN_PROCESS, skip_broken=True)
    (path.parent / "torn.mp4").write_bytes(b"")
    with pytest.raises(UserError, match="no clip that has a label can be decoded"):
        evaluate(run, manifest=path, split="all", loading=IN_PROCESS, skip_broken=True)


@pytest.mark.parametrize(
    ("splits", "split", "expected", "words"),
    [
        (("train", "val"), None, ["val"], "split val"),
        (("train", "test"), None, ["test"], "split test"),
        (("train", "val", "test"), "test", ["test"], "split test"),
        (("train", "val"), "all", ["train", "val"], "all clips"),
        (("",), None, [""], "all clips"),
    ],
)
def test_which_clips(
    splits: tuple[str, ...], split: str | None, expected: list[str], words: str, run: Run, tmp_path: Path
) -> None:
    clips = tuple(Clip(path=f"{name}{label}", label=label, split=name, frames=3) for name in splits for label in LABELS)
    Manifest(clips, tmp_path).write(tmp_path / "m.csv")
    chosen, data = clips_to_evaluate(run, SPEC, tmp_path / "m.csv", split)
    assert sorted({clip.split for clip in chosen.clips}) == expected
    assert str(data) == f"{tmp_path / 'm.csv'}, {words}"


def trained(run: Run, data: DataConfig, tmp_path: Path) -> Run:
    """Return a run with the part of a training config that evaluation reads."""
    other = Run.create(tmp_path / "trained")
    other.config_path.write_text(f'{{"data": {to_json(data)}, "evaluation": {to_json(Protocol(clips=2))}}}')
    return other


def test_the_training_config_gives_the_clips_and_the_protocol(manifest: Manifest, run: Run, tmp_path: Path) -> None:
    path = manifest.root / "manifest.csv"
    other = trained(run, DataConfig(manifest=path, train_split="val", val_split="train"), tmp_path)
    for given in (None, path):
        chosen, data = clips_to_evaluate(other, SPEC, given, None)
        assert {clip.split for clip in chosen.clips} == {"train"}
        assert str(data) == f"{path}, clips held out in training"
    assert training_protocol(other) == Protocol(clips=2)
    assert training_protocol(run) == Protocol()


def test_a_foreign_manifest_without_training_clips_is_taken_as_it_is(
    manifest: Manifest, run: Run, tmp_path: Path
) -> None:
    other = trained(run, DataConfig(manifest=manifest.root / "manifest.csv"), tmp_path)
    path = written(manifest, "test.csv", tuple(replace(clip, split="test") for clip in manifest.clips))
    assert clips_to_evaluate(other, SPEC, path, None)[1].split == "test"


def test_clips_that_cannot_be_evaluated_are_named(manifest: Manifest, run: Run, tmp_path: Path) -> None:
    first = manifest.clips[0]
    strange = written(manifest, "strange.csv", tuple(replace(first, path=f"p{n}", label=f"l{n}") for n in range(7)))
    unlabelled = written(manifest, "unlabelled.csv", (replace(first, label=""),))
    gone = trained(run, DataConfig(manifest=tmp_path / "gone.csv"), tmp_path)
    with pytest.raises(UserError, match=r"not trained on: 'l0', .*'l4' and 2 more"):
        clips_to_evaluate(run, SPEC, strange, "all")
    with pytest.raises(UserError, match="no clip has a label"):
        clips_to_evaluate(run, SPEC, unlabelled, "all")
    with pytest.raises(UserError, match="has the split 'test'; there are train, val"):
        clips_to_evaluate(run, SPEC, manifest.root / "manifest.csv", "test")
    with pytest.raises(UserError, match=r"gone\.csv, which .* was trained with, is not there; .*--data"):
        clips_to_evaluate(gone, SPEC, None, None)
    with pytest.raises(UserError, match=r"no config\.json that names its data"):
        clips_to_evaluate(run, SPEC, None, None)
