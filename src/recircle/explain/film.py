"""The frames of a clip for a moving picture: as large and as many as a person wants, of what the network was shown."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float64, UInt8

from recircle.decode.pool import DecoderPool
from recircle.run import ModelSpec
from recircle.views.cut import whole_file_views
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.views.views import EvalViews

MOST_FRAMES = 48


@dataclass(frozen=True)
class Film:
    """What a network was shown of a clip, in more frames and more pixels than it took.

    Attributes:
        frames: RGB.
        at: where each lies between the T frames that the network took, 0 to T - 1.
    """

    frames: UInt8[np.ndarray, "M H W 3"]
    at: Float64[np.ndarray, "M"]

    @classmethod
    def read(cls, clip: Path, spec: ModelSpec, pixels: int, decoders: DecoderPool) -> Self:
        """Decode a clip.

        Args:
            clip: a video file or a folder of frames.
            spec: of the network, whose stretch of the clip and whose part of the frame is shown.
            pixels: the shorter side of the frames has so many or more.
            decoders: processes that decode.

        Raises:
            DecodeError: the clip is not there, or cannot be decoded to its end, or not in time.
        """
        sampling, at = _denser(spec.sampling)
        views = EvalViews(sampling=sampling, preprocessing=_larger(spec.preprocessing, pixels))
        view = whole_file_views(clip, views, decoders=decoders)[0]
        return cls(view.movedim(-3, -1).contiguous().numpy(), at)


def _denser(sampling: Sampling) -> tuple[Sampling, Float64[np.ndarray, "M"]]:
    """Return the sampling that takes several frames for each of another's, and where they lie between its frames."""
    length, snippet = sampling.frames, sampling.snippet
    places = length // snippet
    times = max(MOST_FRAMES // places, 1)
    if sampling.mode == "dense":
        times = next(n for n in range(times, 0, -1) if sampling.stride % n == 0)
        at = np.arange(times * places) / times
        return replace(sampling, frames=times * places, stride=sampling.stride // times), at.clip(0, length - 1)
    # each of the network's frames is the middle of its part of the clip
    at = (np.arange(times * places) + 0.5) / times * snippet - 0.5
    return replace(sampling, frames=times * places, snippet=1), at.clip(0, length - 1)


def _larger(preprocessing: Preprocessing, pixels: int) -> Preprocessing:
    """Return the preprocessing that shows the same part of the frame in more pixels."""
    times = -(-pixels // min(preprocessing.crop_size))

    def enlarged(size: int | tuple[int, int]) -> int | tuple[int, int]:
        return size * times if isinstance(size, int) else (size[0] * times, size[1] * times)

    return replace(preprocessing, resize=enlarged(preprocessing.resize), crop=enlarged(preprocessing.crop))
