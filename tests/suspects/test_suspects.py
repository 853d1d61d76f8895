"""Suspects of a run: near-duplicates, the files and the page, and the command."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recircle.cli.main import main
from recircle.decode.pool import DecoderPool
from recircle.errors import UserError
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.provenance import ClipSource, Provenance
from recircle.layouts.index import index_folder
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Manifest
from recircle.run import Run
from recircle.suspects.duplicates import distances_between, near_duplicates, read_thumbnails
from recircle.suspects.find import find_suspects
from recircle.training.config import TrainConfig
from recircle.training.folds import OUT_OF_SAMPLE
from tests import media
from tests.small_run import SPEC, write_run

Capture = pytest.CaptureFixture[str]
CLASSES = ("down", "up")


@pytest.fixture
def place(tmp_path: Path) -> tuple[Run, Manifest]:
    """A run on eight clips; clip 6, to evaluate on, is clip 0 coded again, and clip 2 has the wrong label."""
    rng = np.random.default_rng(0)
    for number in range(8):
        phase = int(rng.integers(100))
        frames = media.moving_frames(12 + phase, 48, 64)[phase:]
        frames = [np.roll(frame, 7 * number, axis=number % 2) for frame in frames]
        media.write_video(tmp_path / f"{number}.mp4", frames, options={"crf": "12"})
        if number == 0:
            smaller = [frame[::2, ::2] for frame in frames]
            media.write_video(tmp_path / "again.mp4", smaller, options={"crf": "30"})
    (tmp_path / "again.mp4").replace(tmp_path / "6.mp4")
    lines = [f"{n}.mp4,{CLASSES[n % 2]},{'train' if n < 5 else 'val'}" for n in range(8)]
    (tmp_path / "list.csv").write_text("path,label,split\n" + "\n".join(lines) + "\n")
    manifest = index_folder(tmp_path / "list.csv", workers=0, output=tmp_path / "manifest.csv")
    run = write_run(tmp_path / "run", replace(SPEC, labels=CLASSES, families={}))
    assert manifest.file is not None
    data = DataConfig(manifest=manifest.file, workers=0, sampling=SPEC.sampling, preprocessing=SPEC.preprocessing)
    run.save_config(TrainConfig(model=SPEC.model, data=data, output=run.path, epochs=1, batch_size=2))
    return run, manifest


def predictions(manifest: Manifest, split: str, wrong: str = "2.mp4") -> Predictions:
    kept = [clip for clip in manifest.clips if split != "held out" or clip.split == "val"]
    labels = np.array([CLASSES.index(clip.label) for clip in kept])
    said = np.array([1 - label if clip.path == wrong else label for clip, label in zip(kept, labels)])
    logits = (2.0 * np.eye(2, dtype=np.float32)[said])[:, None]
    source = ClipSource(manifest=str(manifest.file), split=split)
    return Predictions(
        logits=logits,
        labels=labels,
        paths=tuple(clip.name for clip in kept),
        classes=CLASSES,
        provenance=Provenance(clips=source),
    )


def test_copies_are_near_and_other_clips_are_not(place: tuple[Run, Manifest]) -> None:
    _, manifest = place
    with DecoderPool() as decoders:
        found = read_thumbnails([(manifest.address(clip), clip) for clip in manifest.clips], decoders)
    distances = distances_between(found, found)
    np.testing.assert_allclose(distances, distances.T, rtol=1e-3, atol=2e-3)
    assert np.abs(np.diag(distances)).max() < 1e-2
    others = [distances[a, b] for a in range(8) for b in range(a) if {a, b} != {0, 6}]
    assert distances[0, 6] < 0.25 < 0.6 < min(others)
    (pair,) = near_duplicates(found[5:], found[:5])
    assert (pair.first, pair.second) == (1, 0)


def test_a_clip_that_cannot_be_decoded_is_near_to_none(place: tuple[Run, Manifest]) -> None:
    _, manifest = place
    manifest.path(manifest.clips[0]).write_bytes(b"no video")
    with DecoderPool() as decoders:
        found = read_thumbnails([(manifest.address(clip), clip) for clip in manifest.clips], decoders)
    assert found.read.tolist() == [False] + [True] * 7
    assert near_duplicates(found[5:], found[:5]) == []


def test_the_command_with_predictions_of_all_clips(
    place: tuple[Run, Manifest], tmp_path: Path, capsys: Capture
) -> None:
    run, manifest = place
    predictions(manifest, OUT_OF_SAMPLE).save(run.path / "folds" / "predictions.npz")
    for name in ("s.csv", "s.json"):
        assert main(["suspects", str(run.path), "--output", str(tmp_path / name)]) == 0
    printed = capsys.readouterr()
    assert "1 label of 8 is probably wrong" in printed.out
    assert "1 pair of near-duplicates between 3 clips to evaluate on and 5 to train on" in printed.out
    assert printed.err == ""
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [rows[0][name] for name in ("kind", "clip", "label", "likely", "suspected")] == [
        "label",
        "2.mp4",
        "down",
        "up",
        "yes",
    ]
    assert [rows[-1][name] for name in ("kind", "clip", "other", "likely")] == ["duplicate", "6.mp4", "0.mp4", "down"]
    assert len(rows) == 9
    assert json.loads((tmp_path / "s.json").read_text())[0]["clip"] == "2.mp4"
    page = (run.path / "suspects.html").read_text()
    assert page.count("data:image/jpeg") == 3
    for words in ("Doubtful labels", "labelled down, likelier up", "Near-duplicates across the division", "0.mp4"):
        assert words in page


def test_from_folds_to_suspects(place: tuple[Run, Manifest], capsys: Capture) -> None:
    run, _ = place
    assert main(["folds", str(run.path), "--folds", "2"]) == 0
    printed = capsys.readouterr().out
    assert "fold 2 of 2: 4 clips held out, 4 to train on" in printed
    assert "of 8 clips, each by a network that had not seen it" in printed
    assert main(["suspects", str(run.path), "--no-duplicates"]) == 0
    assert "each by a network that had not seen it" in capsys.readouterr().out
    wrong = (["--folds", "1"], "folds"), (["--folds", "99"], "ask for fewer"), (["--minutes", "0"], "minutes")
    for options, message in wrong:
        assert main(["folds", str(run.path), *options]) == 2
        assert message in capsys.readouterr().err


def test_held_out_clips_alone(place: tuple[Run, Manifest], capsys: Capture) -> None:
    run, manifest = place
    predictions(manifest, "held out", wrong="7.mp4").save(run.path / "predictions" / "x.npz")
    assert main(["suspects", str(run.path), "--no-duplicates"]) == 0
    printed = capsys.readouterr()
    assert "of 3" in printed.out
    assert "only the clips that were held out are looked at; `recircle folds" in printed.err.replace("\n", " ")
    found = find_suspects(run, duplicates=False)
    assert {doubt.clip for doubt in found.doubts} == {"5.mp4", "6.mp4", "7.mp4"}
    assert (found.all_clips, found.compared) == (False, None)


def test_labels_that_were_mended_since_count(place: tuple[Run, Manifest]) -> None:
    run, manifest = place
    predictions(manifest, OUT_OF_SAMPLE).save(run.path / "folds" / "predictions.npz")
    assert [doubt.clip for doubt in find_suspects(run, duplicates=False).suspected] == ["2.mp4"]
    clips = tuple(replace(clip, label="up") if clip.path == "2.mp4" else clip for clip in manifest.clips)
    replace(manifest, clips=clips).write(manifest.root / "manifest.csv")
    assert find_suspects(run, duplicates=False).suspected == ()


def test_without_predictions_it_says_what_to_do(place: tuple[Run, Manifest], capsys: Capture) -> None:
    run, manifest = place
    with pytest.raises(UserError, match=r"`recircle folds .*` makes them of all clips, and `recircle eval"):
        find_suspects(run)
    # those of clips that were trained on do not count
    predictions(manifest, "all").save(run.path / "predictions" / "all.npz")
    assert main(["suspects", str(run.path)]) == 2
    assert "was not trained on" in capsys.readouterr().err
    assert main(["suspects", str(run.path), "--output", "x.txt"]) == 2
    assert "written as .csv or .json" in capsys.readouterr().err


def test_clips_that_are_gone_are_told_on_the_page(place: tuple[Run, Manifest]) -> None:
    run, manifest = place
    predictions(manifest, OUT_OF_SAMPLE).save(run.path / "folds" / "predictions.npz")
    os.unlink(manifest.path(manifest.clips[2]))  # noqa: PTH108
    assert main(["suspects", str(run.path), "--no-duplicates"]) == 0
    assert "No frames: is not there now." in (run.path / "suspects.html").read_text()
