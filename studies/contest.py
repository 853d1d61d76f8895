"""Networks that get the same time of training: their schedules, their records, and what these say."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recircle import ArcConfig, ModelConfig, Optimiser, TrainConfig
from studies.pages import differences_table, markdown, table
from studies.pictures import curves, scatter
from studies.results import Results
from studies.step_time import Times, kept_times
from studies.summary import Difference, differences, summarise
from studies.trial import Record, Trial

MARGIN = 0.03
"""Differences that are smaller count as none, in shares of the clips."""

_NO_CLIPS = Path("clips", "manifest.csv")
"""In the place of a manifest where trainings are only named."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Networks on one data set, each trained for the epochs that take the time of a number of the host's.

    Attributes:
        name: of the study.
        prefix: of its marked places in the page.
        title: of its pictures.
        networks: what makes the training of each, from a manifest, `epochs` and what `folds` gives.
        host: the plain one of them.
        forms: its forms with cheap layers, the one that the main comparison is of first.
        whole: its form with the whole layer.
        wider: further networks that are timed; of them those are trained whose inference takes most nearly as long as
            that of one of the forms.
        budgets: epochs of the host, the main number first.
        folds: the divisions of the data, by name.
        seeds: of each division.
        times: the file of what steps take.
        other: the result file of another study, whose trainings with the same settings are taken, and as many epochs
            or one more or less. Their own steps are what the tables and pictures show. None takes no others.
    """

    name: str
    prefix: str = ""
    title: str
    networks: Mapping[str, Callable[..., TrainConfig]]
    host: str
    forms: tuple[str, ...]
    whole: str
    wider: Mapping[str, Callable[..., TrainConfig]]
    budgets: tuple[int, ...]
    folds: Mapping[str, Mapping[str, Any]]
    seeds: int
    times: Path
    other: Callable[[], Path] | None = None

    def compared(self, times: Times) -> list[str]:
        """Return the networks that are trained."""
        nearest = {
            min(self.wider, key=lambda name: abs(times.clip[name] - times.clip[form]))
            for form in self.forms
            if self.wider
        }
        return [*self.networks, *(name for name in self.wider if name in nearest)]

    def named(self, network: str, budget: int) -> str:
        """Return what a network with a budget is called."""
        return f"{network}, time of {budget} epochs"

    def trials(self, table: Path) -> list[Trial]:
        """Return what is to be trained, without what another study has done.

        Raises:
            UserError: as `studies.step_time.kept_times`.
        """
        every = {**self.networks, **self.wider}
        fold = next(iter(self.folds.values()))
        times = kept_times(self.times, {name: make(table, **fold) for name, make in every.items()})
        planned = self.plan(table, times)
        there = {record.key for record in self.elsewhere(planned)}
        return [trial for trial in planned if trial.key not in there]

    def plan(self, table: Path, times: Times) -> list[Trial]:
        """Return all trainings: the main budget first, then seed by seed, fold by fold."""
        every = {**self.networks, **self.wider}
        return [
            Trial(
                system=self.named(network, budget),
                seed=seed,
                fold=fold,
                config=every[network](table, epochs=times.epochs(network, self.host, budget), **options),
            )
            for budget in self.budgets
            for seed in range(self.seeds)
            for fold, options in self.folds.items()
            for network in self.compared(times)
        ]

    def elsewhere(self, planned: Iterable[Trial]) -> list[Record]:
        """Return the other study's records of trainings with the same settings, under the names of here."""
        path = self.other() if self.other else None
        known = Results.read(path).records if path and path.is_file() else ()
        return [
            replace(record, system=trial.system)
            for trial in planned
            for record in known
            if (record.seed, record.fold) == (trial.seed, trial.fold) and _same(record.settings, trial.config)
        ]

    def records(self, results: Results, times: Times) -> list[Record]:
        """Return all records, their seconds made of their steps and the measured time of one."""
        planned = {trial.key: trial for trial in self.plan(_NO_CLIPS, times)}
        found = {one.key: one for one in [*self.elsewhere(planned.values()), *results.records] if one.key in planned}
        return [
            replace(one, seconds=one.clips_seen / planned[key].config.batch_size * times.step[_network(one.system)])
            for key, one in found.items()
        ]

    def blocks(self, results: Results) -> dict[str, str]:
        """Return the measured times, the accuracies, the answers, and what is missing."""
        times = Times.read(self.times)
        records = self.records(results, times)
        names = self.compared(times)
        compared = [
            (form, name) for at, form in enumerate(self.forms) for name in names if name not in self.forms[: at + 1]
        ]
        pairs = [
            (self.named(one, budget), self.named(other, budget))
            for budget in sorted(self.budgets)
            for one, other in [*compared, (self.whole, self.host)]
        ]
        found = {
            "times": self._times_table(times),
            "results": table(
                summarise(records, self._systems(times)), repetitions="seeds" if len(self.folds) == 1 else "folds"
            ),
            "answers": differences_table(differences(records, pairs, "top1"), answer),
            "missing": self.missing(records, times),
        }
        return {f"{self.prefix}{place}": text for place, text in found.items()}

    def missing(self, records: Iterable[Record], times: Times) -> str:
        """Return in words which trainings have no record."""
        there = {record.key for record in records}
        planned = self.plan(_NO_CLIPS, times)
        lacking: dict[str, list[str]] = {}
        for trial in planned:
            if trial.key not in there:
                what = f"seed {trial.seed}" if len(self.folds) == 1 else f"seed {trial.seed} of {trial.fold}"
                lacking.setdefault(trial.system, []).append(what)
        if not lacking:
            return f"All {len(planned)} trainings are there."
        count = len(planned) - sum(map(len, lacking.values()))
        whole = self.seeds * len(self.folds)
        listed = "\n".join(
            f"* {system}: {f'all {whole}' if len(each) == whole else ', '.join(each)}"
            for system, each in lacking.items()
        )
        return f"{count} of {len(planned)} trainings are there. These are missing:\n\n{listed}"

    def draw(self, results: Results, folder: Path) -> None:
        """Draw the main budget against the time of inference, and, where there are more, all against training time.

        What has less than half as many trainings as others is left out: the mean of one fold would be read as one of
        all.
        """
        times = Times.read(self.times)
        every = summarise(self.records(results, times), self._systems(times))
        most = max((row.repetitions for row in every), default=0)
        rows = [row for row in every if 2 * row.repetitions >= most]
        main, *others = self.budgets
        if others:
            lines = {name: [row for row in rows if _network(row.system) == name] for name in self.compared(times)}
            curves(lines, folder / f"{self.name}_training.png", figure="top1", title=self.title)
        shown = [replace(row, system=_network(row.system)) for row in rows if row.system.endswith(self.named("", main))]
        if shown:
            clip = {name: 1e3 * seconds for name, seconds in times.clip.items()}
            title = f"{self.title}, after equal time of training"
            path = folder / f"{self.name}_inference.png"
            scatter(shown, path, figure="top1", x="clip", title=title, measured=clip)

    def _systems(self, times: Times) -> list[str]:
        return [self.named(name, budget) for budget in sorted(self.budgets) for name in self.compared(times)]

    def _times_table(self, times: Times) -> str:
        budgets = sorted(self.budgets)
        return markdown(
            ["system", "training step, ms", "x host", "one clip, ms", "x host", *(f"epochs for {b}" for b in budgets)],
            [
                [
                    name,
                    f"{1e3 * times.step[name]:.1f}",
                    f"{times.step[name] / times.step[self.host]:.2f}",
                    f"{1e3 * times.clip[name]:.2f}",
                    f"{times.clip[name] / times.clip[self.host]:.2f}",
                    *(str(times.epochs(name, self.host, budget)) for budget in budgets),
                ]
                for name in [*self.networks, *self.wider]
            ],
        )


