"""The page of a run's suspects: doubtful labels and near-duplicates, each with a few frames."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

from recircle.files import atomic_write, make_folder
from recircle.manifest.manifest import Manifest
from recircle.manifest.outside import leads_out
from recircle.report.gallery import FrameStrip, Place, player, read_strips
from recircle.report.markup import Html, count, element, note, percent, section
from recircle.report.page import whole_page
from recircle.suspects.duplicates import THRESHOLD
from recircle.suspects.find import Doubt, Duplicate, Suspects

Strips = Mapping[str, FrameStrip | str]

_METHOD = (
    "Labels are doubted by confident learning: a class's threshold is its mean probability over the clips that have "
    "its label, and a label is taken for wrong where the likeliest class whose threshold is reached is another. The "
    "order is that of the label's probability."
)
_DUPLICATES = (
    "Two clips are near-duplicates where 8 grey frames of 16 x 16 pixels of them differ by less than "
    f"{THRESHOLD:g} of what changes within the clip that changes less (root mean squares). Copies from another moment "
    "of a longer video are not found so."
)


def write_suspects_page(
    path: Path,
    name: str,
    found: Suspects,
    manifest: Manifest,
    *,
    most: int = 48,
    only_inside: bool = True,
    date: str | None = None,
) -> Path:
    """Write the page, and return its path.

    Args:
        path: the .html file.
        name: of the run.
        found: its suspects.
        manifest: where the clips lie.
        most: how many doubtful labels, and how many pairs, to show.
        only_inside: show no frames of clips that lie outside of the manifest's folder.
        date: what the page says of when it was made; None is now.

    Raises:
        UserError: the file cannot be written.
    """
    doubts = found.suspected[:most] or found.doubts[: min(most, 12)]
    pairs = found.duplicates[:most]
    names = {doubt.clip for doubt in doubts} | {name for pair in pairs for name in (pair.clip, pair.other)}
    strips = _strips(manifest, names, only_inside=only_inside)
    parts = [_labels(found, doubts, strips)]
    if found.compared is not None:
        parts.append(_pairs(found, pairs, strips))
    when = date or datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    above = [element("p", found.source, class_="soft")]
    make_folder(path.parent)
    atomic_write(path, whole_page(f"{name}: suspects", f"{name}: suspects, by recircle", above, parts, when))
    return path


def _strips(manifest: Manifest, names: set[str], *, only_inside: bool) -> Strips:
    places = {
        clip.name: Place(manifest.address(clip), clip, leads_out(clip.path, manifest.root))
        for clip in manifest.clips
        if clip.name in names
    }
    hidden = {name for name, place in places.items() if only_inside and place.outside}
    why = "it lies outside of its manifest's folder; --data MANIFEST shows it all the same"
    return read_strips({k: place for k, place in places.items() if k not in hidden}) | dict.fromkeys(hidden, why)


def _labels(found: Suspects, doubts: Sequence[Doubt], strips: Strips) -> Html:
    total, number = len(found.doubts), len(found.suspected)
    verb = "is" if number == 1 else "are"
    words = f"{count(number, 'label')} of {total:,} {verb} probably wrong; confident learning estimates that "
    words += f"{found.estimated:.0f} are."
    parts: list[Html] = [element("p", words)]
    if not found.all_clips:
        parts.append(note("Only clips that the run held out are looked at; recircle folds RUN predicts all of them."))
    if found.weak:
        parts.append(note(found.weak[0].upper() + found.weak[1:] + "."))
    if number > len(doubts):
        parts.append(element("p", f"The {len(doubts)} most doubtful are shown."))
    if not number:
        parts.append(
            element("p", f"None is taken for wrong; these are the {len(doubts)} with the least probable labels.")
        )
    parts.append(element("p", _METHOD, class_="legend-text"))
    if any(isinstance(strips.get(doubt.clip), FrameStrip) for doubt in doubts):
        parts.append(element("button", "Play all", type="button", class_="play-all", hidden=True))
    return section(
        2, "Doubtful labels", *parts, element("ol", *(_doubt(one, strips) for one in doubts), class_="gallery")
    )


def _doubt(doubt: Doubt, strips: Strips) -> Html:
    words = element(
        "dl",
        *(element("dt", "label"), element("dd", doubt.label, " ", element("b", percent(doubt.confidence)))),
        *(element("dt", "likelier"), element("dd", doubt.likely, " ", element("b", percent(doubt.likely_confidence)))),
        *(element("dt", "clip"), element("dd", doubt.clip, class_="path")),
    )
    return element("li", _frames(doubt.clip, f"labelled {doubt.label}, likelier {doubt.likely}", strips), words)


def _pairs(found: Suspects, pairs: Sequence[Duplicate], strips: Strips) -> Html:
    assert found.compared is not None
    train, val = found.compared
    total = len(found.duplicates)
    parts: list[Html] = [
        element("p", f"{count(total, 'pair')} between {val:,} clips to evaluate on and {train:,} to train on.")
    ]
    if total > len(pairs):
        parts.append(element("p", f"The {len(pairs)} closest are shown."))
    parts.append(element("p", _DUPLICATES, class_="legend-text"))
    cards = [_pair(pair, strips) for pair in pairs]
    return section(2, "Near-duplicates across the division", *parts, element("ol", *cards, class_="gallery"))


def _pair(pair: Duplicate, strips: Strips) -> Html:
    words = element(
        "dl",
        *(element("dt", "distance"), element("dd", element("b", f"{pair.distance:.2f}"))),
        *(element("dt", "evaluated"), element("dd", pair.label, " ", element("span", pair.clip, class_="path"))),
        *(element("dt", "trained"), element("dd", pair.other_label, " ", element("span", pair.other, class_="path"))),
    )
    first = _frames(pair.clip, f"{pair.label}, to evaluate on", strips)
    return element("li", first, _frames(pair.other, f"{pair.other_label}, to train on", strips), words)


def _frames(name: str, what: str, strips: Strips) -> Html:
    strip = strips.get(name, "it is not in the manifest")
    if isinstance(strip, str):
        return element("p", f"No frames: {strip}.", class_="no-animation")
    return player(strip, name, f"{count(strip.frames, 'frame')} of {name}, {what}")
