"""Frames of an animated WebP and pages of a TIFF, which FFmpeg does not read, through Pillow."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recircle.decode.error import DecodeError
from recircle.decode.frame_size import size_fault
from recircle.decode.images import count_images, open_image, to_rgb
from recircle.decode.part import Part
from recircle.decode.pyav import count_frames, describe, past_the_end

NO_PART = "is an animation, of which no part is read; convert it to a video"


@dataclass(frozen=True)
class Animation:
    """An opened animation.

    Attributes:
        path: of the file.
        declared: how many frames its header claims.
        image: the file, of which one frame at a time is at hand.
    """

    path: Path
    declared: int
    image: Any

    def frames(self) -> Iterator[tuple[NDArray[np.uint8], int]]:
        """Decode all frames in their order: RGB [H, W, 3] as shown, and the milliseconds for which it is shown.

        Raises:
            DecodeError: the file is damaged.
        """
        for number in range(self.declared):
            try:
                self.image.seek(number)
                self.image.load()
                frame = np.asarray(to_rgb(self.image))
                shown = int(self.image.info.get("duration", 0))
            except Exception as error:  # readers of damaged files raise errors of any kind
                reason = f"decoding stops with an error after {count_frames(number)}: {describe(error)}"
                raise DecodeError(self.path, reason) from None
            yield frame, shown


@contextmanager
def open_animation(path: Path) -> Iterator[Animation]:
    """Open an animated image.

    Raises:
        DecodeError: it cannot be opened, or is too large.
    """
    with ExitStack() as stack:
        try:
            image = stack.enter_context(open_image(path))
            declared = count_images(image)
        except Exception as error:
            raise DecodeError(path, f"cannot be opened as an animation: {describe(error)}") from None
        fault = size_fault(image.width, image.height)
        if fault is not None:
            raise DecodeError(path, f"a frame {fault}")
        yield Animation(path, declared, image)


def refuse_part(path: Path, part: Part, wanted: list[int]) -> Iterator[NDArray[np.uint8]]:  # noqa: ARG001
    """Raise a `DecodeError`: animations are short, and come as the whole that they are."""
    raise DecodeError(path, NO_PART)


def select_from_animation(path: Path, wanted: list[int]) -> Iterator[NDArray[np.uint8]]:
    """Decode the frames with these indices (ascending, each once), one at a time, as RGB [H, W, 3].

    Raises:
        DecodeError: the file cannot be decoded so far, or has fewer frames.
    """
    with open_animation(path) as animation:
        targets = iter(wanted)
        target = next(targets)
        for number, (frame, _) in enumerate(animation.frames()):
            if number == target:
                yield frame
                target = next(targets, -1)
                if target < 0:
                    return
    raise DecodeError(path, past_the_end(target, animation.declared))
