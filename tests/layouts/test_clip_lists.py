"""Lists of clips as people have them: whatever form they take, they are read right, or refused in words."""

import csv
import itertools
import json
import os
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recircle.errors import UserError
from recircle.layouts import find_clips
from recircle.manifest.manifest import Clip

NAMES = ("clips/a1.mp4", "clips/my clip 3.mp4", "clips/x,y.mp4", "clips/5;6.mp4", "café/n.mp4", "frames/v 1")
LABELS = ("run", "run, fast", 'the "long" jump', "jump; high", "Über", "swim")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES[:5]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "frames" / "v 1").mkdir(parents=True)
    (tmp_path / "frames" / "v 1" / "00001.jpg").touch()
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def read(path: Path, text: str) -> list[tuple[str, str]]:
    """Read a list; what is told is for other tests."""
    return [(clip.path, clip.label) for clip in quietly(write(path, text))]


def quietly(path: Path, labels: Path | None = None) -> list[Clip]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return find_clips(path, labels=labels)


@pytest.mark.parametrize(
    ("encoding", "end"), [("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("utf-16", "\r\n"), ("utf-32", "\n"), ("utf-8", "\r")]
)
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"], ids=repr)
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("header", [(), ("path", "label"), ("Video Path", "Class")], ids=str)
def test_every_dialect_says_the_same(
    folder: Path, header: Sequence[str], quoting: int, mark: str, end: str, encoding: str
) -> None:
    path = folder / "list.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=mark, lineterminator=end, quoting=csv.QUOTE_ALL if quoting else 0)
        writer.writerows([*([header] if header else []), *zip(NAMES, LABELS)])
    assert [(clip.path, clip.label) for clip in quietly(path)] == list(zip(NAMES, LABELS))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_labels_of_any_text_come_back(folder: Path, data: st.DataObject) -> None:
    text = st.text(
        st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n\t,;|" '), min_size=1, max_size=8
    )
    labels = data.draw(st.lists(text.map(lambda label: f"a{label}b"), min_size=6, max_size=6))
    path = folder / "list.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *zip(NAMES, labels)])
    assert [clip.label for clip in quietly(path)] == labels


@pytest.mark.parametrize(
    "text",
    [
        'path, label\nclips/a1.mp4, "run, fast"\nclips/my clip 3.mp4, jump\n',
        'path,label\n"clips/a1.mp4" , "run, fast"\nclips/my clip 3.mp4 , jump\n',
        '"clips/a1.mp4";"run, fast"\n"clips/my clip 3.mp4";jump\n',
        '"path" "label"\n"clips/a1.mp4" "run, fast"\n"clips/my clip 3.mp4" jump\n',
        'path label\nclips/a1.mp4 "run, fast"\n"clips/my clip 3.mp4" jump\n',
        ',path,label\n0,clips/a1.mp4,"run, fast"\n1,clips/my clip 3.mp4,jump\n',
        '# my clips\n\npath,label\n\nclips/a1.mp4,"run, fast"\n# more\nclips/my clip 3.mp4,jump\n\n',
        'label,path\n"run, fast",clips/a1.mp4\njump,clips/my clip 3.mp4\n',
        '"run, fast",clips/a1.mp4\njump,clips/my clip 3.mp4\n',
        "run, fast\tclips/a1.mp4\njump\tclips/my clip 3.mp4\n",
        'path,label\nclips/a1.mp4,"run, fast"\npath,label\nclips/my clip 3.mp4,jump\n',
        'path,label,,\nclips/a1.mp4,"run, fast",,\nclips/my clip 3.mp4,jump,,\n',
        'name,frame_count,label\nclips/a1.mp4,3,"run, fast"\nclips/my clip 3.mp4,4,jump\n',
    ],
)
def test_forms_that_people_write(folder: Path, text: str) -> None:
    expected = [("clips/a1.mp4", "run, fast"), ("clips/my clip 3.mp4", "jump")]
    assert read(folder / "list.csv", text) == expected
    assert read(folder / "list.txt", text) == expected


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ('"clips/my clip 3.mp4" 1\nclips/a1.mp4 0\n', "10"),
        ("clips/my clip 3.mp4 1\nclips/a1.mp4 0\n", "10"),
        ('"clips/my clip 3.mp4" 1\nclips/x,y.mp4 0\n', "10"),
        ("clips/x,y.mp4 1\nclips/a1.mp4 0\n", "10"),
        ("clips/x,y.mp4 1\n", "1"),
        ("clips/5;6.mp4 1\nclips/x,y.mp4 2\n", "12"),
        ("clips/my clip 3.mp4\t1\nclips/a1.mp4  0\n", "10"),
        ("clips/a1.mp4, 1\nclips/my clip 3.mp4, 0\n", "10"),
        ("clips/my clip 3.mp4 40 1\nclips/a1.mp4 30 0\n", "10"),
        ("frames/v 1 1\n", "1"),
        ("frames/v 1 40 1\nclips/a1.mp4 30 0\n", "10"),
        ("video label\nclips/my clip 3.mp4 1\nclips/a1.mp4 0\n", "10"),
        ("1 clips/my clip 3.mp4\n0 clips/a1.mp4\n", "10"),
    ],
)
@pytest.mark.parametrize("name", ["list.csv", "list.txt", "list"])
def test_numbers_after_blanks(folder: Path, text: str, numbers: str, name: str) -> None:
    found = read(folder / name, text)
    assert [label for _, label in found] == list(numbers)
    assert {path for path, _ in found} <= set(NAMES)


