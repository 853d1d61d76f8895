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


def _run(run: Subject, parts: Iterable[Html]) -> Html:
    metrics = run.facts.metrics
    return section(
        2, run.facts.name, element("p", f"{metrics.data}; {metrics.protocol}", class_="soft"), *parts, id=run.key
    )


def _link(target: str, name: str) -> Html:
    return element("li", element("a", name, href=f"#{target}"))
