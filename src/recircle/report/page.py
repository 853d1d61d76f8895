"""The whole page: one file that needs nothing else, neither a network nor a script."""

from collections.abc import Iterable, Sequence

from recircle import __version__
from recircle.report.markup import Html, element, join, section
from recircle.report.script import SCRIPT
from recircle.report.sections import OVERALL_SECTIONS, RUN_SECTIONS, Subject, Subjects
from recircle.report.style import CSS

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def make_page(runs: Subjects, each: Sequence[Subject], date: str) -> str:
    """Return the page of one or more runs.

    Args:
        runs: all of them.
        each: of them alone, in the same order.
        date: when it was made; nothing else differs between two pages of the same runs.
    """
    names = [fact.name for fact in runs.facts]
    parts: list[Html] = []
    links: list[Html] = []
    for overall in OVERALL_SECTIONS:
        if made := overall.make(runs):
            parts.append(made)
            links.append(_link(overall.name, overall.title))
    for run in each:
        made = {row.name: part for row in RUN_SECTIONS if (part := row.make(run))}
        parts.append(_run(run, made.values()))
        below = element("ul", *(_link(f"{run.key}-{name}", name) for name in made))
        links.append(element("li", join([element("a", run.facts.name, href=f"#{run.key}"), below])))
    nav = element("nav", element("ul", *links), aria_label="contents")
    skip = element("a", "Skip to the summary", href="#summary", class_="skip")
    return whole_page(", ".join(names), f"{', '.join(names)}: report of recircle", [nav], parts, date, skip)


def whole_page(
    heading: str, title: str, above: Sequence[Html], parts: Sequence[Html], date: str, skip: Html | None = None
) -> str:
    """Return a page that needs no other file.

    Args:
        heading: its first line.
        title: what a browser calls it.
        above: what stands below the heading, before the content.
        parts: the content.
        date: when it was made.
        skip: a link for those who do not see the page.
    """
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
        skip,
        element("header", element("h1", heading), *above),
        element("main", *parts),
        Html(f"\n{element('footer', element('p', f'Made on {date} by recircle {__version__}.'))}\n"),
        element("script", Html(SCRIPT)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _run(run: Subject, parts: Iterable[Html]) -> Html:
    metrics = run.facts.metrics
    return section(
        2, run.facts.name, element("p", f"{metrics.data}; {metrics.protocol}", class_="soft"), *parts, id=run.key
    )


def _link(target: str, name: str) -> Html:
    return element("li", element("a", name, href=f"#{target}"))
