"""`recircle index`: a manifest, and a summary that hides nothing."""

from pathlib import Path

import pytest

from recircle.cli.index import summary as summary_of
from recircle.cli.main import main
from recircle.manifest.manifest import Clip, Manifest
from tests.small_run import write_frames

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in ("lift", "push"):
        for number in range(2):
            write_frames(tmp_path / "data" / label / f"clip{number}", 4, seed=number)
    torn = sorted((tmp_path / "data" / "push" / "clip1").iterdir())[1]
    torn.write_bytes(torn.read_bytes()[:60])
    return tmp_path / "data"


def summary(printed: str) -> dict[str, str]:
    return {line.rpartition(" ")[0].strip(): line.split()[-1] for line in printed.splitlines() if line.strip()}


def test_the_summary_counts_and_the_manifest_is_written(folder: Path, capsys: Capture) -> None:
    assert main(["index", str(folder), "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    counts = summary(printed)
    assert (counts["clips"], counts["classes"], counts["broken clips"]) == ("4", "2", "1")
    assert counts["frames"] == "12"
    assert any("clip1" not in line and "cannot be decoded" in line for line in printed.splitlines())
    assert f"manifest: {folder / 'manifest.csv'}" in printed
    manifest = Manifest.read(folder / "manifest.csv")
    assert [clip.status for clip in manifest.clips].count("broken") == 1


@pytest.mark.filterwarnings("default")  # of one class, the clip to train on is broken
def test_a_share_is_held_out(folder: Path, capsys: Capture) -> None:
    assert main(["index", str(folder), "--holdout", "0.5"]) == 0
    printed = capsys.readouterr()
    counts = summary(printed.out)
    assert (counts["split train"], counts["split val"]) == ("3", "1"), "the broken clip stays with training"
    told = "held out for validation: 1 of 3 clips (33.3%, asked for 50.0%); from 0.0% of 'push' to 50.0% of 'lift'"
    assert told in printed.out
    assert "have clips to train on and none to evaluate on: 'push'" in printed.err
    assert {clip.split for clip in Manifest.read(folder / "manifest.csv").clips} == {"train", "val"}
    assert main(["index", str(folder), "--holdout", "2"]) == 2


def test_another_place_and_a_list(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    clips = folder / "manifest.csv"
    clips.write_text("path,label\nlift/clip0,lift\npush/clip0,push\n")
    assert main(["index", str(clips)]) == 2
    assert "would be overwritten; give another output" in capsys.readouterr().err
    assert main(["index", str(clips), "--output", str(tmp_path / "m.csv"), "--workers", "1"]) == 0
    assert summary(capsys.readouterr().out)["clips"] == "2"
    assert len(Manifest.read(tmp_path / "m.csv")) == 2


@pytest.mark.filterwarnings("default")
def test_a_known_data_set_is_named_and_an_incomplete_copy_is_told(tmp_path: Path, capsys: Capture) -> None:
    write_frames(tmp_path / "20bn-jester-v1" / "1", 4, seed=0)
    (tmp_path / "jester-v1-labels.csv").write_text("Swiping Left\n")
    (tmp_path / "jester-v1-train.csv").write_text("1;Swiping Left\n2;Swiping Left\n")
    assert main(["index", str(tmp_path), "--layout", "jester", "--workers", "1"]) == 0
    printed = capsys.readouterr()
    counts = summary(printed.out)
    assert (counts["data set"], counts["clips"], counts["broken clips"], counts["file not found"]) == (
        "jester",
        "2",
        "1",
        "1",
    )
    told = " ".join(printed.err.split())
    assert "not a complete copy of jester: 1 clips of split train can be read, a complete copy has 118562" in told
    assert Manifest.read(tmp_path / "manifest.csv").datasets == ("jester",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--layout", "xyz"], "xyz"),
        (["--workers", "0"], "--workers 0 must be 1 or more"),
        (["--seconds", "0"], "--seconds 0 must be above 0"),
        (["--output", "m.txt"], "m.txt"),
    ],
)
def test_a_wrong_option_is_one_sentence(options: list[str], words: str, folder: Path, capsys: Capture) -> None:
    assert main(["index", str(folder), *options]) == 2
    assert words in capsys.readouterr().err


def test_a_folder_without_clips_is_a_user_error(tmp_path: Path, capsys: Capture) -> None:
    for path in (tmp_path, tmp_path / "none"):
        assert main(["index", str(path)]) == 2
        assert str(path) in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("default")
def test_a_class_on_one_side_only_and_look_alikes_are_told(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    clips = folder / "list.csv"
    lines = "path,label,split\nlift/clip0,lift,train\nlift/clip1,Lift,train\npush/clip0,push,val\n"
    clips.write_text(lines)
    assert main(["index", str(clips), "--output", str(tmp_path / "m.csv"), "--workers", "1"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "classes have clips to evaluate on and none to train on: 'push'" in told
    assert "1 class is spelt in several ways, which count as classes of their own: 'Lift' and 'lift'" in told


@pytest.mark.filterwarnings("default")
def test_frame_counts_that_are_labels_are_told(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    clips = folder / "list.txt"
    clips.write_text("lift/clip0 1 3\nlift/clip1 2 4\n")
    assert main(["index", str(clips), "--output", str(tmp_path / "m.csv"), "--workers", "1"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "gives 2 of 2 clips another number of frames than they have" in told
    assert "several are not read" in told


@pytest.mark.filterwarnings("ignore:nothing is held out")
def test_absolute_paths_of_a_list_stay_absolute(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    clips = tmp_path / "lists" / "list.csv"
    clips.parent.mkdir()
    clips.write_text(f"path,label\n{folder}/lift/clip0,lift\n{folder}/push/clip0,push\n")
    output = tmp_path / "elsewhere" / "m.csv"
    assert main(["index", str(clips), "--output", str(output), "--holdout", "0.5", "--workers", "1"]) == 0
    manifest = Manifest.read(output)
    assert [clip.path for clip in manifest.clips] == [f"{folder}/lift/clip0", f"{folder}/push/clip0"]
    assert [clip.status for clip in manifest.clips] == ["ok", "ok"]


def test_clips_that_are_all_broken_are_listed_and_no_success(folder: Path, capsys: Capture) -> None:
    for image in folder.rglob("*.png"):
        image.write_bytes(b"no image")
    for options in ([], ["--holdout", "0.5"]):
        assert main(["index", str(folder), "--workers", "1", *options]) == 1
        printed = capsys.readouterr()
        assert summary(printed.out)["broken clips"] == "4"
        assert printed.err == (
            f"error: none of the clips in {folder} can be read: there is nothing to train on, only the list of the "
            "faults\n"
        )
        assert {clip.status for clip in Manifest.read(folder / "manifest.csv").clips} == {"broken"}


def test_the_commonest_remarks_are_shown_with_their_counts(tmp_path: Path) -> None:
    texts = ["cut short"] * 3 + ["turned"] * 2 + [f"odd {number}" for number in range(6)]
    clips = tuple(Clip(path=str(number), frames=1, fault=text) for number, text in enumerate(texts))
    table = summary_of(Manifest((*clips, Clip(path="fine", frames=1)), tmp_path))
    rows = list(zip(*(map(str, column.cells) for column in table.columns)))
    first = rows.index(("clips with a remark", "11"))
    assert rows[first + 1 : first + 3] == [("  cut short", "3"), ("  turned", "2")]
    assert rows[-1] == ("  others, which the manifest has in its column fault", "3")
