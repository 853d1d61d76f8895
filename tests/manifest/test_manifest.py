"""The manifest: what is written comes back, and what is wrong is named."""

import builtins
import csv
import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recircle.errors import UserError
from recircle.manifest.manifest import Clip, Manifest, check_output
from recircle.manifest.table import _as_text, _from_text

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
NAME = st.text(string.ascii_letters + " äß,;'\"\r\n日", min_size=1, max_size=6).map(lambda name: f"a{name}b")
NUMBER = st.integers(0, 2**40)
CLIP = st.builds(
    Clip,
    path=st.lists(NAME, min_size=1, max_size=3).map("/".join),
    label=TEXT,
    parent=TEXT,
    split=st.sampled_from(["", "train", "val", "test"]),
    group=TEXT,
    dataset=TEXT,
    frames=NUMBER,
    fps=st.floats(0, 1e4),
    width=NUMBER,
    height=NUMBER,
    size=NUMBER,
    status=st.sampled_from(["ok", "broken"]),
    fault=TEXT,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clips=st.lists(CLIP, max_size=4, unique_by=lambda clip: clip.path))
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_written_comes_back(tmp_path: Path, suffix: str, clips: list[Clip]) -> None:
    manifest = Manifest(tuple(clips), tmp_path)
    manifest.write(tmp_path / f"m{suffix}")
    assert Manifest.read(tmp_path / f"m{suffix}") == manifest


START = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
PART = st.builds("{}{}{}".format, st.sampled_from(["", "'", "''"]), st.sampled_from(START), TEXT)
FORMULA = st.builds("{}{}{}".format, PART, st.sampled_from(["", ";", ";;", "\t", "\n", ",", "x;'"]), PART)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=FORMULA)
def test_no_cell_is_a_formula_in_a_spreadsheet(tmp_path: Path, text: str) -> None:
    clip = Clip(path="-x.mp4", label=text, parent=text, group=text, dataset=text, fault=text)
    manifest = Manifest((clip,), tmp_path).write(tmp_path / "m.csv")
    with (tmp_path / "m.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'-x.mp4" in cells
    assert not [cell for cell in cells if cell.startswith(tuple(START))]
    # as where a semicolon or a tab divides, and a quote inside a line is none
    parts = [part for cell in cells for part in re.split("[;\t\r\n]", cell)]
    assert not [part for part in parts if part.startswith(tuple(START))]
    assert Manifest.read(tmp_path / "m.csv") == manifest


def test_apostrophes_of_others_stay_unless_we_wrote_them() -> None:
    for text in ("'quoted'", "it's; 'so", "a;'b", "''", "rock 'n' roll", "a - b; c"):
        assert _as_text(text) == _from_text(text) == text
    assert _as_text("a;=1") == "a;'=1"
    assert _as_text("-x") == "'-x"


def test_paths_follow_the_manifest_to_another_folder(tmp_path: Path) -> None:
    manifest = Manifest((Clip(path="set 1/ä b.avi"),), tmp_path / "data")
    moved = manifest.write(tmp_path / "lists" / "deep" / "m.csv")
    assert moved.clips[0].path == "../../data/set 1/ä b.avi"
    read = Manifest.read(tmp_path / "lists" / "deep" / "m.csv")
    assert read.path(read.clips[0]).resolve() == (tmp_path / "data" / "set 1" / "ä b.avi").resolve()
    assert read.relative_to(tmp_path / "data") == manifest


def test_names_that_are_not_unicode_survive_csv(tmp_path: Path) -> None:
    manifest = Manifest((Clip(path="clip\udce9.avi"),), tmp_path)
    manifest.write(tmp_path / "m.csv")
    assert Manifest.read(tmp_path / "m.csv") == manifest
    with pytest.raises(UserError, match=r"not valid unicode.*write a \.csv"):
        manifest.write(tmp_path / "m.parquet")


def test_columns_may_be_few_and_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("\ufeffframes,label,path\n7,open,a.mp4\n,,b.mp4\n\n", encoding="utf-8")
    assert Manifest.read(path).clips == (Clip(path="a.mp4", label="open", frames=7), Clip(path="b.mp4"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_that_a_spreadsheet_has_saved_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes('path;frames;label\r\n"a.mp4";7;"push, left"\r\n'.encode(encoding))
    assert Manifest.read(path).clips == (Clip(path="a.mp4", frames=7, label="push, left"),)


def test_absolute_paths_stay_as_they_are(tmp_path: Path) -> None:
    manifest = Manifest((Clip(path=f"{tmp_path}/data/a.mp4"), Clip(path="b.mp4")), tmp_path / "data")
    moved = manifest.write(tmp_path / "lists" / "m.csv")
    assert [clip.path for clip in moved.clips] == [f"{tmp_path}/data/a.mp4", "../data/b.mp4"]
    for name in ("elsewhere", "lists"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "m.csv").write_bytes((tmp_path / "lists" / "m.csv").read_bytes())
        read = Manifest.read(tmp_path / name / "m.csv")
        assert read.path(read.clips[0]) == tmp_path / "data" / "a.mp4"


def test_a_manifest_that_was_moved_says_so(tmp_path: Path) -> None:
    clips = (Clip(path="x.mp4", status="broken"), Clip(path="a.mp4"), Clip(path="b.mp4"))
    manifest = Manifest(clips, tmp_path)
    with pytest.raises(UserError, match=r"m\.csv: none of its 2 clips is there, looked for at .*a\.mp4 first"):
        manifest.check_found(tmp_path / "m.csv")
    (tmp_path / "b.mp4").touch()
    assert manifest.check_found(tmp_path / "m.csv") is manifest
    # broken clips may never have been there
    assert Manifest(clips[:1], tmp_path).check_found("m.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 'path' is missing"),
        ("path,label\na,b\n", "column 'frames' is missing.*recircle index"),
        ("path,frames,lable\n", "column 'lable' is unknown; did you mean 'label'"),
        ("path,frames,colour\n", "column 'colour' is unknown; remove it"),
        ("path,frames,path\n", "column 'path' is there twice"),
        ("path,frames\na.mp4,3\na.mp4,4\n", r"m\.csv, line 3: path 'a\.mp4' is there already"),
        ("path,frames\na.mp4,3\n./a.mp4,4\n", "is there already"),
        ("path,frames\na.mp4,many\n", r"line 2: frames='many' is not a whole number"),
        ("path,frames\na.mp4,2.5\n", r"line 2: frames='2\.5' is not a whole number"),
        ("path,frames\na.mp4,-1\n", "line 2: frames=-1 must be 0"),
        ("path,frames,fps\na.mp4,1,nan\n", "line 2: fps='nan' is not a number"),
        ("path,frames,status\na.mp4,1,good\n", "line 2: status='good' is unknown; write ok or broken"),
        ("path,frames,split\na.mp4,1,dev\n", "line 2: split='dev' is unknown; write train, val, test"),
        ("path,frames\n,1\n", "line 2: path is empty"),
        ("path,frames\na,b.mp4,1\n", "line 2: 3 fields where the header has 2; .*double quotes"),
        ('path,frames\n"a.mp4,1\n', "is not a CSV table"),
    ],
)
def test_errors_name_line_field_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        Manifest.read(path)
    assert str(path) in str(caught.value)


def test_labels_in_another_encoding_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes("path,frames,label\na.mp4,1,öffnen\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"line 2: label=.* is not UTF-8"):
        Manifest.read(path)


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_a_missing_file_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        Manifest.read(tmp_path / name)


def test_a_damaged_parquet_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(UserError, match="is not a Parquet table"):
        Manifest.read(tmp_path / "m.parquet")


def test_other_suffixes_are_an_error(tmp_path: Path) -> None:
    for call in (Manifest.read, check_output, Manifest((), tmp_path).write):
        with pytest.raises(UserError, match=r"a \.csv or \.parquet file"):
            call(tmp_path / "m.txt")


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"pip install recircle\[parquet\]"):
        check_output(tmp_path / "m.parquet")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    Manifest((Clip(path="a.mp4"),), tmp_path).write(path)
    before = path.read_bytes()
    broken: Any = type("Unprintable", (str,), {"__str__": lambda self: 1 // 0})("x")
    with pytest.raises(ZeroDivisionError):
        Manifest((Clip(path="b.mp4"), Clip(path="c.mp4", label=broken)), tmp_path).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        Manifest((), tmp_path).write(tmp_path / "file" / "m.csv")


def test_labels_and_families() -> None:
    clips = (
        Clip(path="1", label="push left", parent="push"),
        Clip(path="2", label="lift"),
        Clip(path="3", label="push left"),
        Clip(path="4"),
    )
    manifest = Manifest(clips, Path("/data"))
    assert manifest.labels == ("lift", "push left")
    assert manifest.families == {"push left": "push"}
    assert len(manifest) == 4
    clash = Manifest((*clips, Clip(path="5", label="push left", parent="move")), Path("/data"))
    with pytest.raises(UserError, match="'push left' has two parents, 'push' and 'move'"):
        _ = clash.families


def test_select_by_split_and_group() -> None:
    clips = tuple(
        Clip(path=f"{group}.avi", group=group, split=split)
        for group, split in (("set1/01", "train"), ("set1/02", "test"), ("set2/11", "train"))
    )
    manifest = Manifest(clips, Path("/data"))
    assert [clip.group for clip in manifest.select("train").clips] == ["set1/01", "set2/11"]
    assert [clip.group for clip in manifest.select(groups=["set1/*"]).clips] == ["set1/01", "set1/02"]
    assert [clip.group for clip in manifest.select("train", ["set1/*", "x"]).clips] == ["set1/01"]
    assert manifest.select("val").clips == ()


def test_clips_check_themselves() -> None:
    wrong: list[dict[str, Any]] = [{"path": ""}, {"fps": float("inf")}, {"width": -1}, {"status": "fine"}]
    for fields in wrong:
        with pytest.raises(ValueError, match=next(iter(fields))):
            Clip(**{"path": "a.mp4", **fields})


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_times_of_varying_rates_come_back(tmp_path: Path, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    clips = (
        Clip(path="a.mp4", frames=14, fps=12.0, durations="83.3333*12 375*2"),
        Clip(path="b.mp4", frames=3, fps=24.0),
    )
    read = Manifest(clips, tmp_path).write(tmp_path / name).read(tmp_path / name)
    assert read.clips == clips
    assert [clip.frame_times.constant for clip in read.clips] == [False, True]


def test_wrong_times_are_told_by_line(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("path,frames,durations\na.mp4,3,40*3\nb.mp4,3,40*2 x\n")
    with pytest.raises(UserError, match=r"line 3: durations='40\*2 x': 'x' is not a duration in milliseconds"):
        Manifest.read(path)
    path.write_text("path,frames,durations\na.mp4,4,40*3\n")
    with pytest.raises(UserError, match=r"line 2: durations='40\*3' are of 3 frames, not 4"):
        Manifest.read(path)
