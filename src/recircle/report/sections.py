"""The table of the page's sections: a section more is a row here and the module that makes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.report.classes import classes_section, siblings_section
from recircle.report.confusion import confusion_section
from recircle.report.counts import Counts
from recircle.report.curves import curves_section
from recircle.report.facts import Facts
from recircle.report.gallery import find_gallery, gallery_section
from recircle.report.markup import Html
from recircle.report.paired import paired_section
from recircle.report.pictures import find_pictures, pictures_section
from recircle.report.reliability import reliability_section
from recircle.report.summary import summary_section


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """What a section of all runs may show.

    Attributes:
        facts: of each run, at least one.
        bootstrap: of what is compared.
    """

    facts: Sequence[Facts]
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a section of one run may show.

    Attributes:
        facts: of the run.
        key: of the run; the id of each of its sections is `key-name`.
        manifests: files that may say where its clips lie.
        clips: of how many clips to show frames; None names some without showing any.
        only_inside: show no frames of clips that lie outside of their manifest's folder. Where the run itself names the
            manifest, both may be a stranger's, and a page that is passed on must show no other files of its maker.
    """

    facts: Facts
    key: str
    manifests: Sequence[Path] = ()
    clips: int | None = None
    only_inside: bool = True

    @cached_property
    def counts(self) -> Counts:
        """The labelled clips, counted."""
        return Counts.of(self.facts.predictions)


@dataclass(frozen=True)
class OverallSection:
    """A section of all runs.

    Attributes:
        name: its id.
        title: its link in the contents.
        make: returns it; an empty one is left out, with its link.
    """

    name: str
    title: str
    make: Callable[[Subjects], Html]


@dataclass(frozen=True)
class RunSection:
    """A section of each run.

    Attributes:
        name: its link in the contents, and its id after the key of the run.
        make: returns it; an empty one is left out, with its link.
    """

    name: str
    make: Callable[[Subject], Html]


def _paired(runs: Subjects) -> Html:
    if len(runs.facts) == 1:
        return Html()
    named = [(fact.name, fact.predictions) for fact in runs.facts]
    return paired_section(named, runs.bootstrap)


def _gallery(run: Subject) -> Html:
    failures, strips, why = find_gallery(run.facts.predictions, run.manifests, run.clips, only_inside=run.only_inside)
    return gallery_section(failures, strips, why, run.key)


OVERALL_SECTIONS: tuple[OverallSection, ...] = (
    OverallSection("summary", "Summary", lambda runs: summary_section(runs.facts)),
    OverallSection("paired", "Paired comparison", _paired),
    OverallSection("training", "Training", lambda runs: curves_section({f.name: f.log for f in runs.facts})),
)
"""In the order of the page, before the runs."""

RUN_SECTIONS: tuple[RunSection, ...] = (
    RunSection("siblings", lambda run: siblings_section(run.counts, run.facts.families, run.facts.factors, run.key)),
    RunSection("classes", lambda run: classes_section(run.counts, run.key)),
    RunSection("confusion", lambda run: confusion_section(run.counts, run.key)),
    RunSection("reliability", lambda run: reliability_section(run.facts.predictions, run.facts.calibration, run.key)),
    RunSection("gallery", _gallery),
    RunSection("pictures", lambda run: pictures_section(run.facts.run, find_pictures(run.facts.run), run.key)),
)
"""In the order of the page, for each run."""
