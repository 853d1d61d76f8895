"""The page of a video over time: it plays, and its scores and segments go along."""

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from recircle import __version__
from recircle.files import atomic_write, make_folder
from recircle.report.markup import Html, element, note, section, table
from recircle.report.style import CSS
from recircle.report.timeline_script import SCRIPT
from recircle.report.timeline_style import CSS as OWN_CSS
from recircle.timelines.segments import Segment, Segmentation
from recircle.timelines.timeline import Timeline

EMBEDDED = 2**23
"""Bytes up to which a video is inside the page; a larger one stays where it is, and the page names it."""

COLOURS = 5
"""Classes that have a colour of their own; all others share the grey that comes after these."""

MOST_CLASSES = 40
"""Classes whose scores are in the page."""

# what browsers play, by the ending of the name
_PLAYED = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mov": "video/mp4", ".ogv": "video/ogg"}
_POLICY = (
    "default-src 'none'; img-src data:; media-src data: file: http: https:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)


@dataclass(frozen=True)
class Player:
    """Where the page takes the video from.

    Attributes:
        address: of the video; empty where browsers do not play it.
        remark: about that, in words.
    """

    address: str
    remark: str = ""


def find_player(video: Path, page: Path, embedded: int = EMBEDDED) -> Player:
    """Return where a page at a path takes its video from.

    Args:
        video: the file.
        page: the path of the page.
        embedded: bytes up to which it is put into the page.
    """
    kind = _PLAYED.get(video.suffix.lower())
    if kind is None or not video.is_file():
        what = f"files of the kind {video.suffix}" if video.is_file() else "folders of frames"
        return Player("", f"Browsers do not play {what}, so the page shows the scores without the video.")
    if video.stat().st_size <= embedded:
        return Player(f"data:{kind};base64,{base64.b64encode(video.read_bytes()).decode()}")
    relative = os.path.relpath(video.absolute(), page.absolute().parent)
    return Player(quote(Path(relative).as_posix()), f"The page plays {relative}, which has to stay where it is.")


def write_timeline_page(
    path: Path,
    timeline: Timeline,
    segments: Sequence[Segment],
    rules: Segmentation,
    *,
    true: Sequence[Segment] | None = None,
    date: str,
    embedded: int = EMBEDDED,
) -> None:
    """Write the page of a video: one file, but for a large video, which it names by its relative path.

    Args:
        path: of the page; its folder is made.
        timeline: the scores.
        segments: of them.
        rules: how they came about.
        true: what is true, shown below; None where it is not known.
        date: when the page was made.
        embedded: bytes up to which the video is put into the page.

    Raises:
        UserError: the file cannot be written.
    """
    make_folder(path.parent)
    player = find_player(Path(timeline.video), path, embedded)
    atomic_write(path, make_timeline_page(timeline, segments, rules, player, true=true, date=date))


def make_timeline_page(
    timeline: Timeline,
    segments: Sequence[Segment],
    rules: Segmentation,
    player: Player,
    *,
    true: Sequence[Segment] | None = None,
    date: str = "",
) -> str:
    """Return the page; see `write_timeline_page`."""
    name = Path(timeline.video).name
    chosen = _chosen(timeline, segments, true)
    colours = {label: min(number, COLOURS) for number, label in enumerate(chosen)}
    parts: list[object] = [_facts(timeline, rules)]
    parts += [note(remark) for remark in timeline.notes]
    if player.address:
        parts.append(element("video", src=player.address, controls=True, preload="metadata", playsinline=True))
        parts.append(element("p", "This browser cannot play the video.", class_="note unplayable", hidden=True))
    if player.remark:
        parts.append(element("p", player.remark, class_="soft"))
    parts.append(element("p", class_="now", aria_live="off"))
    parts.append(_strip("recognised", segments, timeline.seconds, colours, slider=True))
    if true is not None:
        parts.append(_strip("true", true, timeline.seconds, colours))
    parts.append(_key(chosen))
    parts.append(_scores(rules))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="generator", content=f"recircle {__version__}"),
        element("title", f"{name}: timeline of recircle"),
        element("style", Html(CSS + OWN_CSS)),
    )
    body = element(
        "body",
        element("header", element("h1", name)),
        element("main", element("div", *parts, class_="watch"), _list(segments)),
        Html(f"\n{element('footer', element('p', f'Made on {date} by recircle {__version__}.'))}\n"),
        element("script", _data(timeline, segments, rules, chosen, colours), type="application/json", id="data"),
        element("script", Html(SCRIPT)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _chosen(timeline: Timeline, segments: Sequence[Segment], true: Sequence[Segment] | None) -> list[str]:
    """Return the classes that are drawn, those that last longest first; of few, also those that score best."""
    lasting: dict[str, float] = {}
    for segment in (*segments, *(true or ())):
        lasting[segment.label] = lasting.get(segment.label, 0.0) + segment.seconds
    found = sorted(lasting, key=lambda label: -lasting[label])[:MOST_CLASSES]
    if len(timeline):
        best = np.nan_to_num(timeline.probabilities).max(0)
        others = [timeline.labels[n] for n in np.argsort(-best, kind="stable") if timeline.labels[n] not in found]
        found += others[: max(0, 3 - len(found))]
    return found


def _facts(timeline: Timeline, rules: Segmentation) -> Html:
    words = (
        f"{len(timeline):,} windows of {timeline.window:g} s, each {timeline.stride:g} s, over "
        f"{_clock(timeline.seconds)}; {rules}; {timeline.provenance.protocol_words}"
    )
    return element("p", words, class_="soft")


def _strip(
    title: str, segments: Sequence[Segment], seconds: float, colours: dict[str, int], *, slider: bool = False
) -> Html:
    """Return all segments in the length of the video."""
    bars = [
        element(
            "rect",
            element("title", f"{segment.label}, {_clock(segment.start)} to {_clock(segment.end)}"),
            x=f"{segment.start / seconds:.6f}",
            y=0,
            width=f"{segment.seconds / seconds:.6f}",
            height=1,
            class_=f"segment c{colours.get(segment.label, COLOURS)}",
        )
        for segment in segments
    ]
    svg = element(
        "svg",
        element("rect", x=0, y=0, width=1, height=1, class_="ground"),
        *(Html(bar) for bar in bars),
        element("rect", x=0, y=0, width=0, height=1, class_="seen"),
        element("line", x1=0, x2=0, y1=0, y2=1, class_="cursor"),
        viewBox="0 0 1 1",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"segments, {title}",
    )
    keys = {}
    if slider:
        keys = {
            "role": "slider",
            "tabindex": 0,
            "aria_label": "time",
            "aria_valuemin": 0,
            "aria_valuemax": f"{seconds:.1f}",
            "aria_valuenow": 0,
        }
    strip = element("div", svg, class_="strip" if slider else "strip thin", **keys)
    return element("div", element("p", title, class_="row-title"), strip)


def _key(chosen: Sequence[str]) -> Html:
    names = [*chosen[:COLOURS], *(["other classes"] if len(chosen) > COLOURS else [])]
    items = [
        element("li", element("span", class_=f"key c{number}", aria_hidden="true"), name)
        for number, name in enumerate(names)
    ]
    return element("ul", *items, class_="legend legend-text")


def _scores(rules: Segmentation) -> Html:
    threshold = f"; the dashed line is the threshold, {rules.threshold:g}" if rules.threshold else ""
    title = element("p", f"probabilities around the moment that is shown{threshold}", class_="row-title")
    buttons = [
        element("button", words, type="button", data_by=factor) for words, factor in (("closer", 0.5), ("wider", 2))
    ]
    canvas = element("canvas", class_="detail", role="img", aria_label="probabilities over time; click to go there")
    return element("div", title, canvas, element("div", *buttons, class_="zoom"), data_scripted=True, hidden=True)


def _list(segments: Sequence[Segment]) -> Html:
    if not segments:
        return section(2, "Segments", element("p", "Nothing was recognised with these rules."))
    repeated = any(segment.repetitions for segment in segments)
    rows = [_row(segment, repeated=repeated) for segment in segments]
    head = ["from", "to", "class", "mean probability", *(["repetitions", "period, s"] if repeated else [])]
    made = table(f"{len(segments)} segments", head, rows, text=(0, 2))
    return section(2, "Segments", element("div", made, class_="segments"))


def _row(segment: Segment, *, repeated: bool) -> list[object]:
    start = element("button", _clock(segment.start), type="button")
    cells: list[object] = [start, _clock(segment.end), segment.label, f"{100 * segment.score:.0f} %"]
    if repeated:
        found = segment.repetitions
        cells += [f"{found.count:.1f}", f"{found.period:.2f}"] if found else ["", ""]
    return cells


def _data(
    timeline: Timeline,
    segments: Sequence[Segment],
    rules: Segmentation,
    chosen: Sequence[str],
    colours: dict[str, int],
) -> Html:
    columns = [timeline.labels.index(label) for label in chosen if label in timeline.labels]
    shares = np.nan_to_num(timeline.probabilities[:, columns])
    values = {
        "seconds": round(timeline.seconds, 3),
        "times": timeline.middles.round(3).tolist(),
        "names": [timeline.labels[column] for column in columns],
        "colours": [colours[timeline.labels[column]] for column in columns],
        "scores": (1000 * shares).round().astype(int).T.tolist(),
        "threshold": rules.threshold,
        "segments": [[round(s.start, 3), round(s.end, 3), s.label, round(s.score, 3)] for s in segments],
    }
    # so that no name ends the element
    return Html(json.dumps(values, separators=(",", ":")).replace("<", "\\u003c"))


def _clock(seconds: float) -> str:
    """Return 1:02:03.4."""
    tenths = round(10 * seconds)
    hours, minutes = tenths // 36_000, tenths // 600 % 60
    lead = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{lead}:{tenths // 10 % 60:02}.{tenths % 10}"
