"""How large a frame may be: the same limits for images and videos, wherever one is decoded."""

MAX_PIXELS = 2**27
"""One frame of 16,384 x 8,192; a file that declares more would take the memory of the machine."""

MAX_RATIO = 64
"""The longer side over the shorter one. Resizing brings the shorter side to a few hundred pixels and lets the longer
one follow: at 256 px a frame within the limit becomes 16,384 x 256 at most (13 MB), one of 4,000,000 x 8 would become
128,000,000 x 256 (98 GB). Panoramas and scanned strips stay below 20."""


def size_fault(width: int, height: int) -> str | None:
    """Return why a frame of this size is not decoded, to be put after "a frame"; None if it is."""
    if width * height > MAX_PIXELS:
        return f"of {width} x {height} pixels is larger than any video (a damaged header?)"
    if max(width, height) > MAX_RATIO * min(width, height):
        return (
            f"of {width} x {height} pixels has a longer side of more than {MAX_RATIO} times the shorter one, and "
            "resizing would make it huge; cut it first"
        )
    return None
