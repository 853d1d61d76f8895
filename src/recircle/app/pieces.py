"""Pieces of the page as HTML: pictures lie in it, so that no file is left for them; text of others is escaped."""

from base64 import b64encode
from collections.abc import Iterator
from html import escape

from recircle.app.answers import Looked, OverTime, Recognised
from recircle.terminal import visible


def sentence(text: str, *, fault: bool = False) -> str:
    """Return a paragraph, which is read out at once if it tells a fault."""
    role = ' role="alert" class="fault"' if fault else ""
    return f"<p{role}>{escape(visible(text))}</p>"


def picture(content: bytes, kind: str, words: str) -> str:
    """Return an image that lies in the page, with words for those who do not see it."""
    data = b64encode(content).decode("ascii")
    return f'<img src="data:image/{kind};base64,{data}" alt="{escape(visible(words))}">'


def said(found: Recognised, model: str) -> str:
    """Return in small print which network answered, and how."""
    lasts = f"{found.seconds:.1f} s, " if found.seconds else ""
    return f"<p class='small'>{escape(lasts + found.recognition.protocol)}<br>{escape(visible(model))}</p>"


def where(found: Looked) -> str:
    """Return the moving class activation map."""
    return sentence(found.found) + picture(found.activation, "webp", f"class activation map: {found.found}")


def states(found: Looked) -> str:
    """Return the states of ARC layers, or a sentence where there are none."""
    if not found.states:
        return sentence("This network has no ARC layer whose state evolves.")
    return "".join(_states(found))


def when(found: OverTime | None, window: float | None) -> str:
    """Return what happens when, or a sentence where the clip has no timeline."""
    if window is None:
        return sentence(
            "It is not known how long the clips were that this run was trained on, so there is no timeline; start the "
            "page with --window SECONDS."
        )
    if found is None:
        return sentence(f"The clip is about as long as one window of {window:g} s, so there is no timeline.")
    rows = "".join(
        f"<tr><td>{one.start:.1f}</td><td>{one.end:.1f}</td><td>{escape(visible(one.label))}</td>"
        f"<td>{100 * one.score:.0f}</td></tr>"
        for one in found.segments
    )
    head = "<tr><th>from, s</th><th>to, s</th><th>class</th><th>mean, %</th></tr>"
    table = f"<div class='scroll'><table>{head}{rows}</table></div>" if rows else sentence("No class is sure anywhere.")
    return picture(found.picture, "png", "probabilities over time") + table


def _states(found: Looked) -> Iterator[str]:
    for layer, content in found.states:
        yield f"<h4>{escape(layer)}</h4>" + picture(content, "png", f"states of {layer}, step by step")
