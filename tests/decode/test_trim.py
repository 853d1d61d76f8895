"""Freed memory goes back to the system, so that a decoder is as small after a thousand files as after the first."""

import subprocess
import sys

import pytest

# what is freed lies between what is kept, as it does after a file
CODE = """
from recircle.decode.trim import Trim
held = lambda: int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("RssAnon"))) // 1000
blocks = [bytes([1]) * 50_000 for _ in range(2000)]
kept = blocks[::100]
full = held()
del blocks
trim = Trim()
trim()
print(full - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it does nothing elsewhere")
def test_what_was_freed_goes_back() -> None:
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(found.stdout) > 80, "of 100 MB"
