"""One moving picture of a recognition: the clip, where in it the evidence lies, and the likeliest classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from recircle.explain.activation import ClassActivation
from recircle.explain.film import Film
from recircle.explain.heat import evidence_heat
from recircle.files import atomic_write
from recircle.terminal import visible

TILE = 320
"""Pixels of the longer side of the clip and of its map."""

_GAP, _LINE, _MARGIN = 8, 30, 12
_SECONDS, _LAST = 4.0, 0.8
_QUALITY = 72
# a dark ground, which is quiet on light pages and on dark ones
_GROUND, _TEXT, _SOFT = (20, 24, 29), (230, 233, 237), (157, 167, 179)
_BAR, _RIGHT = (72, 84, 98), (35, 134, 76)


@dataclass(frozen=True)
class Guess:
    """A class that a network takes a clip for.

    Attributes:
        label: its name.
        probability: 0 to 1.
        right: whether it is the class of the clip, as far as that is known.
    """

    label: str
    probability: float
    right: bool = False


def write_moving_picture(
    film: Film, activation: ClassActivation, guesses: Sequence[Guess], title: str, path: Path
) -> Path:
    """Write an animated WebP file, which browsers show as an image, and return its path.

    On the left the clip plays, on the right the same with the evidence over it, in colours that are denser the more
    there is; below stand the guesses. It plays in four seconds, over and over.

    Args:
        film: the clip.
        activation: the evidence in each of the frames that the network took; those between are interpolated.
        guesses: the likeliest classes, the first of them on top.
        title: above the guesses.
        path: ends in .webp.

    Raises:
        UserError: matplotlib, whose colours are taken, is not installed.
    """
    height, width = film.frames.shape[1:3]
    scale = TILE / max(height, width)
    size = round(width * scale), round(height * scale)
    maps = activation.maps
    before = film.at.astype(int)
    after = np.minimum(before + 1, len(maps) - 1)
    share = (film.at - before)[:, None, None].astype(np.float32)
    heat = evidence_heat(film.frames, maps[before] * (1 - share) + maps[after] * share, activation.most)
    below = _words(guesses, title, 2 * size[0] + _GAP)
    pictures = [_picture(left, right, size, below) for left, right in zip(film.frames, heat)]
    # the last frame stays for a moment, so that one sees where the clip ends
    each = round(1000 * _SECONDS / len(pictures))
    times = [each] * (len(pictures) - 1) + [each + round(1000 * _LAST)]

    def write(part: Path) -> None:
        pictures[0].save(
            part,
            format="webp",
            save_all=True,
            append_images=pictures[1:],
            duration=times,
            loop=0,
            quality=_QUALITY,
            method=4,
        )

    atomic_write(path, write)
    return path


def _picture(
    left: UInt8[np.ndarray, "H W 3"], right: UInt8[np.ndarray, "H W 3"], size: tuple[int, int], below: Image.Image
) -> Image.Image:
    width, height = size
    picture = Image.new("RGB", (2 * width + _GAP, height + below.height), _GROUND)
    for number, frame in enumerate((left, right)):
        tile = Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS)
        picture.paste(tile, (number * (width + _GAP), 0))
    picture.paste(below, (0, height))
    return picture


def _words(guesses: Sequence[Guess], title: str, width: int) -> Image.Image:
    """Draw the title and a bar for each guess."""
    image = Image.new("RGB", (width, (len(guesses) + 1) * _LINE + _MARGIN), _GROUND)
    draw = ImageDraw.Draw(image)
    plain, bold = _font(), _font("bold")
    draw.text((_MARGIN, _LINE / 2 + 3), _fitting(title, plain, width - 2 * _MARGIN), _SOFT, plain, anchor="lm")
    for row, guess in enumerate(guesses, 1):
        top, middle = row * _LINE + 4, row * _LINE + 4 + (_LINE - 4) / 2
        colour, font = _RIGHT if guess.right else _BAR, bold if row == 1 else plain
        reach = _MARGIN + max(guess.probability * (width - 2 * _MARGIN), 3)
        draw.rounded_rectangle((_MARGIN, top, reach, top + _LINE - 5), 4, fill=colour)
        percent = f"{guess.probability:.0%}"
        name = _fitting(guess.label, font, width - 4 * _MARGIN - font.getlength(percent))
        draw.text((1.7 * _MARGIN, middle), name, _TEXT, font, anchor="lm")
        draw.text((width - 1.7 * _MARGIN, middle), percent, _TEXT, font, anchor="rm")
    return image


def _fitting(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """Return as much of a text as there is room for."""
    text = visible(text)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _font(weight: str = "normal") -> ImageFont.FreeTypeFont:
    # of the fonts that are there everywhere, it has the most letters
    from matplotlib import font_manager

    properties = font_manager.FontProperties(family="DejaVu Sans", weight=weight)
    return ImageFont.truetype(font_manager.findfont(properties), 16)
