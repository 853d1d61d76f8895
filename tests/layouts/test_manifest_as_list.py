"""A manifest that is given as a list of clips: its cells mean what they mean where it is read as a manifest."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recircle.cli.main import main
from recircle.layouts.csv_list import find
from recircle.manifest.manifest import Clip, Manifest
from tests.small_run import write_frames

NAMES = (
    "-x.mp4",
    "=1+1.mp4",
    "'=a.mp4",
    "+.mp4",
    "@b",
    " blank ",
    "n;=1.mp4",
    "# a.mp4",
    "line\nend.mp4",
    "n\udcff.mp4",
)
LABELS = ("=HYPERLINK(1)", "'quoted'", "-", "a;=1", "''=x", "", " both ", "@", "# no remark", "tab\t=")


def rows(clips: "tuple[Clip, ...] | list[Clip]") -> list[tuple[str, str, str, str]]:
    return [(clip.path, clip.label, clip.group, clip.parent) for clip in clips]


def test_each_cell_is_read_as_in_a_manifest(tmp_path: Path) -> None:
    clips = tuple(
        Clip(path=name, label=label, group=label, parent=label, frames=number)
        for number, (name, label) in enumerate(zip(NAMES, LABELS))
    )
    manifest = Manifest(clips, tmp_path).write(tmp_path / "m.csv")
    assert rows(find(tmp_path / "m.csv")) == rows(Manifest.read(tmp_path / "m.csv").clips) == rows(manifest.clips)


TEXT = st.text(st.characters(exclude_characters="\0/[]|;0123456789", exclude_categories=["Cs"]), max_size=5)


# a label may be a word for a missing one, or be made of others
@pytest.mark.filterwarnings("ignore:.*taken for a class")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(TEXT, min_size=1, max_size=4))
def test_any_label(tmp_path: Path, labels: list[str]) -> None:
    clips = tuple(Clip(path=f"{number}.mp4", label=label, frames=1) for number, label in enumerate(labels))
    Manifest(clips, tmp_path).write(tmp_path / "m.csv")
    assert rows(find(tmp_path / "m.csv")) == rows(clips)


def test_apostrophes_of_a_list_of_somebody_else_stay(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label\na.mp4,'=so\nb.mp4,'-\n'c.mp4,x\n")
    found = [(clip.path, clip.label) for clip in find(tmp_path / "list.csv")]
    assert found == [("a.mp4", "'=so"), ("b.mp4", "'-"), ("'c.mp4", "x")]


@pytest.mark.filterwarnings("ignore:.*another number of frames")
def test_index_of_a_manifest_is_the_manifest(tmp_path: Path) -> None:
    for number, name in enumerate(("-x", "=1", "'@")):
        write_frames(tmp_path / "data" / name, 3, number)
    (tmp_path / "data" / "torn.mp4").write_bytes(b"torn")
    clips = [Clip(path=name, label=f"={name}", split="train", group="-") for name in ("-x", "=1", "'@", "torn.mp4")]
    Manifest(tuple(clips), tmp_path / "data").write(tmp_path / "data" / "first.csv")
    assert main(["index", str(tmp_path / "data" / "first.csv"), "--output", str(tmp_path / "data" / "second.csv")]) == 0
    first, second = (Manifest.read(tmp_path / "data" / f"{name}.csv") for name in ("first", "second"))
    assert rows(second.clips) == rows(first.clips)
    assert [clip.status for clip in second.clips] == ["ok", "ok", "ok", "broken"]
    assert main(["index", str(tmp_path / "data" / "second.csv"), "--output", str(tmp_path / "data" / "third.csv")]) == 0
    assert Manifest.read(tmp_path / "data" / "third.csv") == second
