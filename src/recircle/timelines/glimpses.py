"""Small pictures of a video, a few a second, in which it can be seen whether something repeats itself."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SIDE = 12
"""Pixels of a picture to each side."""

RATE = 10.0
"""Most pictures a second; so an hour takes 5 MB."""

# pixels of a frame, to each side of a glimpse's pixel, whose mean it is
_PARTS = 4
_GREY = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Glimpses:
    """Grey pictures of a video, of SIDE x SIDE pixels.

    Attributes:
        times: [M], when each was taken, in seconds.
        pictures: uint8 [M, SIDE, SIDE].
    """

    times: NDArray[np.float64]
    pictures: NDArray[np.uint8] = field(repr=False)

    def __post_init__(self) -> None:
        if self.pictures.shape != (len(self.times), SIDE, SIDE) or self.pictures.dtype != np.uint8:
            raise ValueError(f"pictures {self.pictures.shape} must be uint8 [{len(self.times)}, {SIDE}, {SIDE}]")

    @classmethod
    def none(cls) -> "Glimpses":
        """Return those of a video that nobody looked at."""
        return cls(np.zeros(0), np.zeros((0, SIDE, SIDE), np.uint8))

    def between(self, start: float, end: float) -> "Glimpses":
        """Return those from a moment to another."""
        first, last = np.searchsorted(self.times, [start, end])
        return Glimpses(self.times[first:last], self.pictures[first:last])


class Glimpser:
    """Takes glimpses of frames as they come."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._pictures: list[NDArray[np.uint8]] = []

    def look(self, image: NDArray[np.uint8], time: float) -> None:
        """Look at the next frame, RGB [H, W, 3], unless the last look was just now."""
        # half a step early, so that of a rate that is no multiple frames are taken evenly
        if self._times and time < self._times[-1] + 0.75 / RATE:
            return
        rows, columns = (
            ((np.arange(SIDE * _PARTS) + 0.5) * side / (SIDE * _PARTS)).astype(int) for side in image.shape[:2]
        )
        grey = image[rows[:, None], columns[None]] @ _GREY
        mean = grey.reshape(SIDE, _PARTS, SIDE, _PARTS).mean((1, 3))
        self._times.append(time)
        self._pictures.append(mean.round().astype(np.uint8))

    def glimpses(self) -> Glimpses:
        """Return all that was taken."""
        if not self._times:
            return Glimpses.none()
        return Glimpses(np.array(self._times), np.stack(self._pictures))
