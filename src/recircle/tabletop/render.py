"""From an act to the frames of one clip: the table, the camera, the light and its noise."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recircle.tabletop.actions import CLASSES
from recircle.tabletop.canvas import Canvas, Image
from recircle.tabletop.config import TabletopConfig
from recircle.tabletop.looks import Look, Split
from recircle.tabletop.stage import Act, Stage
from recircle.tabletop.textures import smooth_noise, table_top

_SPLITS: tuple[Split, ...] = ("train", "test")
_MARGIN = 0.04
_GRAIN = 16


def clip_look(seed: int, split: Split, label: str, number: int) -> Look:
    """Return the looks of one clip before anything but its actor is drawn.

    Its `rng` is the source of every random choice of the clip, whoever renders it and whatever was rendered before.
    """
    rng = np.random.default_rng((seed, _SPLITS.index(split), list(CLASSES).index(label), number))
    return Look.draw(split, rng)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One clip with all its random choices made, from which any frame can be rendered.

    Attributes:
        look: the names of everything that is shown.
        act: what happens.
        table: [3, h, w], the empty table; a margin larger than the frame for the camera to shake in.
        light: direction of the light, -1 (left) to 1 (right).
        exposure: [H, W], brightness of each pixel.
        grain: [H + 16, W + 16], noise.
        grain_at: [T, 2], where in it each frame's noise begins.
        shake: [T, 2], the camera's offset (x, y) in each frame, in frame widths.
        mirrored: whether the frames are flipped left to right.
    """

    look: Look
    act: Act
    table: Image
    light: float
    exposure: Image
    grain: Image
    grain_at: NDArray[np.int64]
    shake: NDArray[np.float64]
    mirrored: bool

    @classmethod
    def draw(cls, config: TabletopConfig, seed: int, split: Split, label: str, number: int) -> Self:
        """Make the random choices of one clip.

        Args:
            config: size of the frames and their count.
            seed: of the benchmark.
            split: whose shapes, patterns, colours, tables and people it may show.
            label: class.
            number: of the clip in its class and split.
        """
        look = clip_look(seed, split, label, number)
        rng, pixels = look.rng, config.pixels
        # every class is mirrored in half of its clips, so that no trait of the drawing points one way
        mirrored = bool(rng.random() < 0.5)
        action = CLASSES[label]
        act = (action.mirrored if mirrored else action.act)(look)
        return cls(
            look=look,
            act=act,
            table=_table(look, pixels, act.edge),
            light=float(rng.uniform(-1, 1)),
            exposure=_exposure(rng, pixels),
            grain=rng.normal(0, rng.uniform(1, 4), (pixels + _GRAIN,) * 2).astype(np.float32),
            grain_at=rng.integers(0, _GRAIN + 1, (config.frames, 2)),
            shake=_shake(rng, config.frames),
            mirrored=mirrored,
        )

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Return one frame [H, W, 3] in RGB."""
        return self.moment(number / (len(self.shake) - 1), number)

    def moment(self, time: float, number: int) -> NDArray[np.uint8]:
        """Return a frame [H, W, 3] in RGB of any moment.

        Args:
            time: of what happens, from 0 to 1.
            number: of the frame whose noise and shaking it gets.
        """
        x, y = (float(offset) for offset in self.shake[number])
        height, width = self.exposure.shape
        canvas = Canvas(_view(self.table, height, (x, y)), (x, y))
        stage = Stage(self.light)
        self.act.perform(stage, time)
        stage.paint(canvas)
        image = canvas.image
        row, column = self.grain_at[number]
        image *= self.exposure
        image += self.grain[row : row + height, column : column + width]
        np.minimum(np.maximum(image, 0, out=image), 255, out=image)
        frame = image.astype(np.uint8).transpose(1, 2, 0)
        return frame[:, ::-1] if self.mirrored else frame


def render_clip(config: TabletopConfig, seed: int, split: Split, label: str, number: int) -> NDArray[np.uint8]:
    """Return the frames [T, H, W, 3] in RGB of one clip; see `Scene.draw` for the arguments."""
    scene = Scene.draw(config, seed, split, label, number)
    return np.stack([scene.frame(frame) for frame in range(config.frames)])


def _table(look: Look, pixels: int, edge: float | None) -> Image:
    """Return the empty table, and below its front edge the floor."""
    margin = round(_MARGIN * pixels)
    side = pixels + 2 * margin
    rng = look.rng
    table = table_top(look.pick(look.catalogue.tables), rng, (side, side))
    if edge is None:
        return table
    front = margin + round(edge * pixels)
    board = max(2, round(0.05 * pixels))
    floor = np.float32(rng.uniform(30, 90)) * (1 + 0.25 * smooth_noise(rng, (side, side), 4, 4))
    table[:, front : front + board] = table[:, front : front + board].mean(1, keepdims=True) * np.float32(0.6)
    table[:, front + board :] = floor[front + board :]
    return table


def _exposure(rng: np.random.Generator, pixels: int) -> Image:
    """Return the brightness of each pixel [h, w]: a slope across the frame."""
    ramp = np.linspace(-1, 1, pixels, dtype=np.float32)
    across, down = (float(slope) for slope in rng.uniform(-0.14, 0.14, 2))
    return float(rng.uniform(0.85, 1.1)) + across * ramp[None] + down * ramp[:, None]


def _shake(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """Return the camera's offsets [T, 2]: a slow sway and a tremor."""
    time = np.linspace(0, 1, frames)[:, None]
    strength = rng.uniform(0, 1)
    sway = 0.014 * np.sin(2 * np.pi * (rng.uniform(0.3, 1, 2) * time + rng.uniform(0, 1, 2)))
    return np.clip(strength * (sway + rng.normal(0, 0.003, (frames, 2))), -_MARGIN / 2, _MARGIN / 2)


def _view(table: Image, pixels: int, shift: tuple[float, float]) -> Image:
    """Return the part of the table that a shaken camera sees, interpolated between its pixels."""
    margin = round(_MARGIN * pixels)
    x, y = margin - shift[0] * pixels, margin - shift[1] * pixels
    i, j = int(y), int(x)
    v, u = np.float32(y - i), np.float32(x - j)
    rows = table[:, i : i + pixels + 1, j : j + pixels + 1]
    rows = rows[:, :-1] * (1 - v) + rows[:, 1:] * v
    return rows[..., :-1] * (1 - u) + rows[..., 1:] * u
