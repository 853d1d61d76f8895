"""What the processes of a service hold, by what they do, and whether it grows.

The service has one process that starts the others (`main`), one that holds the requests that wait (`queue`), one that
speaks HTTP (`http`), those that recognise (`workers`), and under these those that decode (`decoders`).
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KINDS = ("main", "queue", "http", "workers", "decoders")

_BLOCKS = 10
_T95 = 2.306
"""Of Student's distribution with `_BLOCKS` - 2 degrees of freedom."""


@dataclass(frozen=True)
class Sample:
    """What the processes held at a moment.

    Attributes:
        requests: that had been answered.
        held: bytes by the kind of process (proportional set size: pages that several share are divided among them).
        processes: their number.
    """

    requests: int
    held: dict[str, int]
    processes: int

    @property
    def total(self) -> int:
        """Bytes of all processes."""
        return sum(self.held.values())


@dataclass(frozen=True)
class Trend:
    """How memory goes with the number of requests: bytes for a thousand more, and half of the 95 % interval."""

    slope: float
    margin: float


def sample(main: int, requests: int) -> Sample:
    """Read what a service holds, whose first process is `main`."""
    held: dict[str, int] = dict.fromkeys(KINDS, 0)
    processes = [(main, "main")]
    # the process of the queue is forked before that of HTTP, and children are listed in the order of their birth
    forked = iter(("queue", "http"))
    for child in children(main):
        command = _command(child)
        if "spawn_main" in command:
            processes += [(child, "workers"), *((one, "decoders") for one in children(child))]
        elif "resource_tracker" in command:
            processes.append((child, "main"))
        else:
            processes.append((child, next(forked, "main")))
    for process, kind in processes:
        held[kind] += proportional_set_size(process)
    return Sample(requests, held, len(processes))


def trend(samples: Sequence[Sample], kind: str | None = None) -> Trend:
    """Return the line through the means of ten blocks of samples, which hang together less than the samples do.

    Args:
        samples: at least ten, after the time to warm up.
        kind: one of `KINDS`; None for all together.
    """
    edges = [len(samples) * number // _BLOCKS for number in range(_BLOCKS + 1)]
    blocks = [samples[first:last] for first, last in itertools.pairwise(edges)]
    x = [statistics.fmean(one.requests for one in block) / 1000 for block in blocks]
    y = [statistics.fmean(one.held[kind] if kind else one.total for one in block) for block in blocks]
    slope, start = statistics.linear_regression(x, y)
    rest = sum((value - start - slope * place) ** 2 for place, value in zip(x, y))
    spread = sum((place - statistics.fmean(x)) ** 2 for place in x)
    return Trend(slope, _T95 * math.sqrt(rest / (_BLOCKS - 2) / spread))


def children(process: int) -> list[int]:
    """Return the processes that a process has started and that still are, the oldest first."""
    try:
        found = Path(f"/proc/{process}/task").glob("*/children")
        return sorted((int(child) for one in found for child in one.read_text().split()), key=_born)
    except OSError:
        return []


def proportional_set_size(process: int) -> int:
    """Return the bytes of a process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _born(process: int) -> int:
    try:
        # the name of the command, in brackets, may hold blanks
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
