"""Runs on frames in another order: a network that averages frames does not notice, one that shifts them does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.forward import Forward
from recircle.evaluation.order import Order
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.temporal import temporal_sanity
from recircle.loading.options import Loading
from recircle.manifest.manifest import Manifest
from recircle.models.registry import ModelConfig
from recircle.run import Run
from tests.small_run import IN_PROCESS, SPEC, write_clips, write_run


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written: Manifest = write_clips(tmp_path_factory.mktemp("data"))
    return written.root / "manifest.csv"


@pytest.fixture(scope="module")
def shifts(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "tsm")


@pytest.fixture(scope="module")
def averages(tmp_path_factory: pytest.TempPathFactory) -> Run:
    spec = replace(SPEC, model=ModelConfig(name="tsn_resnet18", width=8))
    return write_run(tmp_path_factory.mktemp("runs") / "tsn", spec)


def evaluated(
    run: Run, manifest: Path, order: Order = "as is", seed: int = 0, loading: Loading = IN_PROCESS
) -> Predictions:
    return evaluate(
        run,
        manifest=manifest,
        split="all",
        loading=loading,
        forward=Forward(order=order, order_seed=seed),
        bootstrap=Bootstrap(resamples=2),
    )[0]


@pytest.mark.parametrize("order", ["shuffled", "reversed"])
def test_the_mean_of_frames_has_no_order_and_a_shift_has_one(
    order: Order, averages: Run, shifts: Run, manifest: Path
) -> None:
    np.testing.assert_allclose(
        evaluated(averages, manifest, order=order).logits, evaluated(averages, manifest).logits, rtol=1e-4, atol=1e-5
    )
    changed, normal = evaluated(shifts, manifest, order=order), evaluated(shifts, manifest)
    assert np.abs(changed.logits - normal.logits).max() > 1e-3


def test_shuffling_does_not_depend_on_batches(shifts: Run, manifest: Path) -> None:
    one, four = (evaluated(shifts, manifest, order="shuffled", loading=Loading(batch_size=size)) for size in (1, 4))
    np.testing.assert_allclose(one.logits, four.logits, rtol=1e-4, atol=1e-5)


def test_shuffling_follows_from_the_seed(shifts: Run, manifest: Path) -> None:
    zero, one = (evaluated(shifts, manifest, order="shuffled", seed=seed) for seed in (0, 1))
    assert np.abs(zero.logits - one.logits).max() > 1e-3
    assert one.protocol.endswith("frames shuffled (seed 1)")


def test_the_protocol_says_it(shifts: Run, manifest: Path) -> None:
    protocol = evaluated(shifts, manifest).protocol
    assert evaluated(shifts, manifest, order="single").protocol == f"{protocol}, the middle frame only"


def test_each_order_stands_beside_the_normal_one(shifts: Run, manifest: Path) -> None:
    normal, results = temporal_sanity(
        shifts,
        manifest=manifest,
        split="all",
        loading=IN_PROCESS,
        bootstrap=Bootstrap(resamples=10),
        orders=("reversed", "single"),
    )
    assert [result.order for result in results] == ["reversed", "single"]
    for result in results:
        assert result.accuracy == result.metrics.top1
        assert result.change.against == normal.top1.value
        assert result.change.difference.value == pytest.approx(result.accuracy.value - normal.top1.value)
        assert result.change.protocols == (result.metrics.protocol, normal.protocol)
