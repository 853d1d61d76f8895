import errno
import os
from pathlib import Path

import pytest
import torch

from recircle.errors import UserError
from recircle.training.checkpoint import Checkpoints, full_disk_explained


def state(value: float) -> dict:
    return {"model": {"weight": torch.full((1000,), value)}, "scaler": None, "tally": {"broken": {"a": "b"}}}


def test_the_last_few_stay_and_the_newest_is_read(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    assert checkpoints.latest() is None
    checkpoints.folder.mkdir()
    (checkpoints.folder / ".step-00000003.pt.17.part").write_bytes(b"of a killed process")
    for step in (5, 10, 100_000_000):
        checkpoints.save(step, state(step))
    names = ["step-00000010.pt", "step-100000000.pt"]
    assert [path.name for path in checkpoints.paths()] == names
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == names
    latest = checkpoints.latest()
    assert latest is not None
    assert latest["step"] == 100_000_000
    torch.testing.assert_close(latest["model"], state(100_000_000)["model"])
    assert latest["tally"] == {"broken": {"a": "b"}}


@pytest.mark.parametrize("damage", ["empty", "half", "text", "other"])
def test_an_unreadable_one_is_passed_over(tmp_path: Path, damage: str) -> None:
    checkpoints = Checkpoints(tmp_path, keep=3)
    checkpoints.save(1, state(1))
    newest = checkpoints.save(2, state(2))
    content = newest.read_bytes()
    if damage == "other":
        torch.save({"state_dict": {}}, newest)
    else:
        newest.write_bytes({"empty": b"", "half": content[: len(content) // 2], "text": b"hello"}[damage])
    with pytest.warns(UserWarning, match="step-00000002.pt is passed over"):
        latest = checkpoints.latest()
    assert latest is not None
    assert latest["step"] == 1


def test_none_readable_is_an_error(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, state(1)).write_bytes(b"")
    with pytest.warns(UserWarning, match="passed over"), pytest.raises(UserError, match="no checkpoint in"):
        checkpoints.latest()


def test_a_full_disk_leaves_the_previous_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=1)
    checkpoints.save(1, state(1))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match=r"is full.*recircle train --resume"), full_disk_explained(tmp_path):
            checkpoints.save(2, state(2))
    latest = checkpoints.latest()
    assert latest is not None
    assert latest["step"] == 1
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step-00000001.pt"]


def test_other_errors_of_the_disk_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), full_disk_explained(tmp_path):
        raise PermissionError(errno.EACCES, "no")
