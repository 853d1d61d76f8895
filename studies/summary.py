"""What the records of a study say: means over repetitions, differences of systems, and how sure they are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from recircle.evaluation.comparison import McNemarForm, mcnemar
from studies.trial import Record

Figure = Literal["top1", "inside"]

LEVEL = 0.95
"""Of all intervals."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A mean over repetitions and its 95 % Student-t interval, as shares in [0, 1].

    The interval is not cut at 0 and 1. Over seeds it holds for the seeds of training on these clips; over folds, which
    share training clips, it is a little too narrow.

    Attributes:
        mean: of the values.
        low: lower end of the interval; None where there is one value only.
        high: upper end.
        values: one for each repetition.
    """

    mean: float
    low: float | None
    high: float | None
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the spread of one value or more."""
        low, high = _t_interval(values)
        return cls(mean=fmean(values), low=low, high=high, values=tuple(values))

    def __str__(self) -> str:
        return _percent(self.mean, self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One system of a study.

    Attributes:
        system: its name.
        arc: whether the network has ARC layers.
        repetitions: number of its records.
        top1: share of the test clips whose class scores best.
        inside: the same among the classes of the true family; None where a record has no such figure.
        params: number of parameters.
        gmacs: billions of multiply-adds of a view.
        seconds: of training, the median.
        clips_seen: in training, the median.
    """

    system: str
    arc: bool
    repetitions: int
    top1: Spread
    inside: Spread | None
    params: int
    gmacs: float
    seconds: float
    clips_seen: float

    @property
    def clips_per_second(self) -> float:
        """Of training."""
        return self.clips_seen / self.seconds


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much better one system is than another, over the repetitions that both have.

    Attributes:
        system: the one.
        against: the other.
        figure: which is compared.
        mean: of the differences, above 0 where the system is better.
        low: lower end of the paired 95 % Student-t interval; None where there is one pair only.
        high: upper end.
        pairs: number of repetitions that both have.
        p_value: of the two-sided paired t-test; None where there is one pair only. Where all differences are the same
            it takes its limit: 1 if they are 0, and 0 if not.
    """

    system: str
    against: str
    figure: Figure
    mean: float
    low: float | None
    high: float | None
    pairs: int
    p_value: float | None

    def __str__(self) -> str:
        interval = "" if self.low is None or self.high is None else f" [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"
        return f"{100 * self.mean:+.1f}{interval}"


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """The accuracy on the test clips of all folds together.

    Attributes:
        accuracy: mean over the seeds of the share of right clips.
        low: lower end of its 95 % Wilson interval, which holds for the choice of clips. Every clip counts once, however
            many seeds there are, so with several the interval is a little too wide.
        high: upper end.
        clips: of all folds.
        seeds: number of networks for each fold.
    """

    accuracy: float
    low: float
    high: float
    clips: int
    seeds: int

    def __str__(self) -> str:
        return _percent(self.accuracy, self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class PooledComparison:
    """McNemar's test on the test clips of all folds that two systems share.

    Attributes:
        clips: of these folds.
        only_here: clips that only the system gets right.
        only_there: clips that only the other gets right.
        p_value: two-sided.
        test: how it is computed.
    """

    clips: int
    only_here: int
    only_there: int
    p_value: float
    test: McNemarForm


@dataclass(frozen=True, kw_only=True)
class RankAgreement:
    """Whether variants come in the published order.

    Attributes:
        spearman: rank correlation of the means with the published figures; 0 where all means are equal.
        kendall: tau-b, likewise.
        low: lower end of the 95 % bootstrap interval of `spearman`; None where there is one seed only.
        high: upper end.
        variants: that both sides have.
    """

    spearman: float
    kendall: float
    low: float | None
    high: float | None
    variants: tuple[str, ...]


def summarise(records: Sequence[Record], systems: Sequence[str] | None = None) -> tuple[Row, ...]:
    """Return a row for each system.

    Args:
        records: of a study.
        systems: which, in this order; those without a record are left out. None takes all, as they first appear.
    """
    wanted = dict.fromkeys(record.system for record in records) if systems is None else systems
    groups = [[record for record in records if record.system == system] for system in wanted]
    return tuple(_row(group) for group in groups if group)


def difference(records: Sequence[Record], system: str, against: str, figure: Figure) -> Difference:
    """Compare two systems on the seeds and folds that both have.

    Args:
        records: of a study.
        system: the one that may be better.
        against: the one that it is compared with.
        figure: top-1, or top-1 among the classes of the true family.

    Raises:
        ValueError: there are no such pairs.
    """
    here, there = _by_repetition(records, system), _by_repetition(records, against)
    pairs = [(here[key], there[key]) for key in here if key in there]
    found = [(getattr(one, figure), getattr(other, figure)) for one, other in pairs]
    differences = [one - other for one, other in found if one is not None and other is not None]
    if not differences:
        raise ValueError(_why_no_pairs(here, there, system, against, figure))
    low, high = _t_interval(differences)
    return Difference(
        system=system,
        against=against,
        figure=figure,
        mean=fmean(differences),
        low=low,
        high=high,
        pairs=len(differences),
        p_value=_t_test(differences),
    )


def differences(records: Sequence[Record], pairs: Sequence[tuple[str, str]], figure: Figure) -> tuple[Difference, ...]:
    """Compare pairs (system, against) as `difference` does; those without a common seed and fold are left out."""
    keys = {(record.system, record.seed, record.fold) for record in records}
    shared = [
        (one, other)
        for one, other in pairs
        if any((other, seed, fold) in keys for its, seed, fold in keys if its == one)
    ]
    return tuple(difference(records, one, other, figure) for one, other in shared)


def pooled_right(records: Sequence[Record], system: str) -> Pooled:
    """Return the accuracy on the clips of all folds together, in which a large fold weighs more than a small one.

    Raises:
        ValueError: there is no record of the system, or its seeds were not tested on the same folds and clips.
    """
    found = _by_repetition(records, system)
    if not found:
        raise ValueError(f"{system!r} has no record")
    seeds = list(dict.fromkeys(seed for seed, _ in found))
    sizes = {fold: len(record.right) for (_, fold), record in found.items()}
    for seed in seeds:
        for fold, size in sizes.items():
            if (seed, fold) not in found:
                raise ValueError(f"{system!r} has no record of seed {seed}, fold {fold!r}, which other seeds have")
            if (count := len(found[seed, fold].right)) != size:
                raise ValueError(f"{system!r}: fold {fold!r} has {count} clips with one seed and {size} with another")
    clips = sum(sizes.values())
    accuracy = sum(record.right.count("1") for record in found.values()) / (clips * len(seeds))
    low, high = _wilson(accuracy, clips)
    return Pooled(accuracy=accuracy, low=low, high=high, clips=clips, seeds=len(seeds))


def mcnemar_pooled(records: Sequence[Record], system: str, against: str, *, seed: int = 0) -> PooledComparison:
    """Test whether two systems differ on the clips of all folds that both have.

    Args:
        records: of a study.
        system: the one that may be better.
        against: the one that it is compared with.
        seed: of the networks that are compared; several seeds on the same clips would not be independent.

    Raises:
        ValueError: they share no fold of this seed, or were tested on other clips.
    """
    here, there = (
        {fold: record.right for (its, fold), record in _by_repetition(records, name).items() if its == seed}
        for name in (system, against)
    )
    folds = [fold for fold in here if fold in there]
    if not folds:
        lacking = [name for name, found in ((system, here), (against, there)) if not found]
        why = f"no record of {' or '.join(map(repr, lacking))}" if lacking else "they share no fold"
        raise ValueError(f"{system!r} and {against!r} cannot be compared with seed {seed}: {why}")
    for fold in folds:
        if len(here[fold]) != len(there[fold]):
            raise ValueError(
                f"fold {fold!r} has {len(here[fold])} clips for {system!r} and {len(there[fold])} for {against!r}"
            )
    bits = [pair for fold in folds for pair in zip(here[fold], there[fold])]
    only_here, only_there = bits.count(("1", "0")), bits.count(("0", "1"))
    p_value, test = mcnemar(only_here, only_there)
    return PooledComparison(clips=len(bits), only_here=only_here, only_there=only_there, p_value=p_value, test=test)


def rank_agreement(
    values: Mapping[str, Sequence[float]], published: Mapping[str, float], *, resamples: int = 2000, seed: int = 0
) -> RankAgreement:
    """Compare the order of variants with the published one.

    The interval resamples seeds, all variants with the same ones. It covers what other seeds might give, and neither
    the choice of variants nor that of clips, nor any doubt about the published figures. S seeds have only
    (2S - 1)! / (S! (S - 1)!) different resamples, 10 for three, whose spread is also that of a sample and so too small
    by (S - 1) / S in variance; with less than about ten seeds the interval is a hint and too narrow.

    Args:
        values: for each variant one figure for each seed, in the same order of seeds.
        published: a figure for each variant; the variants that are on one side only do not count.
        resamples: of the seeds.
        seed: of the resamples.

    Raises:
        ValueError: the two share less than two variants, variants have unlike numbers of seeds, or all published
            figures are the same.
    """
    variants = tuple(name for name in published if name in values)
    if len(variants) < 2:
        raise ValueError(f"{len(variants)} variants are both measured and published; an order needs two or more")
    counts = {name: len(values[name]) for name in variants}
    if len(set(counts.values())) > 1 or not all(counts.values()):
        raise ValueError(f"each variant needs one figure for each seed, but they have {counts}")
    figures = np.array([values[name] for name in variants])
    targets = np.array([published[name] for name in variants])
    if (targets == targets[0]).all():
        raise ValueError(f"all published figures are {targets[0]:g}, so there is no order to agree with")
    means = figures.mean(axis=1)
    low, high = None, None
    if (seeds := figures.shape[1]) > 1:
        chosen = np.random.default_rng(seed).integers(seeds, size=(resamples, seeds))
        rhos = _spearman(figures[:, chosen].mean(axis=2).T, targets)
        tail = 50 * (1 - LEVEL)
        low, high = (float(end) for end in np.percentile(rhos, (tail, 100 - tail)))
    tau = 0.0 if np.ptp(_rounded(means)) == 0 else _kendall(means, targets)
    return RankAgreement(
        spearman=float(_spearman(means[None], targets)[0]), kendall=tau, low=low, high=high, variants=variants
    )


def _row(records: Sequence[Record]) -> Row:
    inside = [record.inside for record in records if record.inside is not None]
    return Row(
        system=records[0].system,
        arc=records[0].settings["model"]["name"].startswith("arc_"),
        repetitions=len(records),
        top1=Spread.of([record.top1 for record in records]),
        inside=Spread.of(inside) if len(inside) == len(records) else None,
        params=records[0].params,
        gmacs=records[0].gmacs,
        seconds=median(record.seconds for record in records),
        clips_seen=median(record.clips_seen for record in records),
    )


def _by_repetition(records: Sequence[Record], system: str) -> dict[tuple[int, str], Record]:
    return {(record.seed, record.fold): record for record in records if record.system == system}


def _why_no_pairs(
    here: Mapping[tuple[int, str], Record],
    there: Mapping[tuple[int, str], Record],
    system: str,
    against: str,
    figure: Figure,
) -> str:
    head = f"{system!r} and {against!r} cannot be compared: "
    lacking = [name for name, found in ((system, here), (against, there)) if not found]
    if lacking:
        return head + f"no record of {' or '.join(map(repr, lacking))}"
    if here.keys() & there.keys():
        return head + f"no seed and fold at which both have {figure!r}"
    return head + f"they share no seed and fold; one has {sorted(here)}, the other {sorted(there)}"


def _t_interval(values: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    count = len(values)
    if count < 2:
        return None, None
    half = float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * stdev(values) / math.sqrt(count)
    return fmean(values) - half, fmean(values) + half


def _t_test(differences: Sequence[float]) -> float | None:
    count = len(differences)
    if count < 2:
        return None
    # equal differences of accuracies differ in their last bits, and t would be made of these
    if max(differences) - min(differences) < 1e-12:
        return 1.0 if abs(differences[0]) < 1e-12 else 0.0
    t = fmean(differences) / (stdev(differences) / math.sqrt(count))
    return float(2 * stats.t.sf(abs(t), count - 1))


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Return the interval of Wilson (JASA 1927)."""
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    # rounding must not carry the ends past what is possible
    return max(0.0, centre - half), min(1.0, centre + half)


def _spearman(means: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Spearman's rho of each row of means, [N, variants], with the targets; 0 for a row of equals."""
    ranks = stats.rankdata(_rounded(means), axis=1)
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    wanted = stats.rankdata(targets)
    wanted = wanted - wanted.mean()
    norms = np.sqrt((ranks**2).sum(axis=1) * (wanted**2).sum())
    return np.divide(ranks @ wanted, norms, out=np.zeros(len(ranks)), where=norms > 0)


def _kendall(means: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    found: Any = stats.kendalltau(_rounded(means), targets)
    return float(found.statistic)


def _rounded(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means in which those that are equal up to the order of summation are tied."""
    return np.round(means, 12)


def _percent(value: float, low: float | None, high: float | None) -> str:
    interval = "" if low is None or high is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * value:.1f} %{interval}"
