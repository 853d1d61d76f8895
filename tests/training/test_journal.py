import json
import math
from pathlib import Path

from recircle.training.journal import Journal, read_journal, rewind_journal


def write_steps(path: Path, last: int) -> None:
    with Journal(path) as journal:
        for step in range(1, last + 1):
            journal.write("train", step=step, epoch=1, loss=step / 3)


def test_every_line_is_on_disk_at_once_and_floats_come_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Journal(path) as journal:
        journal.write("train", step=1, epoch=1, loss=0.1 + 0.2)
        assert read_journal(path) == [{"kind": "train", "step": 1, "epoch": 1, "loss": 0.1 + 0.2}]
        journal.sync()


def test_a_number_that_is_not_finite_becomes_null(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Journal(path) as journal:
        journal.write("train", step=1, epoch=1, grad_norm=math.inf)
    assert json.loads(path.read_text())["grad_norm"] is None


def test_a_half_written_last_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_steps(path, 3)
    path.write_bytes(path.read_bytes()[:-5])
    assert [line["step"] for line in read_journal(path)] == [1, 2]


def test_rewinding_drops_later_steps_and_the_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_steps(path, 5)
    with Journal(path) as journal:
        journal.write("end", step=2, epoch=1)
    rewind_journal(path, 3)
    assert [(line["kind"], line["step"]) for line in read_journal(path)] == [("train", step) for step in (1, 2, 3)]


def test_there_may_be_no_file_yet(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "metrics.jsonl") == []
    rewind_journal(tmp_path / "metrics.jsonl", 0)


def test_an_inactive_one_writes_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path / "metrics.jsonl", active=False) as journal:
        journal.write("train", step=1, epoch=1)
        journal.sync()
    assert not list(tmp_path.iterdir())
