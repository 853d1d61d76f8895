"""What is said of classes: names that look alike, and those with clips on one side of a division only."""

import warnings
from pathlib import Path

import pytest

from recircle.manifest.label_checks import warn_labels, warn_look_alikes, warn_one_sided
from recircle.manifest.manifest import Clip, Manifest

PLACE = Path("m.csv")


def clips(split: str, *labels: str) -> list[Clip]:
    return [Clip(path=f"{split}{n}.mp4", label=label, split=split) for n, label in enumerate(labels)]


@pytest.mark.parametrize(
    "names",
    [("run", "Run"), ("long jump", "long  jump"), ("run", " run"), ("long jump", "long_jump"), ("é", "e\u0301")],
)
def test_names_that_look_alike_are_told(names: tuple[str, str]) -> None:
    with pytest.warns(UserWarning, match=r"m\.csv: 1 class is spelt in several ways") as told:
        warn_look_alikes(PLACE, (*names, "swim"))
    assert "swim" not in str(told[0].message)
    # even those that a screen shows alike
    shown = str(told[0].message).partition("own: ")[2].partition(";")[0].split(" and ")
    assert len(set(shown)) == 2


def test_classes_on_one_side_are_named() -> None:
    train, val = clips("train", "run", "jump", "jump"), clips("val", "run", "swim", "")
    with (
        pytest.warns(UserWarning, match="1 of the 3 classes have clips to evaluate on and none to train on: 'swim'"),
        pytest.warns(UserWarning, match="1 of the 3 classes have clips to train on and none to evaluate on: 'jump'"),
    ):
        warn_one_sided(PLACE, train, val)
    broken = [Clip(path="b.mp4", label="run", split="val", status="broken")]
    with pytest.warns(UserWarning, match="none to evaluate on: 'run'"):
        warn_one_sided(PLACE, clips("train", "run", "jump"), [*broken, *clips("val", "jump")])


def test_nothing_is_said_where_there_is_nothing_to_compare() -> None:
    with warnings.catch_warnings(action="error"):
        warn_one_sided(PLACE, clips("train", "run", "jump"), clips("test", "", ""))
        warn_one_sided(PLACE, clips("train", "run", "jump"), clips("val", "jump", "run"))
        warn_look_alikes(PLACE, ("run", "jump", "run 2"))
        warn_labels(PLACE, Manifest(tuple(clips("", "run", "jump")), Path()))


def test_both_evaluation_splits_count() -> None:
    manifest = Manifest((*clips("train", "run", "jump"), *clips("val", "run"), *clips("test", "jump")), Path())
    with warnings.catch_warnings(action="error"):
        warn_labels(PLACE, manifest)


def test_no_labels_and_clips_without_a_split_are_told() -> None:
    with pytest.warns(UserWarning, match=r"m\.csv: no clip has a label; put the clips"):
        warn_labels(PLACE, Manifest((Clip(path="a.mp4"),), Path()))
    with pytest.warns(UserWarning, match=r"1 of 3 clips have no split where others have one, .*\(0\.mp4\)"):
        warn_labels(PLACE, Manifest((*clips("train", "run"), *clips("val", "run"), *clips("", "run")), Path()))


def test_lists_beside_clips_without_labels_are_named(tmp_path: Path) -> None:
    place = tmp_path / "manifest.csv"
    for name in ("manifest.csv", "truth.csv", "export.json", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.warns(UserWarning, match=r"labels; export\.json, truth\.csv lies there: index that, if it says"):
        warn_labels(place, Manifest((Clip(path="a.mp4"),), tmp_path))
