"""Layouts of data sets: tiny folders laid out like the real ones, and the real lists."""

import csv
import json
import warnings
from pathlib import Path

import pytest

from recircle.decode.media_search import find_media
from recircle.errors import UserError
from recircle.layouts import LAYOUTS, csv_list, find_clips, something_v1, something_v2
from recircle.manifest.manifest import Clip


def touch(folder: Path, *names: str) -> Path:
    """Make empty files: layouts do not open clips."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def rows(clips: list[Clip], *names: str) -> list[tuple[str, ...]]:
    return [tuple(getattr(clip, name) for name in names) for clip in clips]


class TestMedia:
    def test_files_that_are_no_media_are_left_out(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.mp4", "B.AVI", "notes.txt", "labels.csv", "x.json", "sheet.xls", "README.md", "noise.wav")
        touch(tmp_path, ".hidden.mp4", ".cache/b.mp4", "__MACOSX/a.mp4", "clip10.webm", "clip9.webm")
        found = [clip.path for clip in find_media(tmp_path)]
        assert found == ["B.AVI", "a.mp4", "clip9.webm", "clip10.webm", "noise.wav"]

    def test_images_alone_are_a_clip_and_beside_others_single(self, tmp_path: Path) -> None:
        touch(tmp_path, "clip/1.jpg", "clip/2.jpg", "clip/times.txt", "mixed/a.mp4", "mixed/poster.png", "deep/x.jpg")
        touch(tmp_path, "deep/below/1.jpg")
        found = {clip.path: (clip.is_folder, clip.is_still) for clip in find_media(tmp_path)}
        assert found == {
            "clip": (True, False),
            "deep/below": (True, False),
            "deep/x.jpg": (False, True),
            "mixed/a.mp4": (False, False),
            "mixed/poster.png": (False, True),
        }

    def test_links_are_followed_but_not_in_circles(self, tmp_path: Path) -> None:
        touch(tmp_path / "elsewhere", "a.mp4")
        data = tmp_path / "data"
        data.mkdir()
        (data / "class").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "back").symlink_to(data)
        assert [found.path for found in find_media(data)] == ["class/a.mp4"]


class TestFolders:
    def test_a_folder_a_class(self, tmp_path: Path) -> None:
        touch(tmp_path, "lift/b.mp4", "lift/a.mp4", "push left/c/1.jpg", "push left/c/2.jpg", "loose.avi")
        assert rows(find_clips(tmp_path), "path", "label", "split") == [
            ("lift/a.mp4", "lift", ""),
            ("lift/b.mp4", "lift", ""),
            ("loose.avi", "", ""),
            ("push left/c", "push left", ""),
        ]

    def test_an_upper_level_of_splits(self, tmp_path: Path) -> None:
        touch(tmp_path, "train/lift/a.mp4", "Validation/lift/b.mp4", "test/push/deeper/c.mp4")
        assert rows(find_clips(tmp_path), "path", "label", "split") == [
            ("Validation/lift/b.mp4", "lift", "val"),
            ("test/push/deeper/c.mp4", "push", "test"),
            ("train/lift/a.mp4", "lift", "train"),
        ]

    def test_classes_that_are_called_like_splits_stay_classes(self, tmp_path: Path) -> None:
        touch(tmp_path, "test/a.mp4", "lift/b.mp4")
        assert {clip.label for clip in find_clips(tmp_path)} == {"test", "lift"}

    def test_single_images_among_videos_are_listed_with_a_warning(self, tmp_path: Path) -> None:
        touch(tmp_path, "lift/a.mp4", "lift/poster.jpg")
        with pytest.warns(UserWarning, match="each of the 1 is listed as a clip of one frame"):
            assert len(find_clips(tmp_path)) == 2

    def test_folders_of_frames(self, tmp_path: Path) -> None:
        touch(tmp_path, "train/0002/1.jpg", "train/0010/1.jpg", "test/0001/1.jpg")
        assert LAYOUTS["frame_folders"].matches(tmp_path)
        assert rows(find_clips(tmp_path), "path", "label", "split") == [
            ("test/0001", "", "test"),
            ("train/0002", "", "train"),
            ("train/0010", "", "train"),
        ]
        assert {clip.label for clip in find_clips(tmp_path / "train")} == {""}
        assert rows(find_clips(tmp_path / "train" / "0002"), "path") == [(".",)]

    def test_folders_of_frames_in_classes(self, tmp_path: Path) -> None:
        touch(tmp_path, "lift/0001/1.jpg", "push/0002/1.jpg")
        assert not LAYOUTS["frame_folders"].matches(tmp_path)
        assert [clip.label for clip in find_clips(tmp_path)] == ["lift", "push"]
        assert [clip.label for clip in find_clips(tmp_path, "frame_folders")] == ["", ""]


class TestChoice:
    def test_errors_name_the_place_and_the_remedy(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="no such folder or list"):
            find_clips(tmp_path / "none")
        with pytest.raises(UserError, match="holds no videos"):
            find_clips(tmp_path)
        touch(tmp_path, "a.mp4")
        with pytest.raises(UserError, match="layout='ucf' is unknown; use one of auto, csv_list"):
            find_clips(tmp_path, "ucf")
        with pytest.raises(UserError, match=r"something-something-v1-labels\.csv cannot be read"):
            find_clips(tmp_path, "something_v1")
        with pytest.raises(UserError, match="is a folder, and layout csv_list is for a file"):
            find_clips(tmp_path, "csv_list")
        with pytest.raises(UserError, match="is a list, which is layout csv_list"):
            find_clips(tmp_path / "a.mp4", "folder_per_class")
        with pytest.raises(UserError, match="is for lists of clips"):
            find_clips(tmp_path, labels=tmp_path / "labels.txt")

    def test_a_clip_that_is_listed_twice_is_an_error(self, tmp_path: Path) -> None:
        path = write(tmp_path / "list.csv", "a.mp4,lift\nb.mp4,lift\na.mp4,push\n")
        with pytest.raises(UserError, match=r"a\.mp4 is listed twice"):
            find_clips(path)

    def test_each_layout_says_what_it_is(self) -> None:
        assert all(layout.about for layout in LAYOUTS.values())


class TestLists:
    def test_with_a_header(self, tmp_path: Path) -> None:
        text = '\ufefflabel,path,split,group\n"push, left",x/a b.mp4,Validation,s1\nlift,b.mp4,,s2\n'
        clips = find_clips(write(tmp_path / "list.csv", text))
        assert rows(clips, "path", "label", "split", "group") == [
            ("x/a b.mp4", "push, left", "val", "s1"),
            ("b.mp4", "lift", "", "s2"),
        ]

    def test_without_a_header(self, tmp_path: Path) -> None:
        clips = find_clips(write(tmp_path / "list.txt", "a.mp4;lift;train;s1;move\n\nb.mp4;push\n"))
        assert rows(clips, "path", "label", "split", "group", "parent") == [
            ("a.mp4", "lift", "train", "s1", "move"),
            ("b.mp4", "push", "", "", ""),
        ]

    def test_paths_alone(self, tmp_path: Path) -> None:
        assert rows(find_clips(write(tmp_path / "list.txt", "a b.mp4\nc.mp4\n")), "path", "label") == [
            ("a b.mp4", ""),
            ("c.mp4", ""),
        ]

    def test_a_manifest_is_a_list(self, tmp_path: Path) -> None:
        path = write(tmp_path / "m.csv", "path,label,frames,status,fault\na.mp4,lift,9,broken,cut short\n")
        assert find_clips(path) == [Clip(path="a.mp4", label="lift")]

    def test_a_class_number_at_the_end(self, tmp_path: Path) -> None:
        labels = write(tmp_path / "classes.txt", "lift\npush left\n")
        path = write(tmp_path / "trainlist01.txt", "Lift/v 1.avi 0\nPush/v2.avi 1\n")
        assert rows(find_clips(path, labels=labels), "path", "label", "split") == [
            ("Lift/v 1.avi", "lift", "train"),
            ("Push/v2.avi", "push left", "train"),
        ]
        with pytest.warns(UserWarning, match="labels are numbers"):
            assert [clip.label for clip in find_clips(path)] == ["0", "1"]

    def test_frame_counts_and_paths_of_another_machine(self, tmp_path: Path) -> None:
        touch(tmp_path, "jpg/85/00001.jpg", "jpg/9/00001.jpg")
        text = "/home/them/data/jpg/85 46 1\n/home/them/data/jpg/9 50 0\n/home/them/data/jpg/7 50 0\n"
        path = write(tmp_path / "something_v1_vallist.txt", text)
        labels = write(tmp_path / "labels.json", '{"push": "1", "lift": "0"}')
        with pytest.warns(UserWarning, match="2 clips are found by the last parts of their paths alone"):
            clips = find_clips(path, labels=labels)
        assert rows(clips, "path", "label", "frames", "split") == [
            ("jpg/85", "push", 46, "val"),
            ("jpg/9", "lift", 50, "val"),
            ("/home/them/data/jpg/7", "lift", 50, "val"),
        ]

    def test_first_and_last_frame(self, tmp_path: Path) -> None:
        touch(tmp_path, "78687.webm", "42326.webm")
        path = write(tmp_path / "train.txt", "78687 0 50 1\n42326 0 47 0\n")
        labels = write(tmp_path / "classes.txt", "lift\npush\n")
        with pytest.warns(UserWarning, match="the whole clips are taken"):
            clips = find_clips(path, labels=labels)
        assert rows(clips, "path", "label", "frames", "split") == [
            ("78687.webm", "push", 51, "train"),
            ("42326.webm", "lift", 48, "train"),
        ]
        part = write(tmp_path / "part.txt", "78687 10 50 1\n42326 3 47 0\n")
        with pytest.warns(UserWarning, match="the whole clips are taken"):
            find_clips(part, labels=labels)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty"),
            ("a.mp4,lift,holdout\n", "line 1: split='holdout' is unknown"),
            ("path,lable\na.mp4,lift\n", "line 1: column 'lable' is unknown; known are path, label"),
            ("a.mp4,lift,train,s1,move,more\n", "line 1: 6 fields; write path, label"),
            ("a.mp4,lift\n,push\n", "line 2: the path is empty; write path"),
            ("a.mp4 lift\n", "line 1: 'a.mp4 lift' ends in no class number; put a comma"),
            ("a.mp4 7\n", "line 1: there is no class number 7 among the 2"),
            ("a.mp4,drop\n", "line 1: label 'drop' is not one of the 2 in .*classes.txt"),
        ],
    )
    def test_errors_name_the_line(self, tmp_path: Path, text: str, message: str) -> None:
        path = write(tmp_path / "list.txt", text)
        labels = write(tmp_path / "classes.txt", "lift\npush\n")
        with pytest.raises(UserError, match=message):
            find_clips(path, labels=labels)

    def test_other_encodings_are_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "list.csv").write_bytes("a.mp4,öffnen\n".encode("latin-1"))
        with pytest.raises(UserError, match="is not UTF-8"):
            find_clips(tmp_path / "list.csv")


class TestSomethingV1:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        touch(tmp_path, *(f"{something_v1.FRAMES}/{video}/00001.jpg" for video in (3, 20, 100)))
        write(tmp_path / something_v1.LABELS, "Holding something\nOpening something\n")
        write(tmp_path / something_v1.LISTS["train"], "20;Opening something\n3;Holding something\n")
        write(tmp_path / something_v1.LISTS["test"], "100\n7\n")
        return tmp_path

    def test_lists_give_labels_and_splits(self, folder: Path) -> None:
        root = something_v1.FRAMES
        assert rows(find_clips(folder), "path", "label", "split") == [
            (f"{root}/20", "Opening something", "train"),
            (f"{root}/3", "Holding something", "train"),
            (f"{root}/100", "", "test"),
            (f"{root}/7", "", "test"),
        ]

    def test_clips_in_no_list_are_counted(self, folder: Path) -> None:
        (folder / something_v1.LISTS["test"]).unlink()
        with pytest.warns(UserWarning, match=r"1 clips on disk are in no list and are left out \(.*/100\)"):
            assert len(find_clips(folder)) == 2

    def test_an_unknown_label_is_an_error(self, folder: Path) -> None:
        write(folder / something_v1.LISTS["train"], "20;Opening something\n3;Dropping something\n")
        with pytest.raises(UserError, match=r"train\.csv, line 2: label 'Dropping something' is not one of the 2"):
            find_clips(folder)

    def test_a_line_without_a_number_is_an_error(self, folder: Path) -> None:
        write(folder / something_v1.LISTS["train"], "20,Opening something\n")
        with pytest.raises(UserError, match="line 1: '20,Opening something' is not the number of a video"):
            find_clips(folder)

    def test_the_list_of_classes_is_needed(self, folder: Path) -> None:
        (folder / something_v1.LABELS).unlink()
        with pytest.raises(UserError, match=r"v1-labels\.csv cannot be read"):
            find_clips(folder)

    def test_the_real_lists(self, shared_data: Path) -> None:
        folder = shared_data / "annotations" / "something_v1"
        labels = something_v1.read_labels(folder / something_v1.LABELS)
        assert len(set(labels)) == 174
        validation = something_v1.read_list(folder / something_v1.LISTS["val"], labels)
        assert len(validation) == 11_522
        assert {label for _, label in validation} == set(labels)
        assert len(something_v1.read_list(folder / something_v1.LISTS["test"], labels)) == 10_960

    def test_the_real_list_of_another_code_base_agrees(self, shared_data: Path) -> None:
        folder = shared_data / "annotations" / "something_v1"
        labels = something_v1.read_labels(folder / something_v1.LABELS)
        official = dict(something_v1.read_list(folder / something_v1.LISTS["val"], labels))
        clips = csv_list.find(folder / "something_v1_vallist.txt", folder / "category_tea_order.txt")
        assert {Path(clip.path).name: clip.label for clip in clips} == official
        assert {clip.split for clip in clips} == {"val"}


class TestSomethingV2:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        touch(tmp_path, *(f"{something_v2.VIDEOS}/{video}.webm" for video in (3, 20, 100)))
        lists = {
            "labels": {"Opening something": "1", "Holding something": "0"},
            "train": [{"id": "20", "label": "opening a door", "template": "Opening [something]"}],
            "validation": [
                {"id": 3, "template": "Holding [something]"},
                {"id": "7", "template": "Opening [something]"},
            ],
            "test": [{"id": "100"}],
        }
        for name, content in lists.items():
            write(tmp_path / f"something-something-v2-{name}.json", json.dumps(content))
        return tmp_path

    def test_lists_give_labels_and_splits(self, folder: Path) -> None:
        root = something_v2.VIDEOS
        expected = [
            (f"{root}/20.webm", "Opening something", "train", ""),
            (f"{root}/3.webm", "Holding something", "val", ""),
            (f"{root}/7.webm", "Opening something", "val", ""),
            (f"{root}/100.webm", "", "test", ""),
        ]
        assert rows(find_clips(folder), "path", "label", "split", "parent") == expected
        (folder / "labels").mkdir()
        for name in ("labels", "train", "validation", "test"):
            (folder / f"something-something-v2-{name}.json").rename(folder / "labels" / f"{name}.json")
        assert rows(find_clips(folder), "path", "label", "split", "parent") == expected

    def test_clips_in_no_list_are_counted(self, folder: Path) -> None:
        (folder / "something-something-v2-test.json").unlink()
        with pytest.warns(UserWarning, match="1 clips on disk are in no list"):
            assert len(find_clips(folder)) == 3

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("train", '[{"id": "20", "template": "Dropping [something]"}]', "entry 1: label 'Dropping something'"),
            ("train", '[{"label": "x"}]', "entry 1: '' is not the number of a video"),
            ("train", "{}", "a JSON list of videos is wanted"),
            ("train", "[", "is not JSON"),
            ("labels", "[]", "a JSON object of classes"),
        ],
    )
    def test_errors_name_the_entry(self, folder: Path, name: str, text: str, message: str) -> None:
        write(folder / f"something-something-v2-{name}.json", text)
        with pytest.raises(UserError, match=message):
            find_clips(folder)

    def test_the_real_lists(self, shared_data: Path) -> None:
        folder = shared_data / "annotations" / "something_v2"
        labels = something_v2.read_labels(something_v2.list_path(folder, "labels"))
        assert len(labels) == 174
        assert labels[0] == "Approaching something with your camera"
        validation = something_v2.read_list(something_v2.list_path(folder, "validation"), labels)
        assert len(validation) == 24_777
        assert {label for _, label in validation} == set(labels)
        assert all(not label for _, label in something_v2.read_list(something_v2.list_path(folder, "test"), labels))

    @pytest.mark.parametrize(
        ("name", "count"),
        [
            ("raivokoot_something-something-v2-validation-processed.txt", 24_777),
            pytest.param("something_v2_vallist.txt", 24_777, marks=pytest.mark.slow),
        ],
    )
    def test_the_real_lists_of_other_code_bases_agree(self, shared_data: Path, name: str, count: int) -> None:
        folder = shared_data / "annotations" / "something_v2"
        labels = something_v2.list_path(folder, "labels")
        with warnings.catch_warnings():
            # one of them names first and last frames
            warnings.filterwarnings("ignore", message=".*the whole clips are taken")
            clips = csv_list.find(folder / name, labels)
        assert len(clips) == count
        assert min(clip.frames for clip in clips) > 0
        official = dict(
            something_v2.read_list(something_v2.list_path(folder, "validation"), something_v2.read_labels(labels))
        )
        given = {Path(clip.path).name: clip.label for clip in clips}
        assert all(given.get(video, label) == label for video, label in official.items())


class TestSmallSets:
    def test_miracl_words(self, tmp_path: Path) -> None:
        touch(tmp_path, "clips/F01_01_01/00001.jpg", "clips/M04_02_10/00001.jpg", "clips/X/00001.jpg")
        text = (
            "kind,clip,speaker,label,label_name,instance,frames,min_orig_height,max_orig_height\n"
            "words,F01_01_01,F01,0,Begin,1,10,54,145\nwords,M04_02_10,M04,1,Choose,10,9,54,145\n"
        )
        write(tmp_path / "labels.csv", text)
        with pytest.warns(UserWarning, match=r"1 clips on disk are in no list and are left out \(clips/X\)"):
            clips = find_clips(tmp_path)
        assert rows(clips, "path", "label", "group", "split", "frames") == [
            ("clips/F01_01_01", "Begin", "F01", "train", 10),
            ("clips/M04_02_10", "Choose", "M04", "test", 9),
        ]

    def test_ut_interaction(self, tmp_path: Path) -> None:
        touch(tmp_path, "set1/4_1_0.avi", "set2/10_11_4.avi", "sheet.xls")
        text = (
            "path,set,sequence,label,label_name,frames,width,height,fps,sha256_16\n"
            "set1/4_1_0.avi,1,1,0,hand_shaking,183,428,312,30.0,57cb\nset2/10_11_4.avi,2,11,4,punching,90,1,1,30.0,1\n"
        )
        write(tmp_path / "labels.csv", text)
        assert rows(find_clips(tmp_path), "path", "label", "group", "split", "frames") == [
            ("set1/4_1_0.avi", "hand_shaking", "set1/01", "", 183),
            ("set2/10_11_4.avi", "punching", "set2/11", "", 90),
        ]
        write(tmp_path / "labels.csv", text.replace(",11,4,", ",x,4,"))
        with pytest.raises(UserError, match=r"labels\.csv, line 3: sequence='x' is not a number"):
            find_clips(tmp_path)

    def test_the_real_ones(self, shared_data: Path) -> None:
        words = find_clips(shared_data / "miracl_words")
        assert len(words) == 1500
        assert len({clip.label for clip in words}) == 10
        assert len({clip.group for clip in words}) == 15
        assert sum(clip.split == "test" for clip in words) == 500
        interactions = find_clips(shared_data / "ut_interaction")
        assert len(interactions) == 120
        assert len({clip.label for clip in interactions}) == 6
        groups = {clip.group for clip in interactions}
        assert groups == {f"set{1 + (number > 10)}/{number:02d}" for number in range(1, 21)}
        with (shared_data / "ut_interaction" / "labels.csv").open(newline="") as file:
            assert {row["path"]: row["label_name"] for row in csv.DictReader(file)} == {
                clip.path: clip.label for clip in interactions
            }
