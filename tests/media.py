"""Odd media for tests, made with PyAV and Pillow: each function writes one kind of file."""

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frame = NDArray[np.uint8]


def grey_frames(count: int, height: int = 48, width: int = 64) -> list[Frame]:
    """Frames of one grey each, which `number_of` turns back into their number (up to 12)."""
    return [np.full((height, width, 3), 20 + 18 * number, np.uint8) for number in range(count)]


def number_of(frame: Any) -> int:
    """The number of a frame of `grey_frames` after lossy coding and resizing."""
    return round((float(np.asarray(frame).mean()) - 20) / 18)


def cornered_frame(height: int = 48, width: int = 64) -> Frame:
    """A frame whose corners are red, green, blue and white, clockwise from the top left."""
    frame = np.zeros((height, width, 3), np.uint8)
    top, left = slice(0, height // 2), slice(0, width // 2)
    bottom, right = slice(height // 2, None), slice(width // 2, None)
    frame[top, left] = (255, 0, 0)
    frame[top, right] = (0, 255, 0)
    frame[bottom, right] = (0, 0, 255)
    frame[bottom, left] = (255, 255, 255)
    return frame


def moving_frames(count: int, height: int = 48, width: int = 64) -> list[Frame]:
    """Frames with detail and colour that move, as a codec of real videos would meet them."""
    rows, columns = np.mgrid[:height, :width]
    waves = [
        [np.sin((columns + rows * slope) / 5 + step * 0.7 + phase) for phase, slope in ((0, 1), (2, -1), (4, 2))]
        for step in range(count)
    ]
    return [((np.stack(wave, -1) + 1) * 127).astype(np.uint8) for wave in waves]


def write_video(
    path: Path,
    frames: Sequence[Frame],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    fps: int = 25,
    times: Sequence[int] | None = None,
    title: str = "",
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video; `times` are presentation times in units of 1/`fps` for a variable frame rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        if title:
            container.metadata["title"] = title
        stream: Any = container.add_stream(codec, rate=fps, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if pix_fmt == "gray":  # which is of full range, as the stream must say
            stream.codec_context.color_range = 2
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base = Fraction(1, fps)
            frame.pts = times[number] if times is not None else number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path, seconds: float = 0.2) -> Path:
    """Write a file with sound and no picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac" if path.suffix == ".mp4" else "pcm_s16le", rate=16000)
        stream.layout = "mono"
        samples: Any = np.zeros((1, int(16000 * seconds)), np.float32 if path.suffix == ".mp4" else np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp" if path.suffix == ".mp4" else "s16", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_frame_folder(folder: Path, frames: Sequence[Frame], name: str = "{:05d}.png") -> Path:
    """Write one image a frame, numbered from 1."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(frames, 1):
        Image.fromarray(image).save(folder / name.format(number))
    return folder


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Set the display matrix of an mp4 or mov to where right (x, y) and down (x, y) of the stored frame point."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd")
    version = data[start + 4]
    right_x, right_y, down_x, down_y = (value * 0x10000 for value in matrix)
    values = struct.pack(">9i", right_x, right_y, 0, down_x, down_y, 0, 0, 0, 0x40000000)
    place = start + (56 if version else 44)
    data[place : place + 36] = values
    path.write_bytes(data)
    return path


def cut(path: Path, keep: float) -> Path:
    """Keep only the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def declare_frames(path: Path, count: int) -> Path:
    """Make an AVI's header claim a frame count."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"avih") + 8 + 16, count)
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, count)
    path.write_bytes(data)
    return path


def png_that_claims(path: Path, width: int, height: int) -> Path:
    """Write a small PNG whose header claims a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"\x78\x9c\x63\x00\x00") + chunk(b"IEND", b""))
    return path
