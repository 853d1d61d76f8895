"""Pictures that explain a run, as `recircle explain` draws them, shown where there are any."""

import base64
from collections.abc import Sequence
from pathlib import Path

from recircle.report.limits import MOST_PICTURE_BYTES
from recircle.report.markup import Html, count, element, note, section
from recircle.run import Run

FOLDERS = ("explain", "explained")
"""Where pictures may lie in a run, at any depth."""

MOST = 12
"""Pictures that are embedded, since each makes the page larger."""

_PNG = b"\x89PNG\r\n\x1a\n"


def find_pictures(run: Run) -> list[Path]:
    """Return the PNG files in a run's folders of explanations, by name."""
    return [file for name in FOLDERS for file in sorted((run.path / name).rglob("*.png")) if file.is_file()]


def pictures_section(run: Run, files: Sequence[Path], key: str) -> Html:
    """Return the section; nothing where there are no pictures."""
    if not files:
        return Html()
    parts: list[Html] = []
    figures: list[Html] = []
    left, left_out = MOST_PICTURE_BYTES, max(0, len(files) - MOST)
    for file in files[:MOST]:
        name = file.relative_to(run.path).as_posix()
        left -= file.stat().st_size
        if left < 0:
            left_out += 1
            continue
        content = file.read_bytes()
        if not content.startswith(_PNG):
            parts.append(note(f"{name} is not a PNG file."))
            continue
        source = Html("data:image/png;base64," + base64.b64encode(content).decode())
        image = element("img", src=source, alt=f"explanation: {name}", loading="lazy", decoding="async")
        figures.append(element("figure", image, element("figcaption", name)))
    if left_out:
        parts.append(note(f"{count(left_out, 'more picture')} in {run.path}, not embedded here."))
    return section(3, "Explanations", *parts, element("div", *figures, class_="pictures"), id=f"{key}-pictures")