PATHS = ("path", "Path", "video_path", "VideoPath", "file", "File Name", "filename", "filepath", "file-path", "video",
         "clip", "youtube_id", "video_name", "id", "#path")  # fmt: skip
CLASSES = ("label", "Label", "class", "ClassName", "label_name", "category", "target", "class_id", "labelId", "action",
           "activity", "tag")  # fmt: skip


@pytest.mark.parametrize(("path", "label"), [*zip(PATHS, itertools.cycle(CLASSES)), *zip(reversed(PATHS), CLASSES)])
def test_headers_in_other_words(folder: Path, path: str, label: str) -> None:
    text = (
        f"{path},{label},subset,n_frames,Subject ID\nclips/a1.mp4,3,Training,9,ann\nclips/my clip 3.mp4,4,VAL,8,ben\n"
    )
    first, second = quietly(write(folder / "list.csv", text))
    assert first == Clip(path="clips/a1.mp4", label="3", split="train", frames=9, group="ann")
    assert second == Clip(path="clips/my clip 3.mp4", label="4", split="val", frames=8, group="ben")


@pytest.mark.parametrize(
    "text",
    [
        "movie,kind\nclips/a1.mp4,run\nclips/my clip 3.mp4,jump\n",
        "Film;Art\nclips/a1.mp4;run\n",
        "movie\tlabel\nclips/a1.mp4\trun\n",
        "movies\nclips/a1.mp4\n",
        "kind,movie\nrun,clips/a1.mp4\n",
        "movie,kind\n17,0\n18,1\n",
        "movie,class\nanna_1,run\nanna_2,jump\n",
        "movie,kind\nclips/a1,run\nclips/my clip 3,jump\n",
    ],
)
@pytest.mark.parametrize("name", ["list.csv", "list.txt"])
def test_a_header_in_unknown_words_is_refused_with_the_known_ones(folder: Path, text: str, name: str) -> None:
    with pytest.raises(UserError, match=r"line 1: .* looks like a header.*known are path .*video_path"):
        read(folder / name, text)


@pytest.mark.parametrize(
    "text", ["movie kind\nclips/a1.mp4 0\n", "path,lable\nclips/a1.mp4,run\n", "split,label\ntrain,run\nval,jump\n"]
)
def test_no_header_becomes_a_clip(folder: Path, text: str) -> None:
    with pytest.raises(UserError, match="line 1"):
        read(folder / "list.csv", text)


def test_a_folder_may_be_called_like_a_column(folder: Path) -> None:
    assert read(folder / "l.csv", "clips,label\nclips/a1.mp4,run\n") == [("clips/a1.mp4", "run")]
    (folder / "video").mkdir()
    assert read(folder / "l.csv", "video,run\nframes/v 1,jump\n") == [("video", "run"), ("frames/v 1", "jump")]


