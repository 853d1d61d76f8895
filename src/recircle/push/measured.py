"""What a card says of how good a network is, from the predictions that the run has."""

from dataclasses import dataclass

from recircle.checksums import sha256_of
from recircle.errors import UserError
from recircle.evaluation.families import FamilyMetrics
from recircle.evaluation.lines import figures
from recircle.evaluation.measure import Metrics, measure
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.report import Report, make_report
from recircle.models.cost import Cost
from recircle.report.facts import cost_of, find_predictions
from recircle.run import ModelSpec, Run


@dataclass(frozen=True, kw_only=True)
class Measured:
    """An evaluation.

    Attributes:
        report: the figures and what else there is to say.
        views: of a clip.
        left_out: clips that could not be decoded.
        shuffled: the same with the frames of each clip in random order, where it was measured.
        digest: SHA-256 of the file of the predictions.
    """

    report: Report
    views: int
    left_out: int
    shuffled: Metrics | None
    digest: str

    @property
    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Each figure with its interval, chance and protocol, as words."""
        metrics = self.report.metrics
        return [
            (
                title,
                f"{100 * figure.value:.1f}",
                f"{100 * figure.low:.1f} to {100 * figure.high:.1f}",
                f"{100 * chance:.1f}",
                metrics.protocol,
            )
            for title, figure, chance in figures(self.report)
        ]

    @property
    def families(self) -> FamilyMetrics | None:
        """Of the mistakes, where the classes have families."""
        return self.report.families

    @property
    def data(self) -> str:
        """Which clips these are, in words that name no place on a disk."""
        clips = self.report.metrics.provenance.clips
        if clips is None:
            return "clips of its own"
        return f"{', '.join(clips.datasets) or 'clips of its own'}, {clips.part}"


def read_measured(run: Run, spec: ModelSpec, name: str | None = None) -> Measured | None:
    """Return the evaluation of a run; None where it has none.

    Args:
        run: the run.
        spec: of its network.
        name: of the predictions, RUN/predictions/NAME.npz; None takes the newest.

    Raises:
        UserError: there are no predictions of that name, they are damaged, or of other classes.
    """
    if name is None and not any(run.predictions_path.glob("*.npz")):
        return None
    file = find_predictions(run, name)
    predictions = Predictions.load(file)
    if predictions.classes != spec.labels:
        raise UserError(f"{file} is not of the classes of {run.path}; evaluate it again with `recircle eval`")
    other = file.parent / "shuffled" / file.name
    return Measured(
        report=make_report(predictions),
        views=predictions.logits.shape[1],
        left_out=len(predictions.left_out),
        shuffled=measure(Predictions.load(other)) if other.is_file() else None,
        digest=sha256_of(file),
    )


def view_cost(spec: ModelSpec, measured: Measured | None) -> Cost | None:
    """Return the cost of one view, of those evaluated or else of training's; None where nothing builds the network."""
    return cost_of(spec, None if measured is None else measured.report.metrics.provenance)
