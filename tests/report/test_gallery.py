"""The clips that a network is surest and wrong about, and their frames."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recircle.decode.frames import DecodeError
from recircle.decode.pool import DecoderPool
from recircle.evaluation.predictions import Predictions
from recircle.manifest.manifest import Clip, Manifest
from recircle.report.gallery import (
    FRAMES,
    Failure,
    FrameStrip,
    find_clips,
    find_failures,
    gallery_section,
    pack,
    read_strip,
    read_strips,
)
from tests.evaluation.factories import random_predictions
from tests.report.reading import Page
from tests.small_run import write_clips, write_frames


def failure(path: str) -> Failure:
    return Failure(path=path, true="<lift>", predicted='"push"', confidence=0.75, score=0.25)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return write_clips(tmp_path / "data")


def test_the_surest_come_first_and_only_wrong_clips_come() -> None:
    predictions = random_predictions(0, clips=200)
    found = find_failures(predictions, 200)
    scores, labels = predictions.scores(), predictions.labels
    wrong = np.flatnonzero(scores.argmax(1) != labels)
    assert {part.path for part in found} == {predictions.paths[row] for row in wrong}
    assert [part.confidence for part in found] == sorted(scores[wrong].max(1), reverse=True)
    assert [part.path for part in find_failures(predictions, 7)] == [part.path for part in found[:7]]
    first = predictions.paths.index(found[0].path)
    assert (found[0].true, found[0].score) == (predictions.classes[labels[first]], scores[first, labels[first]])


def test_clips_without_a_label_or_a_number_are_no_failures() -> None:
    predictions = random_predictions(0, clips=20)
    logits, labels = predictions.logits.copy(), predictions.labels.copy()
    logits[:10] = np.nan
    labels[10:19] = -1
    found = find_failures(replace(predictions, logits=logits, labels=labels))
    assert {part.path for part in found} <= {predictions.paths[19]}


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool() as pool:
        yield pool


@pytest.mark.parametrize("size", [(40, 56), (56, 40), (33, 47), (7, 5)])
def test_frames_lie_side_by_side_and_come_back(size: tuple[int, int]) -> None:
    frames = torch.linspace(0, 255, 8 * 3).reshape(8, 3, 1, 1).expand(8, 3, *size).to(torch.uint8)
    strip = pack(frames)
    image = np.asarray(Image.open(io.BytesIO(strip.jpeg)))
    assert image.shape == (size[0], 8 * strip.pitch, 3)
    assert strip.pitch % 8 == 0
    for n in range(8):
        shown = image[:, n * strip.pitch : n * strip.pitch + strip.width].astype(int)
        assert np.abs(shown - frames[n].permute(1, 2, 0).numpy()).max() <= 6, "no frame shows in its neighbour"


def test_an_animation_spreads_over_the_clip(tmp_path: Path, decoders: DecoderPool) -> None:
    write_frames(tmp_path / "long", 20, seed=0, size=(90, 400))
    strip = read_strip(tmp_path / "long", Clip(path="long", frames=20, width=400, height=90), decoders)
    assert (strip.frames, strip.width, strip.height) == (FRAMES, 160, 36)
    unknown = read_strip(tmp_path / "long", Clip(path="long", frames=20), decoders)
    assert (unknown.frames, unknown.width, unknown.height) == (FRAMES, 160, 36)
    write_frames(tmp_path / "short", 3, seed=0)
    strip = read_strip(tmp_path / "short", Clip(path="short", frames=3, width=56, height=40), decoders)
    assert (strip.frames, strip.width, strip.height) == (3, 56, 40), "small frames are not made larger"


def test_the_same_clip_gives_the_same_animation(manifest: Manifest, decoders: DecoderPool) -> None:
    clip = manifest.clips[0]
    assert read_strip(manifest.path(clip), clip, decoders) == read_strip(manifest.path(clip), clip, decoders)


def test_what_is_missing_is_told(manifest: Manifest, tmp_path: Path, decoders: DecoderPool) -> None:
    gone, broken, good = manifest.clips[:3]
    shutil.rmtree(manifest.path(gone))
    (manifest.path(broken) / "000.png").write_bytes(b"no picture")
    failures = [failure(clip.path) for clip in (gone, broken, good)] + [failure("other.mp4")]
    found, why = find_clips(failures, [tmp_path / "no.csv", manifest.root / "manifest.csv"])
    assert set(found) == {gone.path, broken.path, good.path}
    strips = read_strips(found)
    assert isinstance(strips[good.path], FrameStrip)
    page = Page(gallery_section(failures, strips, why, "run1"))
    assert "3 clips of 4 cannot be shown now: 1 clip of them not in " in page.words
    assert "No frames: is not there now." in page.words
    assert "000.png cannot be decoded" in page.words
    assert "No frames: it is not found." in page.words
    (image,) = page.all("img")
    assert (image["alt"] or "").endswith(f'of {good.path}, <lift> taken for "push"')
    with pytest.raises(DecodeError, match="recircle index"):
        read_strip(manifest.path(good), replace(good, frames=0), decoders)


def test_without_a_manifest_the_reasons_are_given(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("no,table\n1,2\n")
    found, why = find_clips(
        [failure("other")], [tmp_path / "no.csv", tmp_path / "bad.csv", manifest.root / "manifest.csv"]
    )
    assert found == {}
    assert "no.csv is not there; --data gives its new place" in why
    assert "bad.csv" in why
    assert "lists none of these clips" in why
    assert find_clips([failure("other")], [])[1] == "no manifest is known"


def test_no_clips_and_no_failures() -> None:
    page = Page(gallery_section([failure("a.mp4")], None, "", "run1"))
    assert page.all("img") == page.all("button") == []
    assert '"push" 75.0' in page.words
    assert "No clip is wrong" in Page(gallery_section([], {}, "", "run1")).words


def right(predictions: Predictions) -> Predictions:
    logits = np.zeros_like(predictions.logits)
    logits[np.arange(len(predictions)), :, predictions.labels] = 5
    return replace(predictions, logits=logits)


def test_a_network_that_is_always_right_has_no_failures() -> None:
    assert find_failures(right(random_predictions(0))) == []
