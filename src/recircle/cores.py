"""How many processors this process may use."""

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Linux: microseconds of processor time in a period, and the period; "max" is no limit. So containers are limited."""


def cores() -> int:
    """Return the number of processors that are for this process, at least 1: those of its affinity and its quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text().split()
        count = min(count, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no such file, or no limit
        pass
    return max(1, count)
