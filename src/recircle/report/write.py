"""From folders of runs to a page in a file."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.files import atomic_write, make_folder
from recircle.report.facts import Facts, read_facts
from recircle.report.page import make_page
from recircle.report.sections import Subject, Subjects


def write_report(
    runs: Sequence[Path],
    output: Path | None = None,
    *,
    predictions: str | None = None,
    data: Path | None = None,
    clips: int | None = 12,
    timed: bool = False,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    date: str | None = None,
) -> Path:
    """Write one HTML page about runs, which needs no other file and no network; return its path.

    Args:
        runs: their folders, each with saved predictions.
        output: the file; None is report.html in the first run's folder.
        predictions: the name of the predictions, RUN/predictions/NAME.npz; None takes the newest of each run.
        data: the manifest that the clips are in now; None is the one that was evaluated, of which then only clips in
            its folder are shown.
        clips: how many of the most confidently wrong clips to show; None names 12 without showing their frames.
        timed: measure how fast the networks are on this machine.
        bootstrap: of the intervals.
        date: what the page says of when it was made; None is now.

    Raises:
        UserError: there is no run or no predictions in it, a file is damaged, or the page cannot be written.
    """
    facts = read_facts(runs, predictions=predictions, timed=timed, bootstrap=bootstrap)
    each = [
        Subject(
            facts=fact,
            key=f"run{number}",
            manifests=[data] if data is not None else manifests_of(fact),
            clips=clips,
            only_inside=data is None,
        )
        for number, fact in enumerate(facts, 1)
    ]
    when = date or datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    page = make_page(Subjects(facts=facts, bootstrap=bootstrap), each, when)
    path = output if output is not None else facts[0].run.path / "report.html"
    make_folder(path.parent)
    atomic_write(path, page)
    return path


def manifests_of(fact: Facts) -> list[Path]:
    """Return the manifests that the clips of a run's predictions may be in: the one evaluated, and that of training."""
    clips = fact.predictions.provenance.clips
    evaluated = clips.manifest if clips is not None else None
    section = fact.config.get("data")
    trained = section.get("manifest") if isinstance(section, dict) else None
    return [Path(path) for path in (evaluated, trained) if isinstance(path, str) and path]
