"""Pictures and animations: of the right size, not blank, the colours where the values are, and no text over another."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from recircle.decode.frames import decode, probe
from recircle.errors import UserError
from recircle.explain.activation import ClassActivation
from recircle.explain.animation import FPS, write_animation
from recircle.explain.figure import mosaic, save
from recircle.explain.heat import EVIDENCE_COLOURS, STATE_COLOURS, evidence_heat, moments, value_heat
from recircle.explain.pictures import Strip, draw_activation, draw_evolution, percent
from recircle.explain.states import StateEvolution

# what is between dollars is not a formula, and would be a wrong one
LONG = r"pretending to put something $\frac$ behind something, then taking it out and showing it to the camera again"


def frames(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    ramp = np.linspace(0, 255, width, dtype=np.uint8)
    return np.broadcast_to(ramp[None, None, :, None], (count, height, width, 3)).copy()


def evolution(steps: int = 4, length: int = 8, change: float = 1.0) -> StateEvolution:
    rng = np.random.default_rng(0)
    growth = change * np.arange(steps, dtype=np.float32)
    maps = rng.random((1, length, 6, 8)) + growth[:, None, None, None] * rng.standard_normal((steps, length, 6, 8))
    return StateEvolution(
        layer="layer1.0.conv1",
        maps=maps.astype(np.float32),
        moved=np.linspace(0, 0.9 * change, steps),
        changes=(growth[:, None] * rng.standard_normal((steps, 1200))).astype(np.float32),
        output_size=(6, 8),
    )


def strip(count: int, height: int = 48, width: int = 64, title: str = "a") -> Strip:
    maps = np.random.default_rng(1).standard_normal((count, height, width)).astype(np.float32)
    activation = ClassActivation(target=0, logits=np.zeros(2, np.float32), evidence=maps, maps=maps)
    return Strip(frames=frames(count, height, width), activation=activation, title=title)


def check_texts(figure: Figure) -> None:
    """No text leaves the picture or lies over another."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text().strip()]
    assert len(boxes) > 5
    for text, box in boxes:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= figure.bbox.width, text
        assert box.y1 <= figure.bbox.height, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)


@pytest.mark.parametrize(
    ("steps", "length", "count", "size", "change"),
    [
        (4, 8, 8, (48, 64), 1),
        (8, 16, 16, (48, 48), 1e-3),
        (2, 1, 1, (64, 48), 1),
        (4, 2, 8, (32, 64), 100),
        (4, 4, 4, (48, 48), 0),
    ],
)
def test_the_states_are_readable(
    steps: int, length: int, count: int, size: tuple[int, int], change: float, tmp_path: Path
) -> None:
    title = f"clip.mp4, in truth {LONG!r}, or {LONG!r}\nThe states of layer1.0.conv1; run predicts {LONG!r}, 34 %"
    figure = draw_evolution(evolution(steps, length, change), frames(count, *size), title)
    check_texts(figure)
    picture = np.asarray(Image.open(save(figure, tmp_path / "states.png")).convert("RGB"))
    assert picture.shape[1] == 1200
    assert picture.std() > 20
    assert list(tmp_path.iterdir()) == [tmp_path / "states.png"]


@pytest.mark.parametrize("second", [None, strip(8, title=LONG), strip(3, 64, 48), strip(16)])
def test_the_activations_are_readable(second: Strip | None, tmp_path: Path) -> None:
    strips = [strip(8, title=f"run predicts {LONG!r}; shown is the evidence for {LONG!r}")]
    figure = draw_activation(
        [*strips, *([] if second is None else [second])], f"clip.mp4, in truth {LONG!r}, or {LONG!r}"
    )
    check_texts(figure)
    picture = np.asarray(Image.open(save(figure, tmp_path / "activation.png")).convert("RGB"))
    assert picture.shape[1] == 1200
    assert picture.std() > 20


def test_many_frames_are_shown_by_the_middles_of_eight_parts() -> None:
    assert moments(8, 8) == list(range(8))
    assert moments(8, 16) == [1, 3, 5, 7, 9, 11, 13, 15]
    assert moments(8, 3) == [0, 1, 2]
    assert moments(1, 5) == [2]


def test_evidence_is_coloured_where_it_is_and_nothing_below_zero() -> None:
    below = frames(1)
    values = np.full((1, 48, 64), -1, np.float32)
    values[0, :, 32:] = 4
    shown = evidence_heat(below, values, 4)
    np.testing.assert_array_equal(shown[0, :, :31], np.rint(0.8 * below[0, :, :31]).astype(np.uint8))
    top = 255 * np.array(colormaps[EVIDENCE_COLOURS](1.0)[:3])
    expected = 0.85 * top + 0.15 * 0.8 * below[0, :, 34:]
    np.testing.assert_allclose(shown[0, :, 34:], expected, atol=1)
    nothing = evidence_heat(below, np.full((1, 3, 4), -2, np.float32), -2)
    np.testing.assert_array_equal(nothing, np.rint(0.8 * below).astype(np.uint8))


def test_values_have_one_scale_in_all_frames() -> None:
    grey = np.full((2, 40, 40, 3), 100, np.uint8)
    shown = value_heat(grey, np.array([0.0, 1.0], np.float32).reshape(2, 1, 1), (0, 2), STATE_COLOURS)
    for image, value in zip(shown, (0.0, 0.5)):
        colour = 0.65 * 255 * np.array(colormaps[STATE_COLOURS](value)[:3]) + 0.35 * 100
        np.testing.assert_allclose(image, np.broadcast_to(colour, image.shape), atol=1.5)


def test_a_mosaic_holds_the_images_in_rows() -> None:
    rows = [np.full((3, 4, 5, 3), value, np.uint8) for value in (10, 20)]
    whole = mosaic(rows, 2)
    assert whole.shape == (10, 19, 3)
    assert (whole[:4, :5] == 10).all()
    assert (whole[6:, 14:] == 20).all()
    assert (whole[4:6] == 255).all()


def test_shares_are_printed_with_two_digits() -> None:
    shares = [0.0, 1e-6, 0.0012, 0.081, 0.0996, 0.34, 2.5]
    assert [percent(share) for share in shares] == ["0 %", "0 %", "0.12 %", "8.1 %", "10 %", "34 %", "250 %"]


@pytest.mark.parametrize(("steps", "length", "count", "size"), [(4, 6, 6, (48, 64)), (8, 2, 5, (64, 48))])
def test_an_animation_shows_each_frame_beside_its_states(
    steps: int, length: int, count: int, size: tuple[int, int], tmp_path: Path
) -> None:
    clip = frames(count, *size)
    path = write_animation(evolution(steps, length), clip, tmp_path / "states.mp4")
    assert list(tmp_path.iterdir()) == [path]
    found = probe(path)
    assert found.status == "ok"
    assert found.frames == count
    shown = decode(path, range(count)).numpy()
    height, width = shown.shape[-2:]
    assert width <= 1280
    assert width % 2 == height % 2 == 0
    tile = (width - steps * 4) // (steps + 1)
    first = shown[0, :, -size[0] * tile // size[1] :, :tile].mean((0, 1))
    # the ramp of the frame, and beside it states, which are coloured
    assert np.corrcoef(first, np.arange(tile))[0, 1] > 0.99
    last = shown[-1, :, 40:, -tile:].astype(float)
    assert np.abs(last[1] - last[0]).mean() > 10
    assert FPS > 0


def test_without_matplotlib_pictures_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r"pictures need matplotlib; `pip install recircle\[plot\]`"):
        draw_evolution(evolution(), frames(8), "a")
