"""The moving picture: what it shows of the clip, in which size, and what stands below."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recircle.decode.pool import DecoderPool
from recircle.explain.activation import ClassActivation
from recircle.explain.film import MOST_FRAMES, Film
from recircle.explain.moving import TILE, Guess, write_moving_picture
from recircle.tabletop.encode import encode
from recircle.views.cut import whole_file_views
from recircle.views.sampling import Sampling
from recircle.views.views import EvalViews
from tests.small_run import SPEC

LENGTH = 96


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video each of whose frames is grey in its own shade, darker on its left."""
    path = tmp_path_factory.mktemp("clips") / "grey.mp4"
    frames = np.repeat(40 + 2 * np.arange(LENGTH), 64 * 96).reshape(LENGTH, 64, 96).astype(np.uint8)
    frames[..., :48] -= 20
    encode(path, np.repeat(frames[..., None], 3, -1), 24)
    return path


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(frames=4),
        Sampling(frames=3),
        Sampling(frames=8, mode="dense", stride=6),
        Sampling(frames=4, fps=12.0),
        Sampling(frames=60),
    ],
)
def test_a_film_shows_what_the_network_was_shown_at_its_moments(clip: Path, sampling: Sampling) -> None:
    """The shade tells the moment: interpolated between the network's frames, it is that of the film's frames."""
    spec = replace(SPEC, sampling=sampling)
    with DecoderPool() as decoders:
        film = Film.read(clip, spec, 64, decoders)
        views = EvalViews(sampling=sampling, preprocessing=spec.preprocessing)
        seen = whole_file_views(clip, views, decoders=decoders)[0].float().mean((1, 2, 3)).numpy()
    assert film.frames.shape[1:] == (64, 64, 3)
    assert len(film.frames) == len(film.at)
    assert sampling.frames <= len(film.frames) <= max(MOST_FRAMES, sampling.frames)
    assert film.at.min() >= 0
    assert film.at.max() <= sampling.frames - 1
    assert (np.diff(film.at) >= 0).all()
    inside = (film.at > 0) & (film.at < sampling.frames - 1)
    shades = film.frames.astype(float).mean((1, 2, 3))
    # two shades a frame, and frames are whole
    np.testing.assert_allclose(shades[inside], np.interp(film.at, np.arange(len(seen)), seen)[inside], atol=3)
    # the same part of the frame: both halves are in it
    halves = film.frames[..., :32, :].mean() < film.frames[..., 32:, :].mean() - 10
    assert halves


def test_snippets_are_shown_at_their_places(clip: Path) -> None:
    spec = replace(SPEC, sampling=Sampling(frames=12, snippet=3))
    with DecoderPool() as decoders:
        film = Film.read(clip, spec, 64, decoders)
    assert len(film.frames) == 48
    assert film.at.min() >= 0
    assert film.at.max() <= 11
    # the middle of the clip is that of its snippets
    assert film.at[23] < 5.5 < film.at[24]


def activation(maps: np.ndarray) -> ClassActivation:
    return ClassActivation(target=0, logits=np.zeros(3, np.float32), evidence=maps, maps=maps)


def test_the_picture_moves_on_and_shows_the_evidence_on_the_right(tmp_path: Path) -> None:
    frames = np.full((6, 32, 64, 3), 90, np.uint8)
    maps = np.full((2, 32, 64), -1, np.float32)
    maps[1, 8:24, 40:56] = 1
    film = Film(frames, np.array([0, 0, 0.4, 0.8, 1, 1]))
    guesses = [Guess("a [b] \x1b[31m" + "long " * 60, 0.7), Guess("right", 0.3, right=True)]
    path = write_moving_picture(film, activation(maps), guesses, "clip.mp4", tmp_path / "a.webp")
    again = write_moving_picture(film, activation(maps), guesses, "clip.mp4", tmp_path / "b.webp")
    assert path.read_bytes() == again.read_bytes()
    with Image.open(path) as picture:
        assert picture.n_frames > 1  # pyright: ignore[reportAttributeAccessIssue]
        assert picture.size[0] == 2 * TILE + 8
        first = np.asarray(picture.convert("RGB")).astype(int)
        picture.seek(picture.n_frames - 1)  # pyright: ignore[reportAttributeAccessIssue]
        last = np.asarray(picture.convert("RGB")).astype(int)
    left, right = slice(0, TILE), slice(TILE + 8, None)
    changed = np.abs(last - first).max(-1)[: TILE // 2] > 60
    assert not changed[:, left].any()
    rows, columns = np.nonzero(changed[:, right])
    np.testing.assert_allclose((rows.min(), rows.max()), (40, 120), atol=12)
    np.testing.assert_allclose((columns.min(), columns.max()), (200, 280), atol=12)
    green = [bool((row[:, 1] > row[:, 0] + 40).any()) for row in last[TILE // 2 :]]
    # the right one is the second of the two
    assert any(green)
    assert not any(green[: len(green) // 2])


def test_a_network_with_nothing_to_show_gets_a_picture_too(tmp_path: Path) -> None:
    film = Film(np.zeros((1, 40, 20, 3), np.uint8), np.zeros(1))
    path = write_moving_picture(
        film, activation(np.zeros((1, 40, 20), np.float32)), [Guess("a", 1.0)], "", tmp_path / "a.webp"
    )
    with Image.open(path) as picture:
        assert picture.size[0] == TILE + 8
