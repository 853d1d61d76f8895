import errno
import os
from pathlib import Path

import pytest
import safetensors
import torch

from recircle.errors import UserError
from recircle.files import WriteError
from recircle.run import Run
from recircle.training.checkpoint import Checkpoints, disk_explained


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
    run = Run(tmp_path)
    run.config_path.write_text("{}")
    checkpoints = Checkpoints(run.checkpoints_path, keep=1)
    checkpoints.save(1, state(1))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        expected = r"No space left.*the checkpoint after step 1 is intact: go on with `recircle train --resume"
        with pytest.raises(WriteError, match=expected), disk_explained(run):
            checkpoints.save(2, state(2))
    latest = checkpoints.latest()
    assert latest is not None
    assert latest["step"] == 1
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step-00000001.pt"]


def test_what_is_safe_is_what_is_there(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(WriteError, match=r"^the lock cannot be written$"), disk_explained(run):
        raise WriteError("the lock cannot be written")
    run.config_path.write_text("{}")
    none_yet = r"^the disk is full; no checkpoint has been written yet: go on with `recircle train --resume"
    with pytest.raises(WriteError, match=none_yet), disk_explained(run):
        raise WriteError("the disk is full")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
        RuntimeError("unable to open: Too many open files (24)"),
        safetensors.SafetensorError("I/O error: (os error 24)"),
    ],
)
def test_every_error_of_the_system_says_how_to_go_on(error: Exception, tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.config_path.write_text("{}")
    with pytest.raises(WriteError, match=r"Too many open files; raise .*ulimit -n.*--resume"), disk_explained(run):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("a defect"), UserError("a wrong label"), OSError("no image")])
def test_other_errors_stay_what_they_are(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error), match=str(error)), disk_explained(Run(tmp_path)):
        raise error


def test_a_checkpoint_of_a_newer_version_is_not_passed_over(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, state(1))
    torch.save({"format": "recircle training state, 2", "recircle": "9.9"}, tmp_path / "step-00000002.pt")
    with pytest.raises(UserError, match=r"step-00000002\.pt was written by recircle 9\.9, and this is .*: upgrade"):
        checkpoints.latest()
