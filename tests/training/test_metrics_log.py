import json
import math
from pathlib import Path

from recircle.training.metrics_log import MetricsLog, read_metrics_log, rewind_metrics_log


def write_steps(path: Path, last: int) -> None:
    with MetricsLog(path) as log:
        for step in range(1, last + 1):
            log.write("train", step=step, epoch=1, loss=step / 3)


def test_every_line_is_on_disk_at_once_and_floats_come_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.write("train", step=1, epoch=1, loss=0.1 + 0.2)
        assert read_metrics_log(path) == [{"kind": "train", "step": 1, "epoch": 1, "loss": 0.1 + 0.2}]
        log.sync()


def test_a_number_that_is_not_finite_becomes_null(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.write("train", step=1, epoch=1, grad_norm=math.inf)
    assert json.loads(path.read_text())["grad_norm"] is None


def test_a_half_written_last_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_steps(path, 3)
    path.write_bytes(path.read_bytes()[:-5])
    assert [line["step"] for line in read_metrics_log(path)] == [1, 2]


def test_rewinding_drops_later_steps_and_the_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_steps(path, 5)
    with MetricsLog(path) as log:
        log.write("end", step=2, epoch=1)
    rewind_metrics_log(path, 3)
    assert [(line["kind"], line["step"]) for line in read_metrics_log(path)] == [("train", step) for step in (1, 2, 3)]


def test_there_may_be_no_file_yet(tmp_path: Path) -> None:
    assert read_metrics_log(tmp_path / "metrics.jsonl") == []
    rewind_metrics_log(tmp_path / "metrics.jsonl", 0)


def test_an_inactive_one_writes_nothing(tmp_path: Path) -> None:
    with MetricsLog(tmp_path / "metrics.jsonl", active=False) as log:
        log.write("train", step=1, epoch=1)
        log.sync()
    assert not list(tmp_path.iterdir())
