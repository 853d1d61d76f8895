"""Locks between processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.locks import locked

HOLD = """
import sys
from pathlib import Path
from recircle.locks import locked
with locked(Path(sys.argv[1]), "test"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_told_what_it_would_disturb(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        expected = pytest.raises(UserError, match=r"another process seems to train in runs; .* delete .*\.lock")
        with expected, locked(path, "train in runs"):
            pytest.fail("held twice")
        other.kill()
    with locked(path, "train in runs"):
        pass


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_a_lock_that_cannot_be_made_is_not_one_that_is_held() -> None:
    with pytest.raises(UserError, match=r"/proc/x\.lock cannot be written"), locked(Path("/proc/x.lock"), "write x"):
        pytest.fail("held")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be forked here")
def test_what_a_killed_process_has_forked_does_not_hold_its_lock(tmp_path: Path) -> None:
    # as the workers of a data loader, which outlive it by seconds; they let go as soon as they run
    path = tmp_path / ".lock"
    forks = """
    import os, time
    forked, tell = os.pipe()
    os.fork() or (os.write(tell, b"."), time.sleep(20), os._exit(0))
    os.read(forked, 1)
"""
    code = HOLD.replace('    print("held"', f'{forks}    print("held"')
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.kill()
        other.wait()
        with locked(path, "train"):
            pass


def test_a_path_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"\.lock cannot be written: "), locked(tmp_path / "file" / ".lock", "test"):
        pytest.fail("held")
