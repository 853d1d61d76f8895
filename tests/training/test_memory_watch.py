"""Training on a CPU that runs out of memory ends with a sentence, and goes on afterwards."""

import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest
import torch

from recircle.training import memory_watch
from recircle.training.memory_watch import machine_memory, memory_watched


def sleep_a_little() -> None:
    for _ in range(1000):
        time.sleep(0.01)


def test_too_little_memory_ends_the_block() -> None:
    found: Iterator[tuple[int, int]] = chain([(90, 100), (90, 100)], repeat((2, 100)))
    with pytest.raises(torch.OutOfMemoryError), memory_watched(lambda: next(found)):
        sleep_a_little()


def test_enough_memory_changes_nothing() -> None:
    with memory_watched(lambda: (50, 100)):
        time.sleep(0.25)


def test_a_system_that_does_not_say_is_not_watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory_watch, "_MACHINE", tmp_path / "not there")
    assert machine_memory() is None
    with memory_watched():
        time.sleep(0.15)


def test_the_narrower_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(
        "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\nSwapTotal: 100 kB\nSwapFree: 50 kB\nHugePages: 0\n"
    )
    monkeypatch.setattr(memory_watch, "_MACHINE", tmp_path / "meminfo")
    monkeypatch.setattr(memory_watch, "_GROUP", tmp_path)
    assert machine_memory() == (650 * 1024, 1100 * 1024)
    (tmp_path / "memory.max").write_text("max\n")
    assert machine_memory() == (650 * 1024, 1100 * 1024)
    (tmp_path / "memory.max").write_text("10000\n")
    (tmp_path / "memory.current").write_text("9000\n")
    (tmp_path / "memory.stat").write_text("anon 7000\ninactive_file 2000\n")
    assert machine_memory() == (3000, 10000)
