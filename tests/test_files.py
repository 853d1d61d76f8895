"""Atomic writing: the old content or the new, and nothing beside it."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from recircle.files import WriteError, atomic_write


@pytest.mark.parametrize("content", ["tëxt", "tëxt".encode(), lambda path: path.write_text("tëxt", encoding="utf-8")])
def test_a_file_is_written_and_replaced(content: object, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a much longer content than the new one")
    atomic_write(path, content)  # pyright: ignore[reportArgumentType]
    assert path.read_bytes() == "tëxt".encode()
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_the_umask_holds(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    atomic_write(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [OSError, MemoryError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_content(error: type[BaseException], tmp_path: Path) -> None:
    def write(path: Path) -> None:
        path.write_text("half of the n")
        raise error

    (tmp_path / "file").write_text("old")
    with pytest.raises(error):
        atomic_write(tmp_path / "file", write)
    assert (tmp_path / "file").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_the_new_content_is_on_the_disk_before_the_name_points_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (events.append("sync"), fsync(handle)))
    monkeypatch.setattr(Path, "replace", lambda self, to: (events.append("rename"), replace(self, to)))
    atomic_write(tmp_path / "file", b"new")
    assert events == ["sync", "rename", "sync"]


def test_permissions_are_those_of_the_umask_whatever_the_writer_does(tmp_path: Path) -> None:
    def secretive(path: Path) -> None:
        path.unlink()
        path.write_text("")
        path.chmod(0o600)

    for number, umask in enumerate((0o022, 0o002, 0o077)):
        before = os.umask(umask)
        try:
            atomic_write(tmp_path / f"{number}", secretive)
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / f"{number}").stat().st_mode) == 0o666 & ~umask


def test_a_file_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o640)
    atomic_write(path, "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o640)


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "file").write_text("old")
    (tmp_path / "link").symlink_to("disk/file")
    (tmp_path / "hanging").symlink_to("disk/other")
    for link, file in (("link", "file"), ("hanging", "other")):
        atomic_write(tmp_path / link, "new")
        assert (tmp_path / link).is_symlink()
        assert (tmp_path / "disk" / file).read_text() == "new"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(WriteError, match=f"{name} cannot be written: it is a .*give the name of a file"):
            atomic_write(tmp_path / name, "new")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "pipe"]


def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o444)
    # the administrator may write everything, so the system is asked in our place
    monkeypatch.setattr(os, "access", lambda place, mode: bool(Path(place).stat().st_mode & 0o200))
    with pytest.raises(WriteError, match="file cannot be written: Permission denied; change its permissions"):
        atomic_write(path, "new")
    assert path.read_text() == "old"


def test_only_what_dead_processes_of_this_machine_left_is_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    seen: list[str] = []
    atomic_write(tmp_path / "model.json", lambda part: (seen.append(part.name), part.write_text("")))
    own = seen[0]
    left = own.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    others = [own, ".notes.part", f".model.json.00000000-{dead.pid}-00000000.part", "model.json"]
    for name in (left, *others):
        (tmp_path / name).write_text("")
    atomic_write(tmp_path / "another", "")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([*others, "another"])


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    atomic_write(path, "new")
    assert path.read_text() == "new"
    with pytest.raises(WriteError, match="cannot be written: File name too long; give a shorter name"):
        atomic_write(tmp_path / ("n" * 256), "new")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO])
def test_what_a_disk_refuses_is_one_sentence(number: int, tmp_path: Path) -> None:
    words = os.strerror(number)
    shapes = [
        OSError(number, words),
        SafetensorError(f"Error while serializing: I/O error: {words} (os error {number})"),
    ]
    for error in shapes:

        def write(path: Path, error: Exception = error) -> None:
            path.write_text("half")
            raise error

        with pytest.raises(WriteError, match=rf"^{tmp_path}/file cannot be written: {words}; [^;]+$"):
            atomic_write(tmp_path / "file", write)
    assert list(tmp_path.iterdir()) == []


def test_a_defect_of_a_writer_stays_what_it_is(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        raise TypeError("a defect")

    with pytest.raises(TypeError, match="a defect"):
        atomic_write(tmp_path / "file", write)
    assert list(tmp_path.iterdir()) == []
