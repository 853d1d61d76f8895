"""One image file as a frame, through Pillow."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from recircle.decode.error import DecodeError
from recircle.decode.frame_size import size_fault
from recircle.decode.pyav import describe
from recircle.decode.signatures import open_regular, read_head

# Pillow knows more, and some of it has nothing to do with frames: PostScript, for one, is handed to Ghostscript
_FORMATS = ("BMP", "DIB", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WEBP", "GIF", "AVIF", "JPEG2000", "QOI")
# nothing in a file says that it is a TGA, so that damaged files of other kinds would be taken for one
_BY_SUFFIX = {".tga": ("TGA",)}
# in these, more images than one are an animation; the second one of an MPO is a preview, or the other eye's
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_TIFF = (b"II*\0", b"MM\0*")
# an image of MAX_PIXELS, with 16 bits for each of three colours, takes less
_MAX_BYTES = 2**30


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read an image of any kind as RGB [H, W, 3], turned as its EXIF data say; transparency is left out.

    Raises:
        DecodeError: it is damaged, cut short, too large or too thin, an animation, or no file; the error's path is the
            folder.
    """
    try:
        with open_image(path) as image:
            fault = size_fault(image.width, image.height)
            if fault is not None:
                raise DecodeError(path.parent, f"{path.name}: a frame {fault}")
            count = count_images(image)
            if count > 1:
                raise DecodeError(
                    path.parent,
                    f"{path.name} is an animation or a stack of {count} images, and a frame is one image; "
                    "if the file is the clip, name the file and not the folder",
                )
            _turn(path, image)
            return np.asarray(to_rgb(image))
    except DecodeError:
        raise
    except Exception as error:  # readers of damaged files raise errors of any kind
        raise DecodeError(path.parent, f"{path.name} cannot be decoded: {describe(error)}") from None


def _turn(path: Path, image: Image.Image) -> None:
    """Turn an image as its EXIF data say."""
    image.load()  # so that damaged pixels are not blamed on them
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception as error:
        raise DecodeError(
            path.parent,
            f"{path.name} has EXIF data that cannot be read, so how it is turned is unknown: {describe(error)}",
        ) from None


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Open an image of one of the formats that frames come in; no other program is started for it.

    Raises:
        Exception: of any kind; an `OSError` if it is not a regular file, or of another format.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > _MAX_BYTES:
            raise OSError(f"{size} bytes are more than an image has")
        formats = _formats() + _BY_SUFFIX.get(path.suffix.lower(), ())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on metadata, and on sizes that are checked
            try:
                image = Image.open(file, formats=formats)
            except Image.UnidentifiedImageError:  # whose text names the open file, not its path
                raise OSError("it is damaged, or not an image of a kind that is read") from None
            with image:
                yield image


def count_images(image: Image.Image) -> int:
    """Return how many images of equal rank a file holds: those of an animation, or the pages of a TIFF."""
    if image.format in _ANIMATED:
        return getattr(image, "n_frames", 1)
    if image.format == "TIFF" and getattr(image, "n_frames", 1) > 1:
        size = image.size
        image.seek(1)
        same = image.size == size  # a smaller one is a thumbnail
        image.seek(0)
        return getattr(image, "n_frames", 1) if same else 1
    return 1


def is_stack(path: Path) -> bool:
    """Tell whether a file is a TIFF of several pages of one size; what cannot be opened is none."""
    if not read_head(path, 4).startswith(_TIFF):
        return False
    try:
        with open_image(path) as image:
            return count_images(image) > 1
    except Exception:  # readers of damaged files raise errors of any kind
        return False


def is_animated(path: Path) -> bool:
    """Tell whether a file is an image of several frames in time; what cannot be opened is none."""
    try:
        with open_image(path) as image:
            return image.format in _ANIMATED and getattr(image, "is_animated", False)
    except Exception:  # readers of damaged files raise errors of any kind
        return False


def to_rgb(image: Image.Image) -> Image.Image:
    """Return an image of any mode as RGB, of 16 bits a pixel the upper eight."""
    if image.mode.startswith("I"):  # which convert() would cut off at 255
        values = np.asarray(image).astype(np.int64) >> 8
        image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return image if image.mode == "RGB" else image.convert("RGB")


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)
