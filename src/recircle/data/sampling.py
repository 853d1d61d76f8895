"""Which frames of a clip a model sees: the index rules of TSN and TSM, and the snippets of ABM."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int64

Mode = Literal["segments", "dense"]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How `frames` frames are taken from a clip of any length.

    `segments` (TSN, Something-Something, Diving48) covers the whole clip: it is cut into `frames` equal segments and
    each gives one frame. `dense` (I3D, Kinetics) covers a window: frames that lie `stride` apart.

    With snippets (ABM), a segment gives several consecutive frames: "8x3", 8 positions of 3 frames, is
    `Sampling(frames=24, snippet=3)`, and the 24 frames of a view come snippet by snippet.

    Attributes:
        frames: T, the number of frames of a view, those of all snippets together.
        mode: segments or dense.
        stride: distance between two frames in dense mode; segments do not use it.
        snippet: consecutive frames at each position, in segments mode; `frames` is a multiple of it.
    """

    frames: int = 8
    mode: Mode = "segments"
    stride: int = 8
    snippet: int = 1

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError(f"frames={self.frames}: a view needs 1 frame or more; 8 or 16 are usual")
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode={self.mode!r} is not one of {', '.join(get_args(Mode))}")
        if self.stride < 1:
            raise ValueError(f"stride={self.stride}: frames lie 1 or more apart; 8 is usual")
        if self.snippet < 1 or self.frames % self.snippet:
            raise ValueError(
                f"snippet={self.snippet}: frames={self.frames} cannot be cut into snippets of so many; "
                "8 snippets of 3 are frames=24, snippet=3"
            )
        if self.snippet > 1 and self.mode == "dense":
            raise ValueError(f"snippet={self.snippet}: snippets are of mode='segments'; dense frames follow by stride")

    def __str__(self) -> str:
        if self.snippet > 1:
            return f"{self.frames // self.snippet}x{self.snippet} frames"
        frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
        return f"{frames} {self.stride} apart" if self.mode == "dense" else frames

    def train(self, count: int, rng: np.random.Generator) -> Int64[np.ndarray, "T"]:
        """Draw the frames of one training view.

        Segments: with avg = count // T, frame k is `k * avg + randint(avg)`, as in TSN and TSM; the count % T frames at
        the end are never drawn. A clip of fewer than T frames repeats some, in order: frame k is drawn from the k-th
        of T equal parts (the published code repeats its first frame T times, and leaves out clips of fewer than 3).

        Snippets of L frames, P = T / L of them, in the n = count - L + 1 places where one can start: with avg = n / P,
        snippet k starts at `round(k * avg) + randint(int(avg))`, as in ABM's code. Where n < P, starts repeat as frames
        do above (that code draws them anywhere and sorts); a clip of fewer than L frames repeats its last one.

        Dense: a start drawn from all at which the window of T * stride frames fits (the published code never draws the
        last of them); a clip shorter than the window starts at 0 and goes round, index modulo count.

        Args:
            count: the number of frames that can be decoded.
            rng: the source of every random choice.

        Returns:
            int64 [T], each in [0, count); sorted in segments mode, within each snippet and from start to start.
        """
        _check_positive("count", count)
        if self.mode == "dense":
            return self._window(int(rng.integers(self._starts(count))), count)
        room, positions = self._room(count), self.frames // self.snippet
        average = room // positions
        steps = np.arange(positions)
        if average == 0:
            starts = ((steps + rng.random(positions)) * room / positions).astype(np.int64)
        elif self.snippet == 1:
            starts = steps * average + rng.integers(average, size=positions)
        else:
            starts = np.rint(steps * (room / positions)).astype(np.int64) + rng.integers(average, size=positions)
        return self._snippets(starts, count)

    def test(self, count: int, clips: int) -> Int64[np.ndarray, "clips T"]:
        """Return the frames of `clips` test views; nothing in it is random.

        Segments, with tick = count / T: one clip takes the middles, `int(tick / 2 + tick * k)`; two ("x2" in the
        papers) start at tick * k and tick * k + tick / 2; in general clip m starts at tick * k + tick * m / clips.
        A clip of fewer than T frames repeats some, in order. Snippets of L frames start by the same rule, with the
        places where one can start, count - L + 1, instead of count.

        Dense: starts evenly placed from the first to the last at which the window of T * stride frames fits (TSM's ten
        clips on Kinetics); one clip takes the middle start. A clip shorter than the window goes round, index modulo
        count.

        Args:
            count: the number of frames that can be decoded.
            clips: the number of views in time.

        Returns:
            int64 [clips, T], each in [0, count); rows sorted in segments mode, within each snippet and from start to
            start.
        """
        _check_positive("count", count)
        _check_positive("clips", clips)
        if self.mode == "dense":
            last = self._starts(count) - 1
            starts = [last // 2] if clips == 1 else np.linspace(0, last, num=clips, dtype=np.int64).tolist()
            return np.stack([self._window(start, count) for start in starts])
        positions = self.frames // self.snippet
        tick = self._room(count) / positions
        shifts = np.array([tick / 2]) if clips == 1 else tick * np.arange(clips) / clips
        return self._snippets((shifts[:, None] + tick * np.arange(positions)).astype(np.int64), count)

    def _room(self, count: int) -> int:
        """Return the number of places where a snippet can start."""
        return max(1, count - self.snippet + 1)

    def _snippets(self, starts: Int64[np.ndarray, "*V P"], count: int) -> Int64[np.ndarray, "*V T"]:
        indices = starts[..., None] + np.arange(self.snippet)
        return np.minimum(indices.reshape(*starts.shape[:-1], self.frames), count - 1)

    def _starts(self, count: int) -> int:
        """Return the number of places where a dense window can start."""
        return max(1, 1 + count - self.frames * self.stride)

    def _window(self, start: int, count: int) -> Int64[np.ndarray, "T"]:
        return (start + self.stride * np.arange(self.frames)) % count


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name}={value} must be 1 or more")
