"""Clips that show nearly the same: their frames differ by less than what changes within each of them.

Each clip becomes 8 grey frames of 16 x 16 pixels, evenly spread over it. The distance of two clips is the root mean
square of the difference of their pixels, in parts of the smaller one's change over time (the root mean square of its
pixels about their own means over time, of 2 grey levels at least). Copies that were coded again, scaled, or cut by a
frame or two stay far below 1; other clips of one person before one camera, which move otherwise, do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from recircle.decode.error import DecodeError
from recircle.decode.frames import resize_images
from recircle.decode.pool import DecoderPool
from recircle.decode.resize import Resize
from recircle.manifest.manifest import Clip
from recircle.views.sampling import Sampling

THRESHOLD = 0.5
"""Distance below which two clips count as near-duplicates; `studies/suspects.py` measures both kinds of pairs."""

FRAMES, PIXELS = 8, 16
_LEAST_CHANGE = 2.0
_BLOCK = 1024
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Thumbnails:
    """What N clips show, coarsely.

    Attributes:
        pixels: grey levels 0..255 of all frames, one after the other.
        change: how much of each clip changes over time, in grey levels.
        read: which clips could be decoded; rows of others mean nothing.
    """

    pixels: Float32[np.ndarray, "N P"]
    change: Float32[np.ndarray, "N"]
    read: Bool[np.ndarray, "N"]

    def __getitem__(self, rows: slice) -> "Thumbnails":
        return Thumbnails(self.pixels[rows], self.change[rows], self.read[rows])


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two clips that show nearly the same.

    Attributes:
        first: row among the first clips.
        second: row among the others.
        distance: in parts of the change within them.
    """

    first: int
    second: int
    distance: float


def thumbnail(frames: np.ndarray) -> tuple[Float32[np.ndarray, "P"], float]:
    """Return the pixels of a clip, and how much changes over time.

    Args:
        frames: RGB, [T, H, W, 3] of T frames of `PIXELS` x `PIXELS`.
    """
    grey = frames.astype(np.float32) @ _GREY
    change = float(np.sqrt(np.mean((grey - grey.mean(0)) ** 2)))
    return grey.reshape(-1), max(_LEAST_CHANGE, change)


def read_thumbnails(
    clips: Sequence[tuple[Path, Clip]], decoders: DecoderPool, progress: Callable[[int, int], None] | None = None
) -> Thumbnails:
    """Decode a few frames of each clip; those that cannot be decoded are marked.

    Args:
        clips: what decodes to each, and its row of a manifest.
        decoders: processes that decode.
        progress: called with (clips done, clips in all) after each.
    """
    pixels = np.zeros((len(clips), FRAMES * PIXELS * PIXELS), np.float32)
    change, read = np.full(len(clips), _LEAST_CHANGE, np.float32), np.zeros(len(clips), bool)
    for row, (address, clip) in enumerate(clips):
        indices = Sampling(frames=FRAMES).test(clip.frame_times, 1)[0]
        wanted, places = np.unique(indices, return_inverse=True)
        try:
            with decoders.select(address, wanted.tolist()) as images:
                small = resize_images(images, len(wanted), Resize((PIXELS, PIXELS)))
        except DecodeError:
            continue
        pixels[row], change[row] = thumbnail(small.permute(0, 2, 3, 1).numpy()[places])
        read[row] = True
        if progress is not None:
            progress(row + 1, len(clips))
    return Thumbnails(pixels, change, read)


def near_duplicates(first: Thumbnails, second: Thumbnails, threshold: float = THRESHOLD) -> list[Pair]:
    """Return the pairs of a clip of the one side and one of the other that show nearly the same, the closest first."""
    pairs: list[Pair] = []
    for begin in range(0, len(first.pixels), _BLOCK):
        distances = distances_between(first[begin : begin + _BLOCK], second)
        pairs += [
            Pair(first=begin + int(row), second=int(column), distance=float(distances[row, column]))
            for row, column in np.argwhere(distances < threshold)
        ]
    return sorted(pairs, key=lambda pair: (pair.distance, pair.first, pair.second))


def distances_between(first: Thumbnails, second: Thumbnails) -> Float32[np.ndarray, "N M"]:
    """Return the distance of each clip of one side from each of the other; infinity where one is not read."""
    a, b = first.pixels.astype(np.float64), second.pixels.astype(np.float64)
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    apart = np.sqrt(np.maximum(squares, 0) / a.shape[1])
    apart /= np.minimum(first.change[:, None], second.change)
    apart[~first.read] = np.inf
    apart[:, ~second.read] = np.inf
    return apart.astype(np.float32)