def answer(one: Difference) -> str:
    """Return what the page says in advance that a difference means."""
    if one.low is None or one.high is None:
        return "undecided"
    if one.low > 0 or one.high < 0:
        return "win" if one.low > 0 else "loss"
    return "draw" if one.low >= -MARGIN and one.high <= MARGIN else "undecided"


def _network(system: str) -> str:
    """Return the network that `Contest.named` named."""
    return system.rpartition(", time of ")[0]


def _same(settings: dict[str, Any], config: TrainConfig) -> bool:
    """Tell whether a record is of this training, or of one with an epoch more or less.

    What the settings of an older record lack has its default.
    """
    model = dict(settings["model"])
    if model["arc"] is not None:
        model["arc"] = ArcConfig(**model["arc"])
    return (
        _spelt_out(ModelConfig(**model)) == _spelt_out(config.model)
        and abs(settings["epochs"] - config.epochs) <= 1
        and settings["batch_size"] == config.batch_size
        and Optimiser(**settings["optimiser"]) == config.optimiser
        and settings.get("one_resample", False) == config.data.augmentation.one_resample
    )


def _spelt_out(model: ModelConfig) -> ModelConfig:
    """Return the same network, its ARC layers named where they are the default."""
    return replace(model, arc=ArcConfig()) if model.name.startswith("arc_") and model.arc is None else model
