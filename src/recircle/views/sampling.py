"""Which frames of a clip a model sees: the index rules of TSN and TSM, and the snippets of ABM."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float64, Int64
from pydantic import model_validator

from recircle.decode.frame_times import FrameTimes
from recircle.errors import UserError
from recircle.public import public

Mode = Literal["segments", "dense"]
By = Literal["time", "index"]

# frames a second; a higher rate is a mistake in the unit
_HIGHEST_FPS = 1000.0


@public
@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How `frames` frames are taken from a clip of any length.

    `segments` (TSN, Something-Something, Diving48) covers the whole clip: it is cut into `frames` equal segments and
    each gives one frame. `dense` (I3D, Kinetics) covers a window: frames that lie `stride` apart.

    With snippets (ABM), a segment gives several consecutive frames: "8x3", 8 positions of 3 frames, is
    `Sampling(frames=24, snippet=3)`, and the 24 frames of a view come snippet by snippet.

    The rules are written for a clip of a constant frame rate, in which they are the published ones. Where the rate
    varies, a clip is taken for one of as many frames of equal length: a rule's position p, of `count` frames, is the
    moment p / count of the clip's duration, and the frame is the one shown at that moment. With `fps`, each clip is
    taken for one of that rate first, of `round(seconds * fps)` frames, position p of which is the moment p / fps: so
    clips of 24 and of 60 frames a second show as much time with the same stride. `by="index"` counts frames as they
    come in the file, whatever they last.

    JSON files of earlier versions, which do not have the field `by`, were made by index and are read so.

    Attributes:
        frames: T, the number of frames of a view, those of all snippets together.
        mode: segments or dense.
        stride: distance between two frames in dense mode; segments do not use it.
        snippet: consecutive frames at each position, in segments mode; `frames` is a multiple of it. By time, they
            lie one average frame (or 1 / fps) apart.
        by: whether clips of varying frame rate are sampled by time or by index; for constant rates it is the same.
        fps: the rate that clips of all rates are taken for; None leaves theirs.
    """

    frames: int = 8
    mode: Mode = "segments"
    stride: int = 8
    snippet: int = 1
    by: By = "time"
    fps: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_earlier(cls, values: Any) -> Any:
        """Read what was written before there was a choice: frames were counted."""
        return {"by": "index"} | values if isinstance(values, dict) else values

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
        if self.by not in get_args(By):
            raise ValueError(f"by={self.by!r} is not one of {', '.join(get_args(By))}")
        if self.fps is not None and not (math.isfinite(self.fps) and 0 < self.fps <= _HIGHEST_FPS):
            raise ValueError(
                f"fps={self.fps} is not a rate to sample at; give frames a second, above 0 and up to {_HIGHEST_FPS:g}, "
                "or leave it out"
            )
        if self.fps is not None and self.by == "index":
            raise ValueError(f"fps={self.fps:g}: a rate is sampled by time; leave out by='index'")

    def __str__(self) -> str:
        if self.snippet > 1:
            frames = f"{self.frames // self.snippet}x{self.snippet} frames"
        else:
            frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
        apart = f" {self.stride} apart" if self.mode == "dense" else ""
        return f"{frames}{apart} " + (f"by {self.by}" if self.fps is None else f"at {self.fps:g} fps")

    def check(self, clip: FrameTimes) -> None:
        """Raise a `UserError` if frames of this clip cannot be found, since its rate is not known."""
        if self.fps is not None and not clip.seconds:
            raise UserError(
                f"sampling at {self.fps:g} fps needs to know the clip's own frame rate; "
                "fill in the column fps of the manifest, or sample without fps"
            )

    def train(self, clip: int | FrameTimes, rng: np.random.Generator) -> Int64[np.ndarray, "T"]:
        """Draw the frames of one training view.

        Segments: with avg = count // T, frame k is `k * avg + randint(avg)`, as in TSN and TSM; the count % T frames at
        the end are never drawn. A clip of fewer than T frames repeats some, in order: frame k is drawn from the k-th
        of T equal parts (the published code repeats its first frame T times, and leaves out clips of fewer than 3).

        Snippets of L frames, P = T / L of them, in the n = count - L + 1 places where one can start: with avg = n / P,
        snippet k starts at `round(k * avg) + randint(int(avg))`, as in ABM's code. Where n < P, starts repeat as frames
        do above (that code draws them anywhere and sorts); a clip of fewer than L frames repeats its last one.

        Dense: a start drawn from all at which the window of T * stride frames fits (the published code never draws the
        last of them); a clip shorter than the window starts at 0 and goes round, index modulo count.

        By time, where the rate varies or `fps` is set, positions are drawn from the same ranges, but at any moment
        instead of at frames: frame k from the k-th of T equal parts, so that none of the clip is left out.

        Args:
            clip: the number of frames that can be decoded, or when they are shown.
            rng: the source of every random choice.

        Returns:
            int64 [T], each in [0, frames); sorted in segments mode, within each snippet and from start to start.

        Raises:
            UserError: `fps` is set and the clip's rate is not known.
        """
        clip, count = self._virtual(clip)
        if self.mode == "dense":
            places = self._starts(count)
            start = rng.integers(places) if self._counts(clip) else rng.random() * places
            return self._shown(self._window(start, count), clip, count)
        room, positions = self._room(count), self.frames // self.snippet
        average = room // positions
        steps = np.arange(positions)
        if average == 0 or not self._counts(clip):
            starts = (steps + rng.random(positions)) * room / positions
        elif self.snippet == 1:
            starts = steps * average + rng.integers(average, size=positions)
        else:
            starts = np.rint(steps * (room / positions)).astype(np.int64) + rng.integers(average, size=positions)
        return self._shown(self._snippets(starts, clip, count), clip, count)

    def test(self, clip: int | FrameTimes, clips: int) -> Int64[np.ndarray, "clips T"]:
        """Return the frames of `clips` test views; nothing in it is random.

        Segments, with tick = count / T: one clip takes the middles, `int(tick / 2 + tick * k)`; two ("x2" in the
        papers) start at tick * k and tick * k + tick / 2; in general clip m starts at tick * k + tick * m / clips.
        A clip of fewer than T frames repeats some, in order. Snippets of L frames start by the same rule, with the
        places where one can start, count - L + 1, instead of count.

        Dense: starts evenly placed from the first to the last at which the window of T * stride frames fits (TSM's ten
        clips on Kinetics); one clip takes the middle start. A clip shorter than the window goes round, index modulo
        count.

        By time, where the rate varies or `fps` is set, these are positions in the clip of constant rate that it is
        taken for, and are not rounded: one clip takes the frames at the middles of T equal parts of the duration.

        Args:
            clip: the number of frames that can be decoded, or when they are shown.
            clips: the number of views in time.

        Returns:
            int64 [clips, T], each in [0, frames); rows sorted in segments mode, within each snippet and from start to
            start.
        """
        if clips < 1:
            raise ValueError(f"clips={clips} must be 1 or more")
        clip, count = self._virtual(clip)
        if self.mode == "dense":
            last = self._starts(count) - 1
            starts = np.array([last // 2]) if clips == 1 else np.linspace(0, last, num=clips, dtype=np.int64)
            return self._shown(self._window(starts[:, None], count), clip, count)
        positions = self.frames // self.snippet
        tick = self._room(count) / positions
        shifts = np.array([tick / 2]) if clips == 1 else tick * np.arange(clips) / clips
        starts = shifts[:, None] + tick * np.arange(positions)
        return self._shown(self._snippets(starts, clip, count), clip, count)

    def _virtual(self, clip: int | FrameTimes) -> tuple[FrameTimes, int]:
        """Return the clip, and the number of frames of the clip of constant rate that it is taken for."""
        clip = FrameTimes(clip) if isinstance(clip, int | np.integer) else clip
        if self.fps is None:
            return clip, clip.frames
        self.check(clip)
        return clip, max(1, round(clip.seconds * self.fps))

    def _counts(self, clip: FrameTimes) -> bool:
        """Whether positions are numbers of frames, as in all published protocols."""
        return self.fps is None and (self.by == "index" or clip.constant)

    def _shown(
        self, positions: Float64[np.ndarray, "*V T"] | Int64[np.ndarray, "*V T"], clip: FrameTimes, count: int
    ) -> Int64[np.ndarray, "*V T"]:
        """Return the frames at positions in the clip of `count` frames that this one is taken for."""
        if self._counts(clip):
            return positions.astype(np.int64)
        return clip.shown_at(positions * clip.seconds / count if self.fps is None else positions / self.fps)

    def _room(self, count: int) -> int:
        """Return the number of places where a snippet can start."""
        return max(1, count - self.snippet + 1)

    def _snippets(self, starts: np.ndarray, clip: FrameTimes, count: int) -> Float64[np.ndarray, "*V T"]:
        # a frame first, then those after it: of a sum, rounding may be to the next one
        starts = np.floor(starts) if self._counts(clip) else starts
        positions = starts[..., None] + np.arange(self.snippet)
        return np.minimum(positions.reshape(*starts.shape[:-1], self.frames), np.nextafter(count, 0.0))

    def _starts(self, count: int) -> int:
        """Return the number of places where a dense window can start."""
        return max(1, 1 + count - self.frames * self.stride)

    def _window(self, start: Any, count: int) -> np.ndarray:
        return (start + self.stride * np.arange(self.frames)) % count
