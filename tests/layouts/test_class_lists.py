"""Lists of classes: the numbers that a file gives count, whatever form it has; what is not said is asked."""

import itertools
import json
import warnings
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.layouts import find_clips
from recircle.layouts.class_list import ClassList

NAMES = ("Archery", "Bowling", "Curling")
FORMS = {
    "leading blank": "{n} {c}\n",
    "leading colon": "{n}: {c}\n",
    "leading dot": "{n}. {c}\n",
    "leading comma": "{n},{c}\n",
    "leading tab": "{n}\t{c}\n",
    "trailing blank": "{c} {n}\n",
    "trailing tab": "{c}\t{n}\n",
    "trailing semicolon": "{c};{n}\n",
    "quoted": '"{n}","{c}"\n',
    "quotes after a blank": '{n}, "{c}"\n',
}
HEADERS = (
    "id,name",
    "ID,Label",
    "class_id,class_name",
    '"index","class"',
    "name,id",
    "label;number",
    "class\tidx",
    "id name",
)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, text: str) -> ClassList:
    """Read a list whose form is told or not; the tests of what is told are below."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ClassList.read(write(path, text))


@pytest.mark.parametrize("numbers", [(0, 1, 2), (1, 2, 3), (3, 1, 2)], ids=str)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_numbers_in_lines_count(tmp_path: Path, form: str, numbers: tuple[int, ...]) -> None:
    text = "".join(form.format(n=number, c=name) for number, name in zip(numbers, NAMES))
    classes = read(tmp_path / "c.txt", text)
    assert classes.is_numbered
    assert dict(classes.names) == dict(zip(numbers, NAMES))


@pytest.mark.parametrize("first", [0, 1, 7])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
@pytest.mark.parametrize("header", HEADERS)
def test_tables_with_headers(tmp_path: Path, header: str, end: str, first: int) -> None:
    mark = next(mark for mark in ",;\t " if mark in header)
    by_name = header.split(mark)[0].strip('"') in ("name", "label", "class")
    rows = [
        mark.join((name, str(number)) if by_name else (str(number), name)) for number, name in enumerate(NAMES, first)
    ]
    if mark == " " and first == 7:
        pytest.skip("numbers before a blank that are not consecutive may belong to the names")
    (tmp_path / "c.csv").write_bytes(("\ufeff" + end.join([header, *rows])).encode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classes = ClassList.read(tmp_path / "c.csv")
    assert dict(classes.names) == dict(enumerate(NAMES, first))


JSON = {
    "names": dict(zip(NAMES, (1, 2, 3))),
    "names, numbers as text": dict(zip(NAMES, "123")),
    "numbers": dict(zip("123", NAMES)),
    "quoted keys": {f'"{name}"': number for number, name in enumerate(NAMES, 1)},
    "objects": [{"id": number, "name": name} for number, name in enumerate(NAMES, 1)],
    "pairs": [[number, name] for number, name in enumerate(NAMES, 1)],
    "of a library": {"id2label": dict(zip("123", NAMES)), "hidden": 3},
}


@pytest.mark.parametrize("content", JSON.values(), ids=JSON)
def test_json_either_way_round(tmp_path: Path, content: object) -> None:
    classes = read(tmp_path / "c.json", json.dumps(content))
    assert dict(classes.names) == dict(enumerate(NAMES, 1))
    assert classes.is_numbered


def test_names_alone_are_counted_from_0(tmp_path: Path) -> None:
    for name, text in (("c.txt", 'Archery\n"Bowling"\nCurling\n\n'), ("c.json", json.dumps(NAMES))):
        classes = ClassList.read(write(tmp_path / name, text))
        assert dict(classes.names) == dict(enumerate(NAMES))
        assert not classes.is_numbered


@pytest.mark.parametrize(
    "names",
    [
        ("3 pointer shot", "dunk", "2 pointer shot"),
        ("400m race", "100m race", "200m race"),
        ("3 pointer shot", "3 second violation", "dunk"),
        ("gesture 1", "gesture 2", "gesture 3"),
        ("1 handed dunk", "2 handed dunk"),
        ("(VT) round-off, flic-flac on", "(FX) switch leap, 1 turn"),
        ("push, left", "push, right"),
        ("salto 1.5 turn", "walk"),
        ("0.5 turn", "1.5 turn"),
        ("a|b", "c|d"),
    ],
)
def test_names_with_numbers_and_delimiters_are_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    classes = ClassList.read(write(tmp_path / "c.txt", "\n".join(names)))
    assert tuple(classes.names.values()) == names
    assert not classes.is_numbered


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("0 Archery\n1 Bowling\nCurling\n", "line 3: 'Curling' has no number, and other lines have"),
        ("1: Archery\n1: Bowling\n", "line 2: class number 1 is there already, for 'Archery'"),
        ("1: Archery\n2: Archery\n3: Bowling\n", "line 2: class 'Archery' is there already, with number 1"),
        ("Archery\nBowling\nArchery\n", "line 3: class 'Archery' is there already"),
        ("id,name\n0,Archery\n0,Bowling\n", "line 3: class number 0 is there already"),
        ("id,name\n0,run, fast\n", "line 2: 3 fields where the header has 2; .*double quotes"),
        ("id,name\n0,Archery\n1,\n", "line 3: class number 1 has no name"),
        (
            "12 angry men\n7 samurai\n9 lives\n",
            "each line begins with a number, which may be that of the class or belong",
        ),
        ("0,5\n1,6\n", "both columns hold numbers alone"),
        ("a_id,b_id,name\n1,2,Archery\n3,4,Bowling\n", "call them id and name"),
        ("id,name\nx,Archery\ny,Bowling\n", "call it id"),
        ("name,count\nArchery,12\nBowling,7\n", "call it id"),
    ],
)
def test_errors_say_where_and_what(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path / "c.csv", text)
    assert str(tmp_path / "c.csv") in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"Archery": 0, "Archery": 1}', "'Archery' is there twice"),
        ('{"Archery": 0, "Bowling": 0}', "class number 0 is there already"),
        ('{"0": 1, "1": 0}', "both keys and values are numbers"),
        ('{"Archery": "first"}', "a JSON object of classes and their numbers is wanted"),
        ('{"Archery": true}', "a JSON object of classes and their numbers is wanted"),
        ("[1, 2]", "a JSON object of classes and their numbers is wanted"),
        ("{", "is not JSON"),
    ],
)
def test_wrong_json_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path / "c.json", text)


def test_what_is_guessed_is_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"line 1: read as class number 1, 'Archery', and so on"):
        ClassList.read(write(tmp_path / "c.txt", "1 Archery\n2 Bowling\n"))
    with pytest.warns(UserWarning, match="column 'class_index' is read as the number and 'class_name' as the name"):
        ClassList.read(write(tmp_path / "c.csv", "class_index,class_name,size\n0,Archery,4\n"))
    with pytest.warns(UserWarning, match="line 1: 'label' is read as a header"):
        classes = ClassList.read(write(tmp_path / "c.csv", "label\nArchery\n"))
    assert dict(classes.names) == {0: "Archery"}
    with pytest.warns(UserWarning, match="1 lines that begin with # and a blank are remarks"):
        classes = ClassList.read(write(tmp_path / "c.txt", "# of 2019\nArchery\n"))
    assert dict(classes.names) == {0: "Archery"}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for name in "abc":
        (tmp_path / f"{name}.mp4").touch()
    return tmp_path


def labels_of(clips: Path, classes: str, labels: str, name: str = "c.txt") -> list[str]:
    text = "".join(f"{clip}.mp4 {label}\n" for clip, label in zip("abc", labels))
    return [clip.label for clip in find_clips(write(clips / "list.txt", text), labels=write(clips / name, classes))]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_hole_is_an_error_that_names_the_number(clips: Path, form: str) -> None:
    classes = "".join(form.format(n=n, c=name) for n, name in zip((1, 2, 3), NAMES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert labels_of(clips, classes, "123") == list(NAMES)
        with pytest.raises(UserError, match=r"line 2: there is no class number 0 among the 3 of .*numbers are 1, 2, 3"):
            labels_of(clips, classes, "101")


def test_where_counting_begins_is_never_guessed(clips: Path) -> None:
    names = "\n".join(NAMES)
    assert labels_of(clips, names, "012") == list(NAMES)
    with pytest.raises(
        UserError, match=r"labels run from 1 to 3.*counted from 1, label 1 is 'Archery'.*from 0.*number the"
    ):
        labels_of(clips, names, "123")
    with pytest.raises(UserError, match="labels run from 1 to 3"):
        labels_of(clips, json.dumps(NAMES), "133", "c.json")
    with pytest.raises(UserError, match=r"there is no class number 3 among the 3 of .*counted from 0"):
        labels_of(clips, names, "013")
    with pytest.warns(UserWarning, match="no label is 0|have no clip") as told:
        assert labels_of(clips, names, "122") == ["Bowling", "Curling", "Curling"]
    assert "no label is 0" in str(told[0].message)
    assert "1 of the 3 classes have no clip ('Archery')" in str(told[1].message)


def test_names_and_numbers_may_stand_in_one_list(clips: Path) -> None:
    names = {"0": "Archery", "2": "1", "1": "Bowling"}
    text = "a.mp4,Archery\nb.mp4,1\nc.mp4,1.0\n"
    found = find_clips(write(clips / "list.csv", text), labels=write(clips / "c.json", json.dumps(names)))
    # a name goes before a number
    assert [clip.label for clip in found] == ["Archery", "1", "Bowling"]
    write(clips / "list.csv", "path,class,class_id\na.mp4,Archery,0\nb.mp4,Bowling,2\n")
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(UserError, match="line 3: the label is 'Bowling' and its number 2, which is '1'"),
    ):
        find_clips(clips / "list.csv", labels=clips / "c.json")


def test_published_lists_keep_their_order(shared_data: Path) -> None:
    annotations = shared_data / "annotations"
    folder = annotations / "mmaction2_label_maps"
    for path in [*folder.glob("*.txt"), annotations / "kinetics" / "label_map_k400_i3d.txt"]:
        lines = path.read_text(encoding="utf-8").splitlines()
        if path.name.startswith("gym"):
            with pytest.raises(UserError, match=r"line 71: class .* is there already, with number 58"):
                ClassList.read(path)
            continue
        classes = ClassList.read(path)
        if path.name.startswith(("ava", "multisports")):
            assert {f"{number}: {name}" for number, name in classes.names.items()} == set(lines)
        else:
            assert [classes.names[number] for number in itertools.islice(itertools.count(), len(lines))] == lines
            assert not classes.is_numbered
    for name, count in (("fine_grained_classes.csv", 174), ("coarse_grained_classes.csv", 50)):
        classes = read_quietly(annotations / "ssv2_hierarchies" / name)
        assert sorted(classes.names) == list(range(count))
    something = json.loads((annotations / "something_v2" / "something-something-v2-labels.json").read_text())
    classes = ClassList.read(annotations / "something_v2" / "something-something-v2-labels.json")
    assert {name: str(number) for number, name in classes.names.items()} == something


def read_quietly(path: Path) -> ClassList:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ClassList.read(path)


@pytest.mark.parametrize(
    "form",
    ["[{n}] {c}", "#{n} {c}", "class {n}: {c}", "A{n}. {c}", "{n:03}.{c}", "{n}\uff0e{c}", "{n}\u3001{c}", "({n}) {c}"],
)
@pytest.mark.parametrize("first", [0, 1])
def test_numbers_in_other_marks_count_where_they_go_on_in_order(tmp_path: Path, form: str, first: int) -> None:
    path = write(tmp_path / "c.txt", "".join(form.format(n=n, c=c) + "\n" for n, c in enumerate(NAMES, first)))
    with pytest.warns(UserWarning, match=f"read as class number {first}, 'Archery'"):
        classes = ClassList.read(path)
    assert dict(classes.names) == dict(enumerate(NAMES, first))
    out_of_order = "".join(form.format(n=n, c=c) + "\n" for n, c in zip((7, 3, 9), NAMES))
    assert len(read(tmp_path / "c.txt", out_of_order).names) == len(NAMES)


@pytest.mark.parametrize("text", ["Archery,\nBowling,\nCurling,\n", "- Archery\n- Bowling\n- Curling\n"])
def test_what_stands_around_each_name_is_no_part_of_it(tmp_path: Path, text: str) -> None:
    assert dict(read(tmp_path / "c.txt", text).names) == dict(enumerate(NAMES))


@pytest.mark.parametrize("header", ["Nummer;Klasse", "\u7f16\u53f7;\u7c7b\u522b"])
def test_headers_in_other_languages(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "c.csv", header + "\n" + "".join(f"{n};{c}\n" for n, c in enumerate(NAMES, 1)))
    with pytest.warns(UserWarning, match="is read as the number"):
        assert dict(ClassList.read(path).names) == dict(enumerate(NAMES, 1))


@pytest.mark.parametrize("key", ["names", "classes", "labels", "categories"])
def test_classes_within_annotations(tmp_path: Path, key: str) -> None:
    assert dict(read(tmp_path / "c.json", json.dumps({"info": "x", key: NAMES})).names) == dict(enumerate(NAMES))
    objects = [{"id": n, "name": c} for n, c in enumerate(NAMES, 1)]
    assert dict(read(tmp_path / "c.json", json.dumps({key: objects})).names) == dict(enumerate(NAMES, 1))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.yaml", "names:\n  0: Archery\n  1: Bowling\n", "is YAML, which is not read"),
        ("c.txt", "['Archery', 'Bowling']", "begins like JSON but is not valid JSON"),
        ("c.txt", "{0: 'Archery',\n 1: 'Bowling'}\n", "begins like JSON but is not valid JSON"),
        ("c.csv", "1,Archery,120\n2,Bowling,99\n", "3 columns without a header"),
        ("c.csv", "name,count\nArchery,120\nBowling,99\n", "no column holds whole numbers|not clear which"),
        ("c.txt", "1 finger\n2 fingers\n3 fingers\n", "without their numbers several lines name the same class"),
        ("c.json", "{}", "is empty"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path / name, text)


def test_one_line_and_a_misspelt_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="its only line is 'Archery,Bowling'; write one class per line"):
        read(tmp_path / "c.txt", "Archery,Bowling\n").name("1", "list.txt, line 2")
    with pytest.raises(UserError, match="did you mean 'Archery'"):
        read(tmp_path / "c.txt", "Archery\nBowling\n").name("archery", "list.txt, line 2")


def test_blank_lines_among_classes_are_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="blank lines among the classes are left out"):
        assert dict(ClassList.read(write(tmp_path / "c.txt", "Archery\n\nBowling\n")).names)[1] == "Bowling"
