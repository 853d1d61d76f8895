"""Hierarchies from files: the forms that people have them in, and every way in which they can be wrong."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from recircle.errors import UserError
from recircle.evaluation.hierarchy import Hierarchy, read_hierarchy

CLASSES = ("pour in", "pour out", "push left", "wave")
TABLE = """class,family,kind
pour out,pour,hand
"pour in",pour,hand
push left,push,hand
wave,wave,body
unused,push,hand
"""


def same_groups(hierarchy: Hierarchy, expected: list[str]) -> None:
    """Insist on the partitions that the strings spell, one a level."""
    assert len(hierarchy.groups) == len(expected)
    for groups, letters in zip(hierarchy.groups, expected):
        names = np.array(list(letters))
        np.testing.assert_array_equal(groups[:, None] == groups, names[:, None] == names)


def written(tmp_path: Path, text: str, name: str = "h.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_table_of_two_levels(tmp_path: Path) -> None:
    hierarchy = read_hierarchy(written(tmp_path, TABLE), CLASSES)
    assert hierarchy.levels == ("family", "kind")
    assert hierarchy.classes == CLASSES
    same_groups(hierarchy, ["aabc", "aaab"])


def test_json_says_the_same(tmp_path: Path) -> None:
    one = {"pour in": "pour", "pour out": "pour", "push left": "push", "wave": "wave"}
    path = written(tmp_path, json.dumps(one), "h.json")
    assert read_hierarchy(path, CLASSES).levels == ("family",)
    same_groups(read_hierarchy(path, CLASSES), ["aabc"])
    two = {name: [family, "body" if family == "wave" else "hand"] for name, family in one.items()}
    path = written(tmp_path, json.dumps(two), "h.json")
    assert read_hierarchy(path, CLASSES).levels == ("family", "level 2")
    same_groups(read_hierarchy(path, CLASSES), ["aabc", "aaab"])


def test_the_table_of_something_something_is_read_as_it_is(shared_data: Path) -> None:
    annotations = shared_data / "annotations"
    labels = tuple(json.loads((annotations / "something_v2" / "something-something-v2-labels.json").read_text()))
    path = annotations / "ssv2_hierarchies" / "fine_to_coarse.csv"
    hierarchy = read_hierarchy(path, labels)
    assert hierarchy.levels == ("coarse_grained_class",)
    assert (len(hierarchy.classes), len(np.unique(hierarchy.groups))) == (174, 50)
    with path.open() as file:
        numbers = {row["fine_grained_class"]: row["coarse_grained_class_index"] for row in csv.DictReader(file)}
    plain = {name.replace("[", "").replace("]", ""): number for name, number in numbers.items()}
    coarse = np.array([int(plain[name]) for name in labels])
    np.testing.assert_array_equal(hierarchy.groups[0][:, None] == hierarchy.groups[0], coarse[:, None] == coarse)
    with pytest.raises(UserError, match="no group for 133 of the 174 classes"):
        read_hierarchy(path.with_name("fine_to_10_classes.csv"), labels)


def test_columns_of_numbers_and_without_a_name_are_passed_over(tmp_path: Path) -> None:
    text = ",label,group_index,group\n0,[pour] in,7,pour\n1,pour out,7,pour\n"
    hierarchy = read_hierarchy(written(tmp_path, text), CLASSES[:2])
    assert hierarchy.levels == ("group",)
    same_groups(hierarchy, ["aa"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class,family\npour in,pour\n", r"no group for 3 of the 4 classes, such as 'pour out'"),
        (TABLE + "wave,push,hand\n", "line 7: class 'wave' is there already, with other groups"),
        (TABLE + "jump,,body\n", "line 7: a class or a group has no name"),
        (TABLE + "jump,body\n", "line 7: 2 fields where the header has 3"),
        ("class\nwave\n", "the header 'class' must name the column of classes"),
        ("class,family,family\n", "each once"),
        ("", "the header"),
        (
            TABLE.replace('pour in",pour,hand', 'pour in",pour,foot'),
            "share a group at level 'family' but not at 'kind'",
        ),
    ],
)
def test_a_wrong_table_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words) as caught:
        read_hierarchy(written(tmp_path, text), CLASSES)
    assert "h.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "a JSON object"),
        ({}, "a JSON object"),
        ({"wave": 3}, "'wave' has 3"),
        ({"wave": []}, "'wave' has"),
        ({"wave": "a", "pour in": ["a", "b"]}, "some classes have 1 groups and some 2"),
        ({"wave": ""}, "has no name"),
    ],
)
def test_wrong_json_is_one_sentence(content: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        read_hierarchy(written(tmp_path, json.dumps(content), "h.json"), CLASSES)


def test_a_missing_file_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_hierarchy(tmp_path / "none.csv", CLASSES)


def test_a_class_without_a_family_stands_alone_even_if_a_family_bears_its_name() -> None:
    families = {"pour in": "wave", "pour out": "wave"}
    same_groups(Hierarchy.from_families(CLASSES, families), ["aabc"])


def test_no_families_is_a_user_error() -> None:
    with pytest.raises(UserError, match="have no families"):
        Hierarchy.from_families(CLASSES, {"elsewhere": "x"})


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="level 'family' has 1 groups for 4 classes"):
        Hierarchy.from_names(CLASSES, {"family": ["a"]})
    with pytest.raises(ValueError, match="one level or more"):
        Hierarchy.from_names(CLASSES, {})
