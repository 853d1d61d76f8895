"""H.264 files from frames."""

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

# macroblock-tree rate control is off: with it, x264 makes of the same small frames another file now and then
_OPTIONS = {"preset": "veryfast", "crf": "18", "x264-params": "mbtree=0"}


def encode(path: Path, frames: Iterable[NDArray[np.uint8]], fps: int) -> None:
    """Write frames [H, W, 3] in RGB to an MP4 file; H and W are even. The same frames give the same file."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options=_OPTIONS)
        stream.pix_fmt = "yuv420p"
        # the encoder's threads would share the cores with the other workers, and its output would depend on their count
        stream.codec_context.thread_count = 1
        for number, frame in enumerate(frames):
            if number == 0:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
