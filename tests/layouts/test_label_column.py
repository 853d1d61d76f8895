"""Labels of lists that are several, stand for none, or are numbers; and what stands around fields and tables."""

import json
import warnings
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.layouts import find_clips
from recircle.manifest.label_checks import warn_look_alikes

NAMES = ("a.mp4", "b.mp4", "c.mp4")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).touch()
    return tmp_path


def labels_of(folder: Path, text: str, name: str = "l.csv") -> list[str]:
    (folder / name).write_text(text, encoding="utf-8")
    return [clip.label for clip in find_clips(folder / name)]


def of(*labels: str) -> str:
    return "path\tlabel\n" + "".join(f"{name}\t{label}\n" for name, label in zip(NAMES, labels))


@pytest.mark.parametrize("labels", [("run|jump", "jump"), ("run;jump", "jump;swim"), ("['run', 'jump']", "['jump']")])
def test_several_labels_are_refused(folder: Path, labels: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"line 2: label .* several labels of a clip are not read"):
        labels_of(folder, of(*labels))


def test_a_name_with_a_mark_is_one_label(folder: Path) -> None:
    assert labels_of(folder, of("on|off", "either; or", "yes, no")) == ["on|off", "either; or", "yes, no"]


def test_labels_of_others_between_commas_are_told(folder: Path) -> None:
    with pytest.warns(UserWarning, match="1 labels are made of others, such as 'run,jump'"):
        assert labels_of(folder, of("run,jump", "jump")) == ["run,jump", "jump"]


@pytest.mark.parametrize("word", ["nan", "NULL", "N/A", "None"])
def test_words_for_no_label_are_told(folder: Path, word: str) -> None:
    with pytest.warns(UserWarning, match=f"1 clip has the label '{word}', which is taken for a class"):
        labels_of(folder, of(word, "jump", "run"))


@pytest.mark.parametrize(("labels", "odd"), [(("0", "1"), ""), (("0.0", "1.0"), "'0.0'"), (("-1", "1"), "'-1'")])
def test_numbers_are_told(folder: Path, labels: tuple[str, ...], odd: str) -> None:
    with pytest.warns(UserWarning, match=f"labels are numbers.*{odd}"):
        assert labels_of(folder, of(*labels)) == list(labels)


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\npath;label\na.mp4;run\nb.mp4;jump\n",
        "'a.mp4','run'\n'b.mp4','jump'\n",
        "path,label\n\u201ca.mp4\u201d,\u201crun\u201d\n\u201cb.mp4\u201d,\u201cjump\u201d\n",
        "| path | label |\n|------|:-----:|\n| a.mp4 | run |\n| b.mp4 | jump |\n",
    ],
)
def test_what_stands_around_fields_is_no_part_of_them(folder: Path, text: str) -> None:
    assert labels_of(folder, text) == ["run", "jump"]


def test_quotes_around_some_fields_belong_to_them(folder: Path) -> None:
    assert labels_of(folder, of("'run'", "jump")) == ["'run'", "jump"]


def test_lines_above_the_header_are_an_error(folder: Path) -> None:
    with pytest.raises(UserError, match="line 2: looks like the header, which must be the first line"):
        labels_of(folder, "My clips,\npath,label\na.mp4,run\nb.mp4,jump\n")


@pytest.mark.parametrize(
    "content",
    [
        {"path": ["a.mp4", "b.mp4"], "label": ["run", "jump"]},
        {"path": {"0": "a.mp4", "1": "b.mp4"}, "label": {"0": "run", "1": "jump"}},
        {"columns": ["path", "label"], "index": [0, 1], "data": [["a.mp4", "run"], ["b.mp4", "jump"]]},
        [{"path": "a.mp4", "label": ["run"]}, {"path": "b.mp4", "label": ["jump"]}],
    ],
)
def test_tables_in_json_by_rows_or_columns(folder: Path, content: object) -> None:
    assert labels_of(folder, json.dumps(content), "l.json") == ["run", "jump"]


def test_other_json_is_no_list_of_clips(folder: Path) -> None:
    content = {"videos": [{"id": 1}, {"id": 2}], "annotations": [{"video_id": 1, "category_id": 1}, {}]}
    with pytest.raises(UserError, match="this JSON is not a list of clips"):
        labels_of(folder, json.dumps(content), "l.json")


def test_an_address_is_no_file(folder: Path) -> None:
    with pytest.raises(UserError, match=r"line 2: 'https://example.org/a.mp4' is an address"):
        labels_of(folder, "path,label\nhttps://example.org/a.mp4,run\n")


@pytest.mark.parametrize("twin", ["run\u200b", "Run.", "RUN", "run "])
def test_names_that_differ_in_what_is_hardly_seen_are_told(twin: str) -> None:
    with pytest.warns(UserWarning, match="1 class is spelt in several ways"):
        warn_look_alikes(Path("m.csv"), ["run", twin])


@pytest.mark.parametrize("names", [("C", "C++", "C#"), ("turn +90", "turn -90"), ("run", "runs")])
def test_names_that_differ_in_what_they_say_are_not(names: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_look_alikes(Path("m.csv"), names)


def test_images_in_a_list_are_told(folder: Path) -> None:
    (folder / "v").mkdir()
    for number in range(3):
        (folder / "v" / f"{number}.jpg").touch()
    with pytest.warns(
        UserWarning, match=r"3 of its 4 lines name an image, such as v/0\.jpg, .* name their folder once"
    ):
        labels_of(folder, "path,label\nv/0.jpg,run\nv/1.jpg,run\nv/2.jpg,run\na.mp4,run\n")


def test_several_lines_of_a_video_may_be_parts_of_it(folder: Path) -> None:
    with pytest.raises(UserError, match=r"line 3: a\.mp4 is listed twice, .* for parts of one video columns start and"):
        labels_of(folder, "path,label\na.mp4,run\na.mp4,jump\n")
    with (
        pytest.warns(UserWarning, match="is read as Parts of long videos"),
        pytest.raises(UserError, match="which may be seconds or frames; say --units"),
    ):
        labels_of(folder, "path,start,end,label\na.mp4,0,1,run\na.mp4,1,2,jump\n")
