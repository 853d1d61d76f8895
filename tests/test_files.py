"""Atomic writing: the old content or the new, and nothing beside it."""

import os
from pathlib import Path

import pytest

from recircle.files import atomic_write


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


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
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