def test_what_is_read_as_what_is_told(folder: Path) -> None:
    text = "video_path,category,sha,kind\nclips/a1.mp4,run,1f,x\n"
    with pytest.warns(UserWarning, match="of its columns") as told:
        find_clips(write(folder / "l.csv", text))
    (message,) = (str(warning.message) for warning in told)
    assert "'video_path' is read as the path; 'category' is read as the label; not used: 'sha', 'kind'" in message
    with pytest.warns(UserWarning, match=r"not used: 'sha', 'remarks'; none holds the classes .if one does, call it"):
        (clip,) = find_clips(write(folder / "l.csv", "path,sha,remarks\nclips/a1.mp4,1f,x\n"))
    assert (clip.path, clip.label) == ("clips/a1.mp4", "")
    with pytest.warns(UserWarning, match="column 1 is read as the label and column 2 as the path"):
        find_clips(write(folder / "l.csv", "run,clips/a1.mp4\njump,clips/my clip 3.mp4\n"))
    with pytest.warns(UserWarning, match="the header stands 2 times"):
        find_clips(write(folder / "l.csv", "path,label\nclips/a1.mp4,run\npath,label\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label,class\na.mp4,run,fast\n", "'label' and 'class' may both hold the class, and differ"),
        ("path,label,class\na.mp4,0,run\nb.mp4,1,run\n", "line 3: class 'run' goes with '1' here and with '0'"),
        ("path,class,class_id\na.mp4,run,0\nb.mp4,jump,0\n", "line 3: class_id '0' goes with 'jump' here"),
        ("path,label,class_id\na.mp4,0,1\nb.mp4,1,0\n", "may both hold the class, and differ"),
        ("path,path,label\na.mp4,b.mp4,run\n", "line 1: column 'path' is there twice"),
        ("video_path,clip_path,label\na.mp4,b.mp4,run\n", "'video_path' and 'clip_path' may both hold the paths"),
        ("a.mp4,train\nb.mp4,val\n", "column 2 holds nothing but names of splits"),
        ("a.mp4,train,run\nb.mp4,val,jump\n", "column 2 holds the splits.*write a header, such as path,split,label"),
        ("0,run,a.mp4\n1,jump,b.mp4\n", "column 3 holds the paths.*write a header"),
        ("path,label\na,b.mp4,run\n", "line 2: 3 fields where the header has 2; .*double quotes"),
        ("path,label\na.mp4,run\n\nb.mp4\n", "line 4: 1 field where the header has 2"),
        ('path,label\na.mp4,"run\nb.mp4,jump\n', "line 2: is not a CSV table: a quote is not closed"),
        ('path,label\na.mp4,"run" fast\nb.mp4,jump\n', "line 2: is not a CSV table"),
        ("path,label\n,run\n", "line 2: the path is empty"),
        ("path,split\na.mp4,holdout\n", "line 2: split='holdout' is unknown"),
        ("a.mp4,run\nb.mp4\n", "line 2: 'b.mp4' is one field, where other lines have more"),
        ("a.mp4 0\nmy clip 3.mp4\n", "line 2: 'my clip 3.mp4' ends in no class number, and other lines end in 1"),
        ("my clip 3.mp4\na.mp4 0\n", "line 1: 'my clip 3.mp4' ends in no class number"),
        ("walk 1\njump 2\nrun\n", "line 3: 'run' ends in no class number"),
        ("a.mp4 0\nb.mp4 1 3\n", "line 2: .* ends in 2 numbers, and other lines in 1; several labels"),
        ("a.mp4 0 3 5 7\nb.mp4 1 3 5 7\n", "line 1: .* ends in 4 numbers; several labels"),
        ("a.mp4 5 3 1\nb.mp4 4 2 0\n", "line 1: 5 and 3 cannot be a first and a last frame; if the line has"),
        ("a.mp4 0 3\nb.mp4 1 2\n", "line 1: a clip of 0 frames; if the line has several labels"),
        ('a.mp4,"1 3"\nb.mp4,2\n', "line 1: label '1 3' is several numbers"),
        ("path,labels\na.mp4,\"['run', 'jump']\"\n", "line 2: label .* is a list"),
        ("a.mp4,run,7\nb.mp4,jump,8\n", "line 1: split='7' is unknown .without a header the order is path, label"),
        ("path,label\na.mp4,run\na.mp4,jump\n", "line 3: a.mp4 is listed twice, with label 'jump' here and 'run' in"),
        ("path,label\na.mp4,run\n./a.mp4,run\n", r"line 3: a\.mp4 is listed twice, here and in line 2"),
        ("# nothing\n", "holds nothing but remarks"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["list.csv", "list.txt"])
def test_a_doubt_is_asked_and_a_fault_has_its_line(tmp_path: Path, text: str, message: str, name: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path / name, text)
    assert str(tmp_path / name) in str(caught.value)


def test_several_numbers_are_told(folder: Path) -> None:
    for text in ("clips/a1.mp4 1 3 5\nclips/my clip 3.mp4 0 2 4\n", "clips/a1.mp4 1 3 5\nclips/my clip 3.mp4 1 2 4\n"):
        with (
            pytest.warns(UserWarning, match="labels are numbers"),
            pytest.warns(UserWarning, match=r"whole clips are taken; .*several labels of a clip are not read"),
        ):
            find_clips(write(folder / "l.txt", text))


def test_a_path_with_the_delimiter_and_no_quotes_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"line 1: 'clips/x,y.mp4' holds the delimiter; put this path in double quotes"):
        read(folder / "l.csv", "clips/x,y.mp4,train\nclips/a1.mp4,run,train\n")


