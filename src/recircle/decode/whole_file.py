"""A file whose length only decoding it can tell, with the frames that it turns out to need."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recircle.decode.animation import refuse_part, select_from_animation
from recircle.decode.error import DecodeError
from recircle.decode.folder import select_images, select_part_of_folder
from recircle.decode.media import kind_of
from recircle.decode.part import split_part
from recircle.decode.part_frames import select_part_of_video
from recircle.decode.probe import Probe, probe
from recircle.decode.pyav import select_frames

Image = NDArray[np.uint8]

# bytes, as RGB, of the frames of a clip that are held at once: 10 seconds of 640 x 360 pixels, 30 frames a second
_HELD = 2**28


@dataclass(frozen=True)
class WholeFile:
    """A video file or folder of frames that decodes to its end.

    Attributes:
        found: what it holds.
        images: returns the frames of these indices (ascending, each once) as RGB [H, W, 3], one after the other. A
            frame is good until the next one is asked for. It raises `DecodeError` where one cannot be had.
    """

    found: Probe
    images: Callable[[Sequence[int]], Iterator[Image]]


def read_whole_file(path: Path) -> WholeFile:
    """Decode a file or folder to its end.

    The count that a container declares is often wrong or missing, so that which frames are wanted is known at the end
    only. Until then they are held as they were decoded; a clip that is too large for that is decoded again.

    Raises:
        DecodeError: the file cannot be decoded to its end.
    """
    held: list[Callable[[], Image]] = []
    room = _HELD

    def hold(read: Callable[[], Image], size: int) -> None:
        nonlocal room
        room -= size
        if room >= 0:
            held.append(read)
        else:
            held.clear()

    found = probe(path, hold)
    if found.status == "broken":
        raise DecodeError(path, found.fault or "it cannot be decoded")
    if held:
        return WholeFile(found, lambda wanted: (held[index]() for index in wanted))
    return WholeFile(found, lambda wanted: select(path, wanted))


def select(path: Path, wanted: Sequence[int]) -> Iterator[Image]:
    """Decode frames (ascending, each once) of a file, a folder or a part of one, one at a time, as RGB [H, W, 3].

    Raises:
        DecodeError: it cannot be decoded so far, or has fewer frames.
    """
    file, part = split_part(path)
    kind = kind_of(file)
    if part is not None:
        parts = {"frames": select_part_of_folder, "animation": refuse_part, "video": select_part_of_video}
        return parts[kind](file, part, list(wanted))
    readers = {"frames": select_images, "animation": select_from_animation, "video": select_frames}
    return readers[kind](file, list(wanted))
