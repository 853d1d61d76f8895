"""All that saved predictions say, in one object: for the command line, and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.calibration import Calibration, calibrate
from recircle.evaluation.comparison import PairedComparison, compare_paired
from recircle.evaluation.factors import FactorAccuracy, dive_factors, measure_factors
from recircle.evaluation.families import FamilyMetrics, measure_families
from recircle.evaluation.hierarchy import Hierarchy
from recircle.evaluation.measure import Metrics, measure
from recircle.evaluation.predictions import Predictions
from recircle.public import public


@public
@dataclass(frozen=True, kw_only=True)
class Report:
    """The metrics of an evaluation, and what else there is to say.

    Attributes:
        metrics: of all classes.
        classes: their names.
        families: where the classes have families, or a hierarchy was given.
        factors: where the classes are dives.
        calibration: where it was asked for.
        comparison: with other predictions, where they were given.
    """

    metrics: Metrics
    classes: tuple[str, ...]
    families: FamilyMetrics | None = None
    factors: tuple[FactorAccuracy, ...] | None = None
    calibration: Calibration | None = None
    comparison: PairedComparison | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the metrics, and beside them the parts that there are."""
        content: dict[str, Any] = {**self.metrics.to_dict(), "classes": self.classes}
        if self.families is not None:
            content["families"] = self.families.to_dict()
        if self.factors is not None:
            content["factors"] = [asdict(factor) for factor in self.factors]
        if self.calibration is not None:
            content["calibration"] = self.calibration.to_dict()
        if self.comparison is not None:
            content["comparison"] = self.comparison.to_dict()
        return content


def make_report(
    predictions: Predictions,
    metrics: Metrics | None = None,
    *,
    hierarchy: Hierarchy | None = None,
    against: Predictions | None = None,
    with_calibration: bool = False,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Report:
    """Return all that predictions say.

    Args:
        predictions: of labelled clips.
        metrics: of these predictions, if they are measured already.
        hierarchy: of the classes, instead of the families that are saved with the predictions.
        against: predictions of another network for the same clips.
        with_calibration: fit a temperature.
        bootstrap: of the intervals; its seed also chooses the clips to fit the temperature on.

    Raises:
        UserError: no clip has a label; `against` is of other clips or classes; a temperature cannot be fitted.
        ValueError: the hierarchy is of other classes.
    """
    grouped = hierarchy is not None or any(name in predictions.families for name in predictions.classes)
    dives = dive_factors(predictions.classes) is not None
    return Report(
        metrics=metrics or measure(predictions, bootstrap),
        classes=predictions.classes,
        families=measure_families(predictions, hierarchy, bootstrap=bootstrap) if grouped else None,
        factors=measure_factors(predictions, bootstrap) if dives else None,
        calibration=calibrate(predictions, seed=bootstrap.seed) if with_calibration else None,
        comparison=compare_paired(predictions, against, bootstrap) if against is not None else None,
    )
