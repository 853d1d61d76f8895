"""Saved predictions: bit for bit, without pickle, and fused as they say."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recircle.errors import UserError
from recircle.evaluation.measure import measure, most_confused
from recircle.evaluation.predictions import EARLIER_FORMAT, FORMAT, Predictions, fuse
from recircle.evaluation.protocol import Protocol
from recircle.views.sampling import Sampling
from tests.evaluation.factories import provenance


def example(clips: int = 6, views: int = 4, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    return Predictions(
        logits=rng.normal(size=(clips, views, 3)).astype(np.float32),
        labels=np.arange(clips) % 3,
        paths=tuple(f"földer/clip {n},.mp4" for n in range(clips)),
        classes=("a", "b [red]", "c"),
        families={"a": "f"},
        provenance=provenance(protocol=Protocol(clips=4)),
        left_out=("broken.mp4",),
    )


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved = example()
    saved.save(tmp_path / "new" / "p.npz")
    loaded = Predictions.load(tmp_path / "new" / "p.npz")
    np.testing.assert_array_equal(loaded.logits, saved.logits)
    np.testing.assert_array_equal(loaded.labels, saved.labels)
    assert (loaded.logits.dtype, loaded.labels.dtype) == (np.float32, np.int64)
    for name in ("paths", "classes", "families", "provenance", "fusion", "left_out"):
        assert getattr(loaded, name) == getattr(saved, name)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 half"])
def test_a_damaged_file_is_a_user_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"p\.npz is not a file of predictions"):
        Predictions.load(path)


def test_another_npz_is_a_user_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", logits=np.zeros(3))
    with pytest.raises(UserError, match="is not a file of predictions"):
        Predictions.load(tmp_path / "p.npz")
    with pytest.raises(UserError, match="cannot be read"):
        Predictions.load(tmp_path / "none.npz")


def test_a_truncated_file_is_a_user_error(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    example().save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="is not a file of predictions"):
        Predictions.load(path)


def test_no_array_needs_pickle(tmp_path: Path) -> None:
    example().save(tmp_path / "p.npz")
    with zipfile.ZipFile(tmp_path / "p.npz") as archive:
        assert sorted(archive.namelist()) == ["labels.npy", "logits.npy", "words.npy"]
    with np.load(tmp_path / "p.npz", allow_pickle=False) as arrays:
        assert {arrays[name].dtype.kind for name in arrays.files} == {"f", "i", "u"}


@pytest.mark.parametrize("fusion", ["softmax", "logits"])
def test_fusion_is_torchs(fusion: str) -> None:
    logits = torch.randn(5, 4, 3, dtype=torch.float64)
    expected = logits.mean(1).softmax(-1) if fusion == "logits" else logits.softmax(-1).mean(1)
    fused = fuse(logits.numpy(), fusion)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(fused, expected.numpy(), rtol=1e-12)


def test_large_logits_do_not_overflow() -> None:
    fused = fuse(np.array([[[1e4, 0.0], [0.0, 1e4]]], dtype=np.float32))
    np.testing.assert_array_equal(fused, [[0.5, 0.5]])


def test_the_two_fusions_differ_where_one_view_is_sure() -> None:
    logits = np.array([[[9.0, 0.0], [0.0, 2.0], [0.0, 2.0]]])
    assert fuse(logits, "softmax").argmax() == 1
    assert fuse(logits, "logits").argmax() == 0


@pytest.mark.parametrize("change", [{"paths": ("one",)}, {"classes": ("a",)}, {"labels": np.zeros(2, dtype=np.int64)}])
def test_parts_that_do_not_fit_are_refused(change: dict) -> None:
    with pytest.raises(ValueError, match="must be"):
        replace(example(), **change)


def test_only_labelled_clips_are_measured() -> None:
    predictions = example(9)
    labels = predictions.labels.copy()
    labels[[1, 4]] = -1
    partly = replace(predictions, labels=labels)
    known = partly.labelled()
    assert len(known) == 7
    assert "földer/clip 1,.mp4" not in known.paths
    metrics = measure(partly)
    assert (metrics.clips, metrics.left_out) == (7, 1)
    assert metrics.confusion.sum() == 7
    assert metrics.figures["top5"].estimate.value == 1.0
    assert metrics.top1.low <= metrics.top1.value <= metrics.top1.high
    assert metrics.protocol == predictions.protocol


def test_nothing_to_measure_is_a_user_error() -> None:
    with pytest.raises(UserError, match="nothing to measure"):
        measure(replace(example(), labels=np.full(6, -1)))


def test_the_most_confused_come_first() -> None:
    confusion = np.array([[5, 1, 0], [3, 9, 0], [0, 2, 1]])
    assert most_confused(confusion, 2) == [(1, 0, 3), (2, 1, 2)]
    assert most_confused(np.eye(3, dtype=np.int64)) == []


def hostile(path: Path, **changes: Any) -> Path:
    """Write predictions of 2 clips and 3 classes in which some arrays or words are others."""
    words: dict[str, Any] = {"format": FORMAT, "paths": ["a", "b"], "classes": ["x", "y", "z"]}
    if changes.get("format") == EARLIER_FORMAT:
        words |= {"protocol": "none", "data": ""}
    else:
        words["provenance"] = provenance().to_dict()
    arrays = {"logits": np.zeros((2, 1, 3), np.float32), "labels": np.zeros(2, np.int64)}
    raw = changes.pop("raw", None)
    for name, value in changes.items():
        (arrays if name in arrays else words)[name] = value
    encoded = raw or json.dumps(words).encode()
    np.savez_compressed(path, allow_pickle=True, words=np.frombuffer(encoded, np.uint8), **arrays)
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"raw": b"[" * 100_000},
        {"raw": b"[1, 2]"},
        {"raw": b'{"format": 3}'},
        {"paths": 3},
        {"paths": ["a", 3]},
        {"paths": ["a"]},
        {"classes": {"x": 1}},
        {"families": ["x"]},
        {"format": EARLIER_FORMAT, "protocol": None},
        {"format": EARLIER_FORMAT, "protocol": ["none"]},
        {"format": EARLIER_FORMAT, "data": 3},
        {"format": "recircle predictions 9"},
        {"provenance": None},
        {"provenance": "none"},
        {"provenance": {"protocol": {"clips": 0}}},
        {"provenance": {"protocol": {"clips": "2"}}},
        {"provenance": {"precision": "fp8"}},
        {"provenance": {"more": 1}},
        {"fusion": "sum"},
        {"more": 1},
        {"labels": np.full(2, 3)},
        {"labels": np.full(2, -2)},
        {"labels": np.zeros(2)},
        {"logits": np.zeros((2, 1, 3), complex)},
        {"logits": np.zeros((2, 3), np.float32)},
        {"logits": np.array([{}], dtype=object)},
        {"logits": np.zeros((2, 100_000, 300), np.float32)},
    ],
)
def test_hostile_files_are_a_user_error(changes: dict[str, Any], tmp_path: Path) -> None:
    for form in (FORMAT, EARLIER_FORMAT):
        assert len(Predictions.load(hostile(tmp_path / "good.npz", format=form))) == 2
    with pytest.raises(UserError, match=r"p\.npz"):
        Predictions.load(hostile(tmp_path / "p.npz", **changes))


def test_a_file_of_an_earlier_version_is_read_and_written_as_values(tmp_path: Path) -> None:
    words = "8 frames x 1 clip x 1 crop of 112x96 px from 128x171 px, logits mean, bf16"
    data = "SS v1/manifest.csv (something_v1), split val"
    path = hostile(tmp_path / "old.npz", format=EARLIER_FORMAT, protocol=words, data=data, fusion="logits")
    read = Predictions.load(path)
    assert (read.protocol, read.data) == (words, data)
    found = read.provenance
    assert (found.protocol, found.sampling) == (Protocol(fusion="logits"), Sampling(by="index"))
    assert found.clips is not None
    assert (found.clips.manifest, found.clips.datasets) == ("SS v1/manifest.csv", ("something_v1",))
    assert (found.precision, found.view, found.resize) == ("bf16", (112, 96), (128, 171))
    assert found.unknown == ("preprocessing", "machine", "recircle")
    read.save(tmp_path / "new.npz")
    assert Predictions.load(tmp_path / "new.npz").provenance == found


def test_a_device_is_not_read_for_ever() -> None:
    with pytest.raises(UserError, match="/dev/zero is a device or pipe"):
        Predictions.load(Path("/dev/zero"))
