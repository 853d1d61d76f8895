"""Table tops: wood, cloth and stone, each texture drawn anew for every clip."""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from recircle.tabletop.canvas import Image

Rng = np.random.Generator
Shape = tuple[int, int]


def smooth_noise(rng: Rng, shape: Shape, rows: int, columns: int) -> Image:
    """Return [h, w] noise in -1..1: random values on a grid of `rows` x `columns` cells, interpolated between."""
    grid = rng.uniform(-1, 1, (rows + 1, columns + 1)).astype(np.float32)
    y, x = (np.linspace(0, n, size, endpoint=False, dtype=np.float32) for n, size in zip((rows, columns), shape))
    i, j = y.astype(int), x.astype(int)
    v, u = (y - i)[:, None], (x - j)[None]
    rows_above = grid[i][:, j] * (1 - u) + grid[i][:, j + 1] * u
    rows_below = grid[i + 1][:, j] * (1 - u) + grid[i + 1][:, j + 1] * u
    return rows_above * (1 - v) + rows_below * v


def table_top(name: str, rng: Rng, shape: Shape) -> Image:
    """Return the [3, h, w] texture of a table that the catalogue names."""
    light, dark = (np.array(colour, np.float32).reshape(3, 1, 1) for colour in _TABLES[name][0])
    share = np.clip(_TABLES[name][1](rng, shape), 0, 1).astype(np.float32)
    return (light + share * (dark - light)) * np.float32(rng.uniform(0.86, 1.06))


def _unit(shape: Shape) -> tuple[Image, Image]:
    """Return coordinates y [h, 1] and x [1, w] in 0..1."""
    y, x = (np.linspace(0, 1, size, dtype=np.float32) for size in shape)
    return y[:, None], x[None]


def _planks(rng: Rng, shape: Shape, *, along: bool) -> Image:
    y, x = _unit(shape)
    across = (y if along else x) * float(rng.uniform(3, 5)) + float(rng.uniform(0, 1))
    number = np.floor(across).astype(int)
    tone = rng.uniform(0, 0.45, number.max() + 1).astype(np.float32)[number]
    grain = smooth_noise(rng, shape, 30, 3) if along else smooth_noise(rng, shape, 3, 30)
    seam = np.clip(1 - np.abs(across - np.round(across)) * 22, 0, 1)
    return tone + 0.22 * grain + 0.5 * seam + 0.15


def _speckles(rng: Rng, shape: Shape) -> Image:
    return 0.4 + 0.2 * smooth_noise(rng, shape, 5, 5) + 0.35 * smooth_noise(rng, shape, 28, 28)


def _weave(rng: Rng, shape: Shape) -> Image:
    return 0.3 + 0.25 * smooth_noise(rng, shape, 40, 8) + 0.25 * smooth_noise(rng, shape, 8, 40)


def _checks(rng: Rng, shape: Shape) -> Image:
    y, x = _unit(shape)
    n, at = float(rng.uniform(5, 8)), rng.uniform(0, 1, 2)
    stripe_y, stripe_x = ((np.floor(2 * (n * z + shift)) % 2) for z, shift in ((y, at[0]), (x, at[1])))
    return 0.35 * stripe_y + 0.35 * stripe_x + 0.08 * smooth_noise(rng, shape, 9, 9) + 0.1


def _stripes(rng: Rng, shape: Shape) -> Image:
    y, x = _unit(shape)
    angle, n = float(rng.uniform(-0.6, 0.6)), float(rng.uniform(5, 9))
    wave = np.cos(6.28 * n * (x * float(np.cos(angle)) + y * float(np.sin(angle))) + float(rng.uniform(0, 6)))
    return 0.3 + 0.3 * np.clip(wave * 3, -0.6, 1) + 0.08 * smooth_noise(rng, shape, 9, 9)


def _veins(rng: Rng, shape: Shape) -> Image:
    field = smooth_noise(rng, shape, 4, 4) + 0.5 * smooth_noise(rng, shape, 9, 9)
    return np.clip(1 - np.abs(field) * 6, 0, 1) * 0.7 + 0.15 + 0.1 * smooth_noise(rng, shape, 20, 20)


_Pattern = Callable[[Rng, Shape], Image]
_TABLES: MappingProxyType[str, tuple[tuple[tuple[int, int, int], tuple[int, int, int]], _Pattern]] = MappingProxyType(
    {
        "oak": (((214, 184, 146), (178, 144, 106)), lambda r, s: _planks(r, s, along=True)),
        "walnut": (((176, 142, 116), (140, 108, 86)), lambda r, s: _planks(r, s, along=True)),
        "linen": (((214, 208, 196), (182, 174, 160)), _weave),
        "slate": (((168, 174, 180), (134, 140, 146)), _speckles),
        "gingham": (((206, 210, 214), (158, 174, 196)), _checks),
        "pine": (((214, 192, 152), (178, 150, 112)), lambda r, s: _planks(r, s, along=False)),
        "marble": (((212, 210, 208), (160, 160, 166)), _veins),
        "ticking": (((208, 202, 196), (178, 150, 146)), _stripes),
        "cork": (((200, 172, 142), (160, 130, 104)), _speckles),
    }
)
