"""Whether a network needs the order of the frames: its accuracy on frames that are shuffled, reversed, or one alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.comparison import PairedComparison, compare_paired
from recircle.evaluation.estimate import Estimate
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.forward import Forward
from recircle.evaluation.measure import Metrics
from recircle.evaluation.order import Order
from recircle.run import Run


@dataclass(frozen=True, kw_only=True)
class OrderAccuracy:
    """A run on frames in another order, beside the same run on frames as they are.

    Attributes:
        order: of the frames.
        metrics: of the run on them.
        change: paired comparison with the frames as they are; its difference is below 0 where the order matters, and
            its gains name the classes it matters for.
    """

    order: Order
    metrics: Metrics
    change: PairedComparison

    @property
    def accuracy(self) -> Estimate:
        """Top-1, with its interval."""
        return self.metrics.top1


def temporal_sanity(
    run: Run,
    *,
    orders: Sequence[Order] = ("shuffled", "reversed", "single"),
    forward: Forward | None = None,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    **options: Any,
) -> tuple[Metrics, tuple[OrderAccuracy, ...]]:
    """Evaluate a run on frames as they are, then in each of the orders.

    A network that learned motion loses accuracy on shuffled frames and falls to what one frame tells on a single one;
    classes that are each other's reverse change places when frames are reversed. The network was not trained on such
    frames, so a loss also holds what they upset, and does not say what could be learned from them (Huang et al., "What
    Makes a Video a Video", CVPR 2018).

    Args:
        run: the trained run.
        orders: to try.
        forward: how the network is run, but for the order; None as for `evaluate`.
        bootstrap: of the intervals of metrics and changes.
        **options: of `evaluate`, the same for all; clips are decoded anew for each order.

    Returns:
        The metrics of the frames as they are, and the accuracy in each of the orders.

    Raises:
        UserError: as for `evaluate`.
    """
    forward = replace(forward or Forward(), order="as is")
    normal, metrics = evaluate(run, forward=forward, bootstrap=bootstrap, **options)
    results: list[OrderAccuracy] = []
    for order in orders:
        predictions, changed = evaluate(run, forward=replace(forward, order=order), bootstrap=bootstrap, **options)
        change = compare_paired(predictions, normal, bootstrap)
        results.append(OrderAccuracy(order=order, metrics=changed, change=change))
    return metrics, tuple(results)
