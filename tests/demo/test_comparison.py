"""The figures of a comparison."""

from pathlib import Path

import pytest

from recircle.demo.comparison import training_seconds
from recircle.run import Run
from recircle.training.metrics_log import MetricsLog


def test_training_seconds_add_up_over_the_steps(tmp_path: Path) -> None:
    run = Run.create(tmp_path)
    with MetricsLog(run.metrics_path) as log:
        for step, (clips, rate) in enumerate(((12, 6.0), (12, 4.0)), 1):
            log.write("train", step=step, epoch=1, clips=clips, clips_per_s=rate)
        log.write("val", step=2, epoch=1, clips=99, top1=0.5)
    assert training_seconds(run) == pytest.approx(2 + 3)
