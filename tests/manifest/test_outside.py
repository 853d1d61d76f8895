from dataclasses import replace
from pathlib import Path

import pytest

from recircle.manifest.manifest import Clip, Manifest
from recircle.manifest.outside import clips_outside, leads_out, warn_outside


@pytest.mark.parametrize(
    ("path", "outside"),
    [
        *(("a.mp4", False), ("a/b/../c.mp4", False), ("./a.mp4", False), (".", False), ("..a/b.mp4", False)),
        *(("a/../../data/b.mp4", False), ("...", False), ("x: y.mp4", False), ("-x", False)),
        *(("../a.mp4", True), ("a/../../b.mp4", True), ("..", True), ("/etc/a.mp4", True), ("//data/a", True)),
        *(("C:/clips/a.mp4", True), ("C:\\clips\\a.mp4", True), ("\\\\server\\a.mp4", True)),
    ],
)
def test_paths(path: str, outside: bool, tmp_path: Path) -> None:
    assert leads_out(path, tmp_path / "data") == outside


def test_absolute_paths_into_the_folder_are_inside(tmp_path: Path) -> None:
    assert not leads_out(str(tmp_path / "a.mp4"), tmp_path)
    assert leads_out(str(tmp_path.parent / f"{tmp_path.name}2" / "a.mp4"), tmp_path)


def test_links_count_as_what_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data" / "disk").symlink_to(tmp_path / "elsewhere")
    assert not leads_out("disk/a.mp4", tmp_path / "data")
    # whatever the link leads to, this path is that of a neighbour
    assert not leads_out("disk/../a.mp4", tmp_path / "data")


def test_they_are_counted_once_and_told(tmp_path: Path) -> None:
    manifest = Manifest((Clip(path="a"), Clip(path="../b"), Clip(path="/c")), tmp_path)
    assert [clip.path for clip in clips_outside(manifest)] == ["../b", "/c"]
    with pytest.warns(UserWarning, match=r"m\.csv: 2 of 3 clips lie outside of its folder, such as \.\./b;"):
        warn_outside("m.csv", manifest)
    warn_outside("m.csv", replace(manifest, clips=manifest.clips[:1]))
