"""What a file is by its first bytes, for names that do not tell."""

import os
import stat
from pathlib import Path
from typing import Literal

Content = Literal["video", "image", "other"]

_HEAD = 600  # three packets of an MPEG transport stream

_VIDEOS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x00\x00\x00\x01\x67",  # H.264 as a bare stream
    b"\x00\x00\x00\x01\x40\x01",  # H.265, likewise
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01",  # MXF
    b"\x1f\x07\x00",  # DV
    b".RMF",
    b"YUV4MPEG2",
    b"DKIF",
    b"GIF87a",
    b"GIF89a",
)
_IMAGES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"II*\x00",
    b"MM\x00*",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    b"P6\n",
    b"P5\n",
    b"qoif",
)
_ISO_IMAGES = (b"avif", b"mif1", b"heic", b"heix")
_ISO_SOUND = (b"M4A ", b"M4B ")
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"pnot")
_PACKET = 188


def content_of(path: Path) -> Content:
    """Tell by its beginning whether a file is a video, an image, or anything else.

    Only containers of which no other file is likely to have the beginning are known.
    """
    head = read_head(path, _HEAD)
    if head.startswith(_VIDEOS) or _is_transport_stream(head):
        return "video"
    if head.startswith(_IMAGES):
        return "image"
    if head.startswith(b"RIFF"):
        kinds: dict[bytes, Content] = {b"AVI ": "video", b"WEBP": "image"}
        return kinds.get(head[8:12], "other")
    if head[4:8] in _ISO_BOXES:
        brand = head[8:12] if head[4:8] == b"ftyp" else b""
        return "image" if brand in _ISO_IMAGES else "other" if brand in _ISO_SOUND else "video"
    return "other"


def is_animated_webp(path: Path) -> bool:
    """Tell whether a file is a WebP image whose header says that it is an animation."""
    head = read_head(path, 21)
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) == 21 and bool(head[20] & 0x02)


def is_animated_avif(path: Path) -> bool:
    """Tell whether a file is an AVIF image whose first box says that it holds a sequence."""
    head = read_head(path, 64)
    size = int.from_bytes(head[:4], "big")
    return head[4:8] == b"ftyp" and b"avis" in head[8 : min(size, 64)]


def read_head(path: Path, count: int) -> bytes:
    """Return the first bytes of a regular file; none of anything else, which is not waited for either."""
    try:
        handle = open_regular(path)
        with os.fdopen(handle, "rb") as file:
            return file.read(count)
    except (OSError, ValueError):  # the latter for what no file can be called
        return b""


def open_regular(path: Path) -> int:
    """Open a regular file for reading, without waiting where it is a pipe or a device.

    Returns:
        The file's descriptor.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # to open a device may do something
        raise OSError("is not a regular file")
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:  # it may have been replaced by now
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("is not a regular file")
    except BaseException:
        os.close(handle)
        raise
    return handle


def _is_transport_stream(head: bytes) -> bool:
    """Tell whether every packet begins with its mark; those of Blu-ray have four bytes of time before it."""
    return any(
        len(head) > offset + 2 * length and all(head[offset + place * length] == 0x47 for place in range(3))
        for offset, length in ((0, _PACKET), (4, _PACKET + 4))
    )
