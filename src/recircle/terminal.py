"""Text on a terminal: what comes from files and names cannot steer it, and is shown as it is written."""

import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

UNSEEN = (
    "\x00-\x1f\x7f-\x9f"  # C0 and C1: escape sequences, line ends, tabs, backspaces
    "\xad\u061c\u180e\u200b\u200e\u200f\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # without a width
    "\u2028-\u202e"  # line ends of Unicode, and what reverses the order of letters
    "\ud800-\udfff"  # bytes of file names that are not UTF-8
)
"""Characters that move the cursor, hide, or reorder text, as the inside of a character class of `re`."""
_UNSEEN = re.compile(f"[{UNSEEN}]")
_UNSEEN_IN_LINES = re.compile(f"(?!\n)[{UNSEEN}]")


def visible(text: object) -> str:
    r"""Return a text in which each character that cannot be seen is spelt as in Python, such as `\x1b`, `\n`, `\udcff`.

    Joiners of emoji and of Persian or Indian scripts stay, since they belong to words there.
    """
    return _UNSEEN.sub(_spell, str(text))


def visible_lines(text: str) -> str:
    """Return a text as `visible` does, but with its line ends, which must be ours."""
    return _UNSEEN_IN_LINES.sub(_spell, text)


def _spell(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


class SafeConsole(Console):
    r"""A console that prints each string as one line, made `visible`, and takes nothing in it for markup or an emoji.

    Several strings with `sep="\\n"` are several lines. It leaves it to the caller what happens when the reader of the
    output has gone (BrokenPipeError), and lines to the terminal to wrap.
    """

    def __init__(self, *, soft_wrap: bool = True, **settings: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, soft_wrap=soft_wrap, **settings)

    def render_str(self, text: str, **settings: Any) -> Text:
        """Return the text of a string; also those in tables come this way."""
        return super().render_str(visible(text), **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is printed of anything; what did not come as a string is made visible here."""
        for segment in super().render(renderable, options):
            if segment.control or not _UNSEEN_IN_LINES.search(segment.text):
                yield segment
            else:
                yield Segment(visible_lines(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Let the caller end."""
        raise BrokenPipeError