class TestOtherFormats:
    rows = (("clips/a1.mp4", "run", "train"), ("clips/x,y.mp4", "jump", "val"))

    def forms(self) -> dict[str, str]:
        objects = [dict(zip(("video_path", "class", "split"), row)) for row in self.rows]
        return {
            "objects.json": json.dumps(objects, indent=1),
            "objects.jsonl": "\n".join(map(json.dumps, objects)),
            "lines.txt": "\n".join(map(json.dumps, objects)),
            "wrapped.json": json.dumps({"videos": objects}),
            "by_path.json": json.dumps({path: {"label": label, "subset": split} for path, label, split in self.rows}),
            "by_split.json": json.dumps({split: {path: label} for path, label, split in self.rows}),
            "pairs.json": json.dumps({split: [[path, label]] for path, label, split in self.rows}),
            "by_label.json": json.dumps({split: {label: [path]} for path, label, split in self.rows}),
            "triples.json": json.dumps(self.rows),
        }

    def test_json(self, folder: Path) -> None:
        for name, text in self.forms().items():
            clips = quietly(write(folder / name, text))
            assert [(clip.path, clip.label, clip.split) for clip in clips] == list(self.rows), name

    def test_parquet(self, folder: Path) -> None:
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        table = arrow.table({"path": [row[0] for row in self.rows], "label_id": [1, None]})
        parquet.write_table(table, folder / "l.parquet")
        assert [(clip.path, clip.label) for clip in quietly(folder / "l.parquet")] == [
            ("clips/a1.mp4", "1"),
            ("clips/x,y.mp4", ""),
        ]

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("l.json", "{", "is not JSON"),
            ("l.json", "[]", "is an empty list"),
            ("l.json", "3", "this JSON is not a list of clips"),
            ("l.json", "[1, 2]", "entry 1: this JSON is not a list of clips"),
            ("l.json", '[{"movie": "a.mp4"}]', "entry 1: none of 'movie' is known to hold the path"),
            ("l.json", '{"a.mp4": ["run", "jump"]}', "'a.mp4': .* several labels of a clip are not read"),
            ("l.json", '{"a.mp4": "run", "a.mp4": "jump"}', "'a.mp4' is there twice"),
            ("l.jsonl", '{"path": "a.mp4"}\n{"path": "b.mp4"\n', "line 2 is not JSON"),
            ("l.jsonl", '{"path": "a.mp4"}\n{"file": "b.mp4"}\n{"x": 1}\n', "line 3: none of 'x' is known"),
            ("l.csv", "PK\x03\x04", "is an Excel workbook"),
            ("l.txt", "a\0b\0", "holds zero bytes"),
            ("l.mp4", "a", "is a video, not a list"),
        ],
    )
    def test_what_is_no_list_is_refused_as_what_it_is(self, tmp_path: Path, name: str, text: str, message: str) -> None:
        with pytest.raises(UserError, match=message):
            read(tmp_path / name, text)


