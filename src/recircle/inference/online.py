"""A video frame by frame, with a network that looks back alone: each frame is computed once, and none is kept."""

import math
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from recircle.errors import UserError
from recircle.inference.recognition import Recognition
from recircle.layers.memory import State
from recircle.models.base import VideoModel
from recircle.public import public
from recircle.views.cut import cut_views
from recircle.views.in_memory import frames_in_memory
from recircle.views.sampling import Sampling
from recircle.views.views import EvalViews

Say = Callable[[Float[np.ndarray, "V K"], Sampling], Recognition]
"""Makes a recognition of the logits of a clip's views, and of how many frames that clip has."""


@public
class Online:
    """Recognises a video that goes on, frame by frame; `Recognizer.online` makes it.

    After t frames it says what the recogniser says of a clip of these t frames, up to rounding, at the cost of one. A
    video has no beginning of its own here: what came first counts for ever, until `reset`. It belongs to one thread.

    Attributes:
        frames: how many frames the network has seen since the beginning.
        state: what it remembers of them, see `VideoModel.initial_state`; it may be taken, saved and put back.
    """

    frames: int
    state: State

    def __init__(
        self, model: VideoModel, views: EvalViews, say: Say, *, every: float, stride: int, device: torch.device
    ) -> None:
        """Begin; see `Recognizer.online`.

        Args:
            model: a causal network in evaluation mode, on the device.
            views: how a frame becomes its input; one clip, of any crops.
            say: makes the recognitions.
            every: seconds between the frames that the network sees.
            stride: frames from one that it sees to the next.
            device: of the network.
        """
        self._model, self._views, self._say = model, views, say
        self._every, self._stride, self._device = every, stride, device
        _, _, _, *size = views.shape
        with torch.inference_mode():
            self._start = model.initial_state(views.crops, (size[0], size[1]))
        self.reset()

    def __repr__(self) -> str:
        return f"Online({self._model.name}, {self.frames} frames seen)"

    def reset(self) -> None:
        """Begin anew: forget all frames, as where another video or another action begins."""
        self.state = dict(self._start)
        self.frames, self._pushed = 0, 0
        self._seen_at = self._last = -float("inf")
        self._size: tuple[int, ...] | None = None
        self._recognition: Recognition | None = None

    def push(self, frame: object, time: float) -> Recognition:
        """Take the next frame, and return what the video so far shows.

        Frames that lie between those that the network sees cost nothing, and the recognition is the one before.

        Args:
            frame: an array [H, W, 3], a tensor [3, H, W] or an image. All frames of a video are of one size.
            time: when it is shown, in seconds; times do not run back.

        Raises:
            UserError: frame or time are not of these forms, or the frame is of another size or too small for the crop.
        """
        if not isinstance(time, float | int | np.number) or not math.isfinite(time):
            raise UserError(f"time={time!r}: give the second at which the frame is shown")
        time = float(time)
        if time < self._last:
            raise UserError(
                f"a frame of {time:g} s comes after one of {self._last:g} s; where another video begins, call reset()"
            )
        image = frames_in_memory([frame], "what was pushed")
        if self._size is not None and image.shape[1:] != self._size:
            sizes = " and ".join(f"{size[-1]} x {size[-2]}" for size in (image.shape, self._size))
            raise UserError(f"a frame is of another size than the first: {sizes} pixels; resize them to one")
        due = self._pushed % self._stride == 0 and time >= self._seen_at + self._every - _SLACK
        if self._recognition is None or due:
            self._recognition = self._see(image)
            self._seen_at = time
        self._size, self._last = image.shape[1:], time
        self._pushed += 1
        return self._recognition

    def _see(self, image: UInt8[Tensor, "T 3 H W"]) -> Recognition:
        frames = self._views.preprocessing.resizer.apply(image)
        views = cut_views(frames, np.zeros((1, 1), np.int64), self._views)[:, 0]
        with torch.inference_mode():
            inputs = self._views.preprocessing.normalise(views.to(self._device))
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            logits, self.state = self._model.forward_step(inputs, self.state)
        self.frames += 1
        return self._say(logits.float().cpu().numpy(), replace(self._views.sampling, frames=self.frames))


def begin_online(model: VideoModel, views: EvalViews, say: Say, *, every: float | None, device: torch.device) -> Online:
    """Return what recognises a video frame by frame; see `Recognizer.online`, also for what is raised."""
    model.check_causal()
    sampling = views.sampling
    if views.clips != 1 or sampling.snippet != 1:
        several = f"{views.clips} clips of snippets of {sampling.snippet}"
        raise UserError(f"online recognition has one clip of single frames; this has {several}")
    if every is not None and not 0 <= every < float("inf"):
        raise UserError(f"every={every:g}: give the seconds between two frames that the network sees, 0 or more")
    stride = 1
    if every is None:
        every = 0.0
        if sampling.mode == "dense":
            every, stride = (0.0, sampling.stride) if sampling.fps is None else (sampling.stride / sampling.fps, 1)
        else:
            warnings.warn(
                f"the network learned from {sampling.frames} frames spread over each clip, and sees every frame "
                f"here: give every=, the seconds of a clip divided by {sampling.frames}, or every=0",
                stacklevel=3,
            )
    return Online(model, views, say, every=every, stride=stride, device=device)


# of times that were rounded on their way, such as 0.1 + 0.2
_SLACK = 1e-6
