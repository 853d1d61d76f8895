"""What runs on this machine have measured for the networks of the tables."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recircle.arc.config import ArcConfig
from recircle.errors import UserError
from recircle.evaluation.measure import Metrics, measure
from recircle.evaluation.predictions import Predictions
from recircle.run import ModelSpec, Run
from recircle.tables.paper import Row


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One evaluation of a run.

    Attributes:
        run: its folder.
        spec: the network, its classes and its sampling.
        metrics: of the saved predictions, with their protocol.
    """

    run: Path
    spec: ModelSpec
    metrics: Metrics

    def is_of(self, row: Row) -> bool:
        """Tell whether it is what a row is about: network, variant, frames, number of classes and data set."""
        model, network = self.spec.model, row.network
        arc = None if not model.name.startswith("arc_") else model.arc or ArcConfig()
        wanted = None if not network.name.startswith("arc_") else network.options.get("arc", ArcConfig())
        return (
            (model.name, arc, model.width) == (network.name, wanted, None)
            and self.spec.sampling.frames == network.frames
            and len(self.spec.labels) == row.classes
            and self._datasets in [(name,) for name in row.data]
        )

    @property
    def _datasets(self) -> tuple[str, ...]:
        clips = self.metrics.provenance.clips
        return clips.datasets if clips is not None else ()

    def __str__(self) -> str:
        data = f", {self.metrics.data}" if self.metrics.data else ""
        return f"{self.metrics.top1}, {self.metrics.clips} clips, {self.metrics.protocol}{data} ({self.run.name})"


def find_measured(folder: Path) -> list[Measured]:
    """Read the saved predictions of all runs in a folder; what cannot be read is left out with a warning.

    Raises:
        UserError: there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give the one that holds the folders of runs")
    return list(_read(sorted(path for path in folder.iterdir() if path.is_dir())))


def _read(folders: Iterable[Path]) -> Iterable[Measured]:
    for path in folders:
        run = Run(path)
        if not run.spec_path.is_file():
            continue
        for file in sorted(run.predictions_path.glob("*.npz")):
            try:
                yield Measured(run=path, spec=run.load_spec(), metrics=measure(Predictions.load(file)))
            except UserError as error:
                warnings.warn(f"{file} is left out: {error}", stacklevel=2)
