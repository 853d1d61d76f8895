"""What every study's command takes, and what it does with the records."""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from benchmarks.machine import run_main
from recircle import UserError
from recircle.locks import locked
from studies.pages import write_block
from studies.results import Results
from studies.runner import Work, run_trials
from studies.trial import Trial, run_trial

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "studies"


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question put to data.

    Attributes:
        name: of its module, its result file and its page.
        about: in one line.
        trials: from the folder for data (or the data's own) to what is to be trained, the most wanted first.
        blocks: from the records to the texts of the page's marked places.
        draw: makes the pictures, in the folder of the page.
        page: name of the page that shows it, where that is another study's; "" is its own.
        work: does a trial.
        needs_data: whether --data names a data set that must be there, not a folder to be filled.
    """

    name: str
    about: str
    trials: Callable[[Path], list[Trial]]
    blocks: Callable[[Results], dict[str, str]]
    draw: Callable[[Results, Path], None] | None = None
    page: str = ""
    work: Work = run_trial
    needs_data: bool = False

    @property
    def path(self) -> Path:
        """The result file."""
        return RESULTS / f"{self.name}.json"

    def report(self, results: Results) -> None:
        """Write the tables into the page and the pictures beside it; print the tables of a study that has no page yet.

        Raises:
            UserError: the page has no place for a table.
        """
        folder = self.path.parent
        page = folder / f"{self.page or self.name}.md"
        for name, text in self.blocks(results).items():
            if page.is_file():
                write_block(page, name, text)
            else:
                print(text, end="\n\n")
        if self.draw is not None:
            self.draw(results, folder)

    def main(self) -> None:
        """Run the study's command; what the user can fix is one line, and the exit status is 2."""
        run_main(self.run)

    def run(self, arguments: Sequence[str] | None = None) -> None:
        """Do what is missing, and report.

        Args:
            arguments: of the command; None takes those of the process.

        Raises:
            UserError: the data or the result file cannot be used, another process completes it, or trials failed.
        """
        options = self._parse(arguments)
        if not options.report_only:
            lock = options.results.with_name(f".{options.results.name}.lock")
            options.results.parent.mkdir(parents=True, exist_ok=True)
            with locked(lock, f"complete {options.results}"):
                self._complete(options)
        self._show(options.results)

    def _complete(self, options: argparse.Namespace) -> None:
        fresh = Results(study=self.name, command=f"python -m studies.{self.name}")
        results = Results.read(options.results) if options.results.is_file() else fresh
        every = self.trials(options.data)
        wanted = [one for one in every if not options.only or any(fnmatchcase(one.folder, p) for p in options.only)]
        if not wanted:
            raise UserError(f"--only {' '.join(options.only)} matches no trial, such as {every[0].folder}")
        try:
            runs = options.runs / self.name
            run_trials(wanted, results, options.results, order=every, runs=runs, jobs=options.jobs, work=self.work)
        except UserError:
            # what did succeed is worth a page too
            self._show(options.results)
            raise

    def _show(self, path: Path) -> None:
        """Report, unless the result file is another one than the repository's, which the page shows."""
        if path == self.path and path.is_file():
            self.report(Results.read(path))

    def _parse(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog=f"python -m studies.{self.name}", description=self.about)
        add = parser.add_argument
        add("--data", type=Path, default=None if self.needs_data else Path("runs/studies/tabletop"), help="clips")
        add("--runs", type=Path, default=Path("runs/studies"), help="folder for the runs")
        add("--results", type=Path, default=self.path, help="result file, which is completed")
        add("--jobs", type=int, default=os.cpu_count(), help="trials at a time, each on one core")
        add("--only", nargs="+", metavar="PATTERN", help="only trials whose folders match, such as 'tsm*seed-0'")
        add("--report-only", action="store_true", help="train nothing; write the tables and pictures of what is there")
        options = parser.parse_args(arguments)
        if options.data is None and not options.report_only:
            parser.error("--data is needed: the folder of the data set")
        if options.jobs < 1:
            parser.error(f"--jobs {options.jobs}: use 1 or more")
        return options
