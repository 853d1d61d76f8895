"""Whether a network needs the order of the frames: its accuracy on frames that are shuffled, reversed, or one alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from recircle.evaluation.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from recircle.evaluation.comparison import PairedComparison, compare_paired
from recircle.evaluation.estimate import Estimate
from recircle.evaluation.evaluate import DEFAULT_LOADING, evaluate
from recircle.evaluation.forward import Forward
from recircle.evaluation.measure import Metrics
from recircle.evaluation.order import Order
from recircle.evaluation.predict import Progress
from recircle.evaluation.protocol import Protocol
from recircle.loading.options import Loading
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
    manifest: Path | None = None,
    split: str | None = None,
    protocol: Protocol | None = None,
    skip_broken: bool = False,
    loading: Loading = DEFAULT_LOADING,
    forward: Forward | None = None,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    progress: Progress | None = None,
) -> tuple[Metrics, tuple[OrderAccuracy, ...]]:
    """Evaluate a run on frames as they are, then in each of the orders.

    A network that learned motion loses accuracy on shuffled frames and falls to what one frame tells on a single one;
    classes that are each other's reverse change places when frames are reversed. The network was not trained on such
    frames, so a loss also holds what they upset, and does not say what could be learned from them (Huang et al., "What
    Makes a Video a Video", CVPR 2018).

    Clips are decoded anew for each order.

    Args:
        run: the trained run.
        orders: to try.
        manifest: as for `evaluate`, like what follows, and the same for all orders.
        split: see `evaluate`.
        protocol: see `evaluate`.
        skip_broken: see `evaluate`.
        loading: see `evaluate`.
        forward: how the network is run, but for the order.
        bootstrap: of the intervals of metrics and changes.
        progress: called as by `evaluate`, from the first clip on for each order.

    Returns:
        The metrics of the frames as they are, and the accuracy in each of the orders.

    Raises:
        UserError: as for `evaluate`.
    """
    forward = replace(forward or Forward(), order="as is")
    evaluated = partial(
        evaluate,
        run,
        manifest=manifest,
        split=split,
        protocol=protocol,
        skip_broken=skip_broken,
        loading=loading,
        bootstrap=bootstrap,
        progress=progress,
    )
    normal, metrics = evaluated(forward=forward)
    results: list[OrderAccuracy] = []
    for order in orders:
        predictions, changed = evaluated(forward=replace(forward, order=order))
        change = compare_paired(predictions, normal, bootstrap)
        results.append(OrderAccuracy(order=order, metrics=changed, change=change))
    return metrics, tuple(results)
