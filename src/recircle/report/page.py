"""The whole page: one file that needs nothing else, neither a network nor a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recircle import __version__
from recircle.report.classes import classes_section, siblings_section
from recircle.report.confusion import confusion_section
from recircle.report.counts import Counts
from recircle.report.curves import curves_section
from recircle.report.facts import Facts
from recircle.report.gallery import Failure, FrameStrip, gallery_section
from recircle.report.markup import Html, element, join, section
from recircle.report.paired import paired_section
from recircle.report.pictures import pictures_section
from recircle.report.reliability import reliability_section
from recircle.report.script import SCRIPT
from recircle.report.style import CSS
from recircle.report.summary import summary_section

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """The clips that a run is most confidently wrong about.

    Attributes:
        failures: the clips.
        strips: their frames; None shows none.
        why: why some are missing.
    """

    failures: Sequence[Failure]
    strips: dict[str, FrameStrip | str] | None
    why: str = ""


def make_page(
    facts: Sequence[Facts],
    galleries: Sequence[Gallery],
    pictures: Sequence[Sequence[Path]],
    *,
    date: str,
    resamples: int = 1000,
    seed: int = 0,
) -> str:
    """Return the page of one or more runs.

    Args:
        facts: of each run.
        galleries: likewise.
        pictures: likewise, PNG files that explain it.
        date: when it was made; nothing else differs between two pages of the same runs.
        resamples: bootstrap resamples of the paired differences.
        seed: of the resamples.
    """
    names = [fact.name for fact in facts]
    parts = [summary_section(facts)]
    links = [_link("summary", "Summary")]
    if len(facts) > 1:
        parts.append(paired_section([(fact.name, fact.predictions) for fact in facts], resamples=resamples, seed=seed))
        links.append(_link("paired", "Paired comparison"))
    parts.append(curves_section({fact.name: fact.journal for fact in facts}))
    links.append(_link("training", "Training"))
    for number, (fact, gallery, files) in enumerate(zip(facts, galleries, pictures)):
        key = f"run{number + 1}"
        parts.append(_run(fact, gallery, files, key))
        links.append(_run_links(fact.name, key, pictures=bool(files)))
    title = f"{', '.join(names)}: report of recircle"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="generator", content=f"recircle {__version__}"),
        element("title", title),
        element("style", Html(CSS)),
    )
    body = element(
        "body",
        element("a", "Skip to the summary", href="#summary", class_="skip"),
        element(
            "header", element("h1", ", ".join(names)), element("nav", element("ul", *links), aria_label="contents")
        ),
        element("main", *parts),
        Html(f"\n{element('footer', element('p', f'Made on {date} by recircle {__version__}.'))}\n"),
        element("script", Html(SCRIPT)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _run(fact: Facts, gallery: Gallery, files: Sequence[Path], key: str) -> Html:
    counts = Counts.of(fact.predictions)
    return section(
        2,
        fact.name,
        element("p", f"{fact.metrics.data}; {fact.metrics.protocol}", class_="soft"),
        siblings_section(counts, fact.families, fact.factors, key),
        classes_section(counts, key),
        confusion_section(counts, key),
        reliability_section(fact.predictions, fact.calibration, key),
        gallery_section(gallery.failures, gallery.strips, gallery.why, key),
        pictures_section(fact.run, files, key),
        id=key,
    )


def _link(target: str, name: str) -> Html:
    return element("li", element("a", name, href=f"#{target}"))


def _run_links(name: str, key: str, *, pictures: bool) -> Html:
    sections = ["siblings", "classes", "confusion", "reliability", "gallery", *(["pictures"] if pictures else [])]
    below = element("ul", *(_link(f"{key}-{part}", part) for part in sections))
    return element("li", join([element("a", name, href=f"#{key}"), below]))
