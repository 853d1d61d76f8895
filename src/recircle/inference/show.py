"""What a notebook shows of a recognition: a few frames, and the likeliest classes as bars."""

import base64
import io
from collections.abc import Sequence
from html import escape

from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from recircle.terminal import visible

FRAMES = 4
LONGEST = 96
"""Pixels of the longer side of a frame."""

QUALITY = 75

# the text is the page's, and grey that lets it shine through is right on light and on dark
_BAR = "background:rgba(70,130,220,.75);height:.7em;border-radius:2px"
_TRACK = "background:rgba(128,128,128,.2);border-radius:2px;width:9em;max-width:100%"
_CELL = "padding:.15em .8em .15em 0;text-align:left;background:none;border:none"


def preview(clip: UInt8[Tensor, "T 3 h w"]) -> tuple[bytes, ...]:
    """Return a few frames, spread evenly over a clip, as small JPEG files."""
    count = min(FRAMES, len(clip))
    places = [(2 * number + 1) * len(clip) // (2 * count) for number in range(count)]
    return tuple(_jpeg(clip[place]) for place in places)


def recognition_html(frames: Sequence[bytes], best: Sequence[tuple[str, float]], protocol: str) -> str:
    """Return a piece of HTML that is readable on light and dark pages.

    Args:
        frames: JPEG files.
        best: classes and their probabilities.
        protocol: how the network was run.
    """
    images = "".join(
        f'<img alt="frame {number} of {len(frames)} that the network saw" style="margin:0 2px 4px 0;display:inline" '
        f'src="data:image/jpeg;base64,{base64.b64encode(frame).decode()}">'
        for number, frame in enumerate(frames, start=1)
    )
    rows = "".join(
        f'<tr style="background:none"><td style="{_CELL}">{escape(visible(label))}</td>'
        f'<td style="{_CELL};text-align:right">{probability:.1%}</td>'
        f'<td style="{_CELL}"><div style="{_TRACK}">'
        f'<div style="{_BAR};width:{100 * probability:.1f}%"></div></div></td>'
        "</tr>"
        for label, probability in best
    )
    return (
        f'<div style="color:inherit"><div>{images}</div>'
        f'<table style="border-collapse:collapse;margin:0;color:inherit">{rows}</table>'
        f'<div style="font-size:85%;opacity:.75">{escape(visible(protocol))}</div></div>'
    )


def _jpeg(frame: UInt8[Tensor, "3 h w"]) -> bytes:
    image = Image.fromarray(frame.permute(1, 2, 0).contiguous().numpy())
    image.thumbnail((LONGEST, LONGEST))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