class TestPlaces:
    @pytest.mark.parametrize(
        "text",
        [
            "./clips/a1.mp4",
            "clips//a1.mp4",
            "clips/../clips/a1.mp4",
            "clips\\a1.mp4",
            ".\\clips\\a1.mp4",
            "D:\\data\\clips\\a1.mp4",
            "d:/data/clips/a1.mp4",
            "\\\\server\\share\\clips\\a1.mp4",
            "/home/them/clips/a1.mp4",
            "/home/them/a/clips/a1",
            "file:///home/them/clips/a1.mp4",
            "file:///D:/data/clips/a1.mp4",
            "clips/a1",
            "clips/a1.MP4",
            "CLIPS/A1.mp4",
            "{root}/clips/a1.mp4",
        ],
    )
    def test_other_ways_to_write_a_path(self, folder: Path, text: str) -> None:
        ((path, _),) = read(folder / "l.csv", f"path,label\n{text.format(root=folder.name)},run\n")
        assert path == "clips/a1.mp4"

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    @pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
    def test_unicode_composed_or_not(
        self, tmp_path: Path, form: Literal["NFC", "NFD"], on_disk: Literal["NFC", "NFD"]
    ) -> None:
        name = unicodedata.normalize(on_disk, "Übung/é.mp4")
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
        # no guess, so nothing is told
        clips = find_clips(write(tmp_path / "l.csv", f"path,label\n{unicodedata.normalize(form, name)},run\n"))
        assert [clip.path for clip in clips] == [name]

    def test_absolute_paths_stay_absolute(self, folder: Path) -> None:
        text = f"path,label\n{folder}/clips/a1.mp4,run\nfile://{folder}/clips/my%20clip%203.mp4,jump\n"
        assert [path for path, _ in read(folder / "l.csv", text)] == [
            f"{folder}/clips/a1.mp4",
            f"{folder}/clips/my clip 3.mp4",
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "/there/clips/a1.mp4",
                "1 clips are found by the last parts of their paths alone, such as '/there/clips/a1",
            ),
            ("clips/a1.MP4", "1 clips are named in another case of letters than the files, such as 'clips/a1.MP4'"),
        ],
    )
    def test_guesses_are_told(self, folder: Path, text: str, message: str) -> None:
        with pytest.warns(UserWarning, match=message):
            find_clips(write(folder / "l.csv", f"path,label\n{text},run\n"))

    def test_a_path_that_fits_two_places_is_told(self, folder: Path) -> None:
        (folder / "a1.mp4").touch()
        with pytest.warns(UserWarning, match=r"may lie at several places .*\(clips/a1.mp4, a1.mp4\)"):
            (clip,) = find_clips(write(folder / "l.csv", "path,label\n/there/clips/a1.mp4,run\n"))
        assert clip.path == "clips/a1.mp4"

    def test_a_name_that_fits_two_files_is_asked(self, folder: Path) -> None:
        (folder / "clips" / "a1.avi").touch()
        with pytest.raises(UserError, match=r"line 2: 'clips/a1' may be a1\.avi or a1\.mp4"):
            read(folder / "l.csv", "path,label\nclips/a1,run\n")
        (folder / "clips" / "a1.avi").rename(folder / "clips" / "a1.jpg")
        assert read(folder / "l.csv", "path,label\nclips/a1,run\n") == [("clips/a1.mp4", "run")]

    def test_what_is_not_there_keeps_its_path(self, folder: Path) -> None:
        text = "path,label\nclips/gone.mp4,run\n/elsewhere/gone.mp4,run\n..\\gone.mp4,run\n"
        assert [path for path, _ in read(folder / "l.csv", text)] == [
            "clips/gone.mp4",
            "/elsewhere/gone.mp4",
            "..\\gone.mp4",
        ]


CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "lists_and_folders"
A, B, C = "Archery", "Bowling", "Curling"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases beside the checkout (../shared/cases) are not there")
@pytest.mark.parametrize(
    ("place", "classes", "expected"),
    [
        ("01_label_lists/list_from1.txt", "numbered_from1.txt", [A, B]),
        ("01_label_lists/list_from0.txt", "numbered_from0.txt", [A, B, C]),
        ("01_label_lists/list_from0.txt", "header.csv", [A, B, C]),
        ("01_label_lists/list_from1.txt", "from1.json", [A, B]),
        ("01_label_lists/list_holes.txt", "holes.json", "there is no class number 1"),
        ("01_label_lists/list_from0.txt", "id2label.json", [A, B, C]),
        ("01_label_lists/list_from0.txt", "quoted.json", [A, B, C]),
        ("05_header_row/video_path.csv", None, ["run"] * 3 + ["jump"] * 3),
        ("05_header_row/capital.csv", None, ["run"] * 3 + ["jump"] * 3),
        ("10_kinetics_quoted_header", None, ["playing guitar"] * 3),
        ("11_list_paths/pandas_blank.csv", None, ["1", "0"]),
        ("11_list_paths/comma_in_path.csv", None, ["1", "0"]),
        ("11_list_paths/windows.csv", None, ["run", "jump"]),
        ("11_list_paths/nfc.csv", None, ["run", "jump"]),
        ("11_list_paths/suffix_case.csv", None, ["run", "jump"]),
        ("11_list_paths/blank_after_comma.csv", None, ["run, fast", "jump"]),
        ("11_list_paths/lines.jsonl", None, ["run", "jump"]),
        ("11_list_paths/one_without_label.txt", None, "line 2: 'clips/my clip 3.mp4' ends in no class number"),
        ("11_list_paths/multilabel.txt", None, ["5", "4"]),
    ],
)
def test_the_cases_beside_the_checkout(place: str, classes: str | None, expected: list[str] | str) -> None:
    path = CASES / place
    labels = path.parent / classes if classes else None
    if isinstance(expected, str):
        with pytest.raises(UserError, match=expected):
            quietly(path, labels)
        return
    clips = quietly(path, labels)
    root = path if path.is_dir() else path.parent
    assert [clip.label for clip in clips] == expected
    assert all(os.path.exists(root / clip.path) for clip in clips)  # noqa: PTH110
