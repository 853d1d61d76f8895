"""Layouts of the public data sets: tiny folders laid out like the real ones, and the real annotation files."""

import json
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.layouts import LAYOUTS, diving48, find_clips, finegym, jester, something_v1, something_v2
from recircle.layouts.counts import COMPLETE
from recircle.layouts.id_lists import read_labels, read_list
from recircle.layouts.index import index_folder
from recircle.manifest.manifest import Clip, Manifest
from tests import media


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


def test_the_data_set_is_in_each_row(tmp_path: Path) -> None:
    touch(tmp_path, f"{jester.FRAMES}/1/00001.jpg", "own/lift/a.mp4")
    write(tmp_path / jester.LABELS, "Swiping Left\n")
    write(tmp_path / jester.LISTS["train"], "1;Swiping Left\n")
    assert {clip.dataset for clip in find_clips(tmp_path)} == {"jester"}
    assert {clip.dataset for clip in find_clips(tmp_path / "own")} == {""}
    manifest = Manifest(tuple(find_clips(tmp_path)), tmp_path).write(tmp_path / "m.csv")
    assert manifest.datasets == ("jester",)
    assert {clip.dataset for clip in find_clips(tmp_path / "m.csv")} == {"jester"}, "a manifest that is indexed again"


class TestDiving48:
    VOCABULARY = (("Back", "15som", "05Twis", "FREE"), ("Reverse", "Dive", "NoTwis", "TUCK"))

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        touch(tmp_path, "rgb/_8Vy3dlHg2w_00000.mp4", "rgb/-mNlSsbHsmk_00012.mp4", "rgb/x1_y2_00003.mp4")
        write(tmp_path / diving48.VOCABULARY, json.dumps(self.VOCABULARY))
        self.lists(
            tmp_path, "V2_", {"_8Vy3dlHg2w_00000": 0, "gone_00001": 1}, {"-mNlSsbHsmk_00012": 1, "x1_y2_00003": 0}
        )
        return tmp_path

    @staticmethod
    def lists(folder: Path, middle: str, train: dict[str, int], test: dict[str, int]) -> None:
        for split, entries in (("train", train), ("test", test)):
            content = [
                {"vid_name": name, "label": label, "start_frame": 0, "end_frame": 40} for name, label in entries.items()
            ]
            write(folder / f"Diving48_{middle}{split}.json", json.dumps(content))

    def test_lists_give_labels_and_splits(self, folder: Path) -> None:
        expected = [
            ("rgb/_8Vy3dlHg2w_00000.mp4", "Back+15som+05Twis+FREE", "Back", "train", "_8Vy3dlHg2w", "diving48_v2"),
            ("rgb/gone_00001.mp4", "Reverse+Dive+NoTwis+TUCK", "Reverse", "train", "gone", "diving48_v2"),
            ("rgb/-mNlSsbHsmk_00012.mp4", "Reverse+Dive+NoTwis+TUCK", "Reverse", "test", "-mNlSsbHsmk", "diving48_v2"),
            ("rgb/x1_y2_00003.mp4", "Back+15som+05Twis+FREE", "Back", "test", "x1_y2", "diving48_v2"),
        ]
        columns = ("path", "label", "parent", "split", "group", "dataset")
        assert rows(find_clips(folder), *columns) == expected
        (folder / "annotations").mkdir()
        for path in folder.glob("*.json"):
            path.rename(folder / "annotations" / path.name)
        assert rows(find_clips(folder, "diving48_v2"), *columns) == expected

    def test_frames_serve_as_well(self, folder: Path) -> None:
        (folder / "rgb").rename(folder / "elsewhere")
        touch(folder, "rawframes/_8Vy3dlHg2w_00000/img_00001.jpg", "rawframes/gone_00001/img_00001.jpg")
        paths = [clip.path for clip in find_clips(folder)]
        assert paths[:3] == ["rawframes/_8Vy3dlHg2w_00000", "rawframes/gone_00001", "rawframes/-mNlSsbHsmk_00012.mp4"]

    def test_the_versions_are_never_mixed(self, folder: Path) -> None:
        self.lists(folder, "", {"_8Vy3dlHg2w_00000": 1, "-mNlSsbHsmk_00012": 1}, {"gone_00001": 0})
        with pytest.raises(UserError, match=r"can be read in 2 ways.*diving48_v1, diving48_v2"):
            find_clips(folder)
        second = find_clips(folder, "diving48_v2")
        touch(folder, "rgb/unknown_00000.mp4")
        with pytest.warns(UserWarning, match=r"1 clips on disk are in no list.*unknown_00000"):
            first = find_clips(folder, "diving48_v1")
        assert {clip.dataset for clip in first} == {"diving48_v1"}
        assert [clip.label for clip in first if "_8Vy" in clip.path] != [
            clip.label for clip in second if "_8Vy" in clip.path
        ]

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("Diving48_V2_train.json", "{}", "a JSON list of clips is wanted"),
            (
                "Diving48_V2_train.json",
                '[{"vid_name": "a", "label": 2}]',
                "entry 1: there is no class number 2 among the 2",
            ),
            ("Diving48_V2_train.json", '[{"vid_name": "a"}]', "entry 1: an entry has a `vid_name` and a `label`"),
            (diving48.VOCABULARY, '["Back"]', "a JSON list such as"),
        ],
    )
    def test_errors_name_the_entry(self, folder: Path, name: str, text: str, message: str) -> None:
        write(folder / name, text)
        with pytest.raises(UserError, match=message):
            find_clips(folder, "diving48_v2")

    def test_a_wrong_folder_is_told_apart(self, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        with pytest.raises(UserError, match=r"Diving48_train\.json or Diving48_V1_train\.json is missing"):
            find_clips(folder, "diving48_v1")
        self.lists(folder, "V2_", {"a_1": 0}, {"b_1": 1})
        with pytest.raises(UserError, match=r"none of the 2 clips that the lists name is there, such as rgb/a_1\.mp4"):
            find_clips(folder, "diving48_v2")
        empty = tmp_path_factory.mktemp("empty")
        with pytest.raises(UserError, match=r"Diving48_vocab\.json is missing"):
            find_clips(empty, "diving48_v2")
        (folder / "rgb").rename(folder / "clips")
        with pytest.raises(UserError, match="no folder of clips is there; looked for rgb/, videos/"):
            find_clips(folder, "diving48_v2")

    def test_the_real_vocabulary(self, shared_data: Path, tmp_path: Path) -> None:
        real = (shared_data / "annotations" / "diving48" / "vocab_48.txt").read_text().split()
        path = write(tmp_path / diving48.VOCABULARY, json.dumps([name.split("+") for name in real]))
        assert diving48.read_vocabulary(path) == tuple(real)
        assert len(set(real)) == 48


class TestKinetics400:
    HEADER = "label,youtube_id,time_start,time_end,split\n"

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        touch(tmp_path, "train/--3ouPhoy2A_000020_000030.mp4", "train/abseiling/-3B32lodo2M_000059_000069.mkv")
        touch(tmp_path, "val/air_drumming/0-ab_000001_000011.mp4", "val/--3ouPhoy2A_000020_000030.mp4")
        write(
            tmp_path / "annotations" / "train.csv",
            self.HEADER + 'air drumming,--3ouPhoy2A,20,30,train\n"massaging person\'s head",gone,1,11,train\n'
            "abseiling,-3B32lodo2M,59.0,69.0,train\n",
        )
        write(
            tmp_path / "validate.csv", self.HEADER + "air drumming,0-ab,1,11,validate\nabseiling,lost,3,13,validate\n"
        )
        return tmp_path

    def test_clips_are_found_by_id_and_times(self, folder: Path) -> None:
        touch(folder, "train/unknown_000000_000010.mp4")
        with pytest.warns(UserWarning, match=r"1 clips on disk are in no list.*train/unknown"):
            clips = find_clips(folder)
        assert rows(clips, "path", "label", "split", "dataset") == [
            ("train/--3ouPhoy2A_000020_000030.mp4", "air drumming", "train", "kinetics400"),
            ("train/gone_000001_000011.mp4", "massaging person's head", "train", "kinetics400"),
            ("train/abseiling/-3B32lodo2M_000059_000069.mkv", "abseiling", "train", "kinetics400"),
            ("val/air_drumming/0-ab_000001_000011.mp4", "air drumming", "val", "kinetics400"),
            ("val/lost_000003_000013.mp4", "abseiling", "val", "kinetics400"),
        ]

    def test_without_lists_what_is_there_counts(self, tmp_path: Path) -> None:
        touch(tmp_path, "train/air_drumming/a.mp4", "val/abseiling/b.mp4")
        with pytest.warns(UserWarning, match="clips that are missing cannot be named"):
            clips = find_clips(tmp_path, "kinetics400")
        assert rows(clips, "label", "split") == [("air drumming", "train"), ("abseiling", "val")]
        touch(tmp_path, "lone.mp4")
        with pytest.raises(UserError, match=r"neither the lists train\.csv and val\.csv nor clips in train/CLASS/"):
            find_clips(tmp_path, "kinetics400")

    def test_times_that_are_no_numbers_are_an_error(self, folder: Path) -> None:
        write(folder / "validate.csv", self.HEADER + "abseiling,0-ab,one,11,validate\n")
        with pytest.raises(UserError, match=r"validate\.csv, line 2: time_start and time_end are not seconds"):
            find_clips(folder)


class TestUCF101:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        touch(tmp_path, "UCF-101/Archery/v_Archery_g01_c01.avi", "UCF-101/Archery/v_Archery_g08_c02.avi")
        touch(tmp_path, "UCF-101/HandstandPushups/v_HandStandPushups_g02_c01.avi")
        lists = tmp_path / "ucfTrainTestlist"
        for split in (1, 2, 3):
            train = "Archery/v_Archery_g08_c02.avi 3\n" + "HandstandPushups/v_HandStandPushups_g02_c01.avi 38\n" * (
                split > 1
            )
            write(lists / f"trainlist0{split}.txt", train)
            test = "Archery/v_Archery_g01_c01.avi\n" + "HandstandPushups/v_HandStandPushups_g02_c01.avi\n" * (
                split == 1
            )
            write(lists / f"testlist0{split}.txt", test)
        return tmp_path

    def test_each_split_is_a_layout(self, folder: Path) -> None:
        with pytest.raises(UserError, match="ucf101_split1, ucf101_split2, ucf101_split3"):
            find_clips(folder)
        assert rows(find_clips(folder, "ucf101_split1"), "path", "label", "split", "group") == [
            ("UCF-101/Archery/v_Archery_g08_c02.avi", "Archery", "train", "Archery/g08"),
            ("UCF-101/Archery/v_Archery_g01_c01.avi", "Archery", "test", "Archery/g01"),
            (
                "UCF-101/HandstandPushups/v_HandStandPushups_g02_c01.avi",
                "HandstandPushups",
                "test",
                "HandstandPushups/g02",
            ),
        ]
        second = find_clips(folder, "ucf101_split2")
        assert [clip.split for clip in second] == ["train", "train", "test"]
        assert {clip.dataset for clip in second} == {"ucf101_split2"}

    def test_lists_that_are_missing_or_wrong_are_named(self, folder: Path) -> None:
        write(folder / "ucfTrainTestlist" / "trainlist03.txt", "Archery/v_Archery.avi 3\n")
        with pytest.raises(UserError, match=r"trainlist03\.txt, line 1: .* is not of the form CLASS/v_CLASS_g01_c01"):
            find_clips(folder, "ucf101_split3")
        (folder / "ucfTrainTestlist" / "testlist01.txt").unlink()
        with pytest.raises(UserError, match=r"testlist01\.txt is missing"):
            find_clips(folder, "ucf101_split1")

    def test_real_clips(self, shared_data: Path, tmp_path: Path) -> None:
        clips = shared_data / "clips" / "ucf101"
        if not clips.is_dir():
            pytest.skip("no clips of UCF101 lie beside the checkout")
        (tmp_path / "UCF-101").mkdir()
        lines = []
        for number, file in enumerate(sorted(clips.iterdir())):
            label = file.name.split("_")[1]
            (tmp_path / "UCF-101" / label).mkdir(exist_ok=True)
            (tmp_path / "UCF-101" / label / file.name).symlink_to(file)
            lines.append(f"{label}/{file.name} {number}\n")
        write(tmp_path / "ucfTrainTestlist" / "trainlist01.txt", "".join(lines[1:]))
        write(tmp_path / "ucfTrainTestlist" / "testlist01.txt", lines[0])
        with pytest.warns(UserWarning, match="3 clips of split train can be read, a complete copy has 9537"):
            manifest = index_folder(tmp_path, layout="ucf101_split1", workers=0)
        assert [clip.status for clip in manifest.clips] == ["ok"] * 4
        official = (shared_data / "annotations" / "mmaction2_label_maps" / "ucf101__label_map.txt").read_text().split()
        assert set(manifest.labels) <= set(official)


class TestHMDB51:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        touch(tmp_path, "hmdb51_org/brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi")
        touch(tmp_path, "hmdb51_org/ride_bike/#437_How_To (x)_ride_bike_f.avi", "hmdb51_org/ride_bike/spare_1.avi")
        for split in (1, 2, 3):
            lists = tmp_path / "testTrainMulti_7030_splits"
            write(
                lists / f"brush_hair_test_split{split}.txt",
                f"April_09_brush_hair_u_nm_np1_ba_goo_0.avi {1 + (split == 2)} \ngone_brush_hair.avi 2 \n",
            )
            write(lists / f"ride_bike_test_split{split}.txt", "#437_How_To (x)_ride_bike_f.avi 1 \nspare_1.avi 0 \n")
        return tmp_path

    def test_each_split_is_a_layout(self, folder: Path) -> None:
        with pytest.raises(UserError, match="hmdb51_split1, hmdb51_split2, hmdb51_split3"):
            find_clips(folder)
        root = "hmdb51_org"
        expected = [
            (f"{root}/brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "brush_hair", "train"),
            (f"{root}/brush_hair/gone_brush_hair.avi", "brush_hair", "test"),
            (f"{root}/ride_bike/#437_How_To (x)_ride_bike_f.avi", "ride_bike", "train"),
        ]
        assert rows(find_clips(folder, "hmdb51_split1"), "path", "label", "split") == expected
        assert [clip.split for clip in find_clips(folder, "hmdb51_split2")] == ["test", "test", "train"]

    def test_lists_that_are_missing_or_wrong_are_named(self, folder: Path) -> None:
        write(folder / "testTrainMulti_7030_splits" / "ride_bike_test_split3.txt", "a.avi 3\n")
        with pytest.raises(
            UserError, match=r"ride_bike_test_split3\.txt, line 1: 'a\.avi 3' does not end in 0, 1 or 2"
        ):
            find_clips(folder, "hmdb51_split3")
        (folder / "testTrainMulti_7030_splits").rename(folder / "old")
        with pytest.raises(UserError, match=r"no CLASS_test_split1\.txt is here or in testTrainMulti_7030_splits"):
            find_clips(folder, "hmdb51_split1")


class TestFineGym:
    TRAIN = "0LtLS9wROrk_E_002407_002435_A_0003_0005"
    VAL = "zfqS-wCJSsw_E_006244_006252_A_0000_0007"

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        touch(
            tmp_path, f"subactions/{self.TRAIN}.mp4", "videos/0LtLS9wROrk.mp4", "events/0LtLS9wROrk_E_002407_002435.mp4"
        )
        write(tmp_path / "gym99_train_element_v1.1.txt", f"{self.TRAIN} 0\n")
        write(tmp_path / "gym99_val_element.txt", f"{self.VAL} 98\n")
        lines = (
            f"Clabel: {number}; set: {set_}; Glabel: {number + 3}; ({event}) move {number}\n"
            for number, (set_, event) in enumerate([(1, "VT")] * 50 + [(2, "UB")] * 49)
        )
        write(tmp_path / "gym99_categories.txt", "".join(lines))
        return tmp_path

    def test_lists_give_labels_and_splits(self, folder: Path) -> None:
        assert rows(find_clips(folder), "path", "label", "parent", "split", "group", "dataset") == [
            (f"subactions/{self.TRAIN}.mp4", "(VT) move 0", "VT set 1", "train", "0LtLS9wROrk", "finegym_gym99"),
            (f"subactions/{self.VAL}.mp4", "(UB) move 98", "UB set 2", "val", "zfqS-wCJSsw", "finegym_gym99"),
        ]

    def test_without_categories_labels_are_numbers(self, folder: Path) -> None:
        (folder / "gym99_categories.txt").unlink()
        with pytest.warns(UserWarning, match=r"copy gym99_categories\.txt there"):
            assert [clip.label for clip in find_clips(folder)] == ["0", "98"]

    def test_whole_videos_are_no_clips(self, folder: Path) -> None:
        (folder / "subactions" / f"{self.TRAIN}.mp4").unlink()
        with pytest.raises(UserError, match="none of the 2 clips that the lists name is there"):
            find_clips(folder)

    def test_errors_name_the_list(self, folder: Path) -> None:
        write(folder / "gym99_train_element_v1.0.txt", f"{self.TRAIN} 0\n")
        with pytest.raises(UserError, match=r"training lists of two versions, gym99_train_element_v1\.1\.txt"):
            find_clips(folder)
        (folder / "gym99_train_element_v1.0.txt").unlink()
        write(folder / "gym99_val_element.txt", f"{self.VAL} 99\n")
        with pytest.raises(UserError, match=r"gym99_val_element\.txt, line 1: .* with a number below 99"):
            find_clips(folder)
        write(folder / "gym99_categories.txt", "a\nb\n")
        with pytest.raises(UserError, match="has 2 classes, gym99 has 99"):
            find_clips(folder)
        with pytest.raises(UserError, match=r"gym288_train_element_v1\.1\.txt or .* is missing"):
            find_clips(folder, "finegym_gym288")

    def test_the_real_classes(self, shared_data: Path, folder: Path) -> None:
        real = shared_data / "annotations" / "mmaction2_label_maps" / "gym__label_map.txt"
        (folder / "gym99_categories.txt").unlink()
        write(folder / "annotations" / "label_map.txt", real.read_text())
        train, val = find_clips(folder)
        names = real.read_text().splitlines()
        assert (train.label, val.label) == (names[0], names[98])
        assert (train.parent, val.parent) == ("VT", "UB")
        write(folder / "annotations" / "label_map.txt", "\n".join([*names[:98], names[0]]))
        assert [clip.label for clip in find_clips(folder)] == [f"{names[0]} [0]", f"{names[0]} [98]"]
        assert finegym.SETS["gym99"] == len(names)


class TestTwentyBN:
    def test_jester(self, tmp_path: Path) -> None:
        touch(tmp_path, f"{jester.FRAMES}/9223/00001.jpg", f"{jester.FRAMES}/2/00001.jpg")
        write(tmp_path / "labels" / "labels.csv", "Swiping Left\nThumb Up\n")
        write(tmp_path / "labels" / "train.csv", "9223;Thumb Up\n")
        write(tmp_path / "labels" / "test.csv", "2\n3\n")
        write(tmp_path / "labels" / "test-answers.csv", "2;Swiping Left\n3;Thumb Up\n")
        assert rows(find_clips(tmp_path), "path", "label", "split") == [
            (f"{jester.FRAMES}/9223", "Thumb Up", "train"),
            (f"{jester.FRAMES}/2", "Swiping Left", "test"),
            (f"{jester.FRAMES}/3", "Thumb Up", "test"),
        ]
        with pytest.raises(UserError, match=r"something-something-v1-labels\.csv|cannot be read|is missing"):
            find_clips(tmp_path, "something_v1")

    def test_a_folder_without_its_frames_or_lists_is_an_error(self, tmp_path: Path) -> None:
        write(tmp_path / jester.LABELS, "Swiping Left\n")
        with pytest.raises(UserError, match="the folder 20bn-jester-v1/ is missing; unpack the frames"):
            find_clips(tmp_path, "jester")
        touch(tmp_path, f"{jester.FRAMES}/1/00001.jpg")
        with pytest.raises(UserError, match=r"no list of clips is there; copy jester-v1-train\.csv"):
            find_clips(tmp_path, "jester")
        write(tmp_path / "something-something-v2-labels.json", '{"Opening something": "0"}')
        with pytest.raises(UserError, match="the folder 20bn-something-something-v2/ is missing"):
            find_clips(tmp_path, "something_v2")
        touch(tmp_path, f"{something_v2.VIDEOS}/1.webm")
        with pytest.raises(UserError, match=r"copy train\.json and validation\.json"):
            find_clips(tmp_path, "something_v2")

    def test_test_clips_of_something_v2_have_the_labels_of_the_answers(self, tmp_path: Path) -> None:
        touch(tmp_path, f"{something_v2.VIDEOS}/1420.webm")
        write(tmp_path / "labels" / "labels.json", '{"Opening something": "0"}')
        write(tmp_path / "labels" / "test.json", '[{"id": "1420"}]')
        assert rows(find_clips(tmp_path), "label", "split") == [("", "test")]
        write(tmp_path / "labels" / "test-answers.csv", "1420;Opening something\n")
        assert rows(find_clips(tmp_path), "label", "split") == [("Opening something", "test")]

    def test_families_of_the_real_table(self, shared_data: Path, tmp_path: Path) -> None:
        annotations = shared_data / "annotations"
        labels = read_labels(annotations / "something_v1" / something_v1.LABELS)
        touch(tmp_path, *(f"{something_v1.FRAMES}/{number}/00001.jpg" for number in range(174)))
        write(tmp_path / something_v1.LABELS, "\n".join(labels))
        lines = (f"{number};{label}\n" for number, label in enumerate(labels))
        write(tmp_path / something_v1.LISTS["train"], "".join(lines))
        assert {clip.parent for clip in find_clips(tmp_path)} == {""}
        table = (annotations / "ssv2_hierarchies" / "fine_to_coarse.csv").read_text()
        write(tmp_path / "fine_to_coarse.csv", table)
        families = Manifest(tuple(find_clips(tmp_path)), tmp_path).families
        assert len(families) == 174
        assert len(set(families.values())) == 50
        write(tmp_path / "fine_to_coarse.csv", "fine_grained_class,coarse_grained_class\nHolding [something],Holding\n")
        with pytest.warns(UserWarning, match="has no family for 173 classes"):
            assert sum(bool(clip.parent) for clip in find_clips(tmp_path)) == 1

    def test_the_real_lists_of_jester(self, shared_data: Path) -> None:
        folder = shared_data / "annotations" / "jester"
        labels = read_labels(folder / jester.LABELS)
        assert len(set(labels)) == 27
        validation = read_list(folder / jester.LISTS["val"], labels)
        assert len(validation) == COMPLETE["jester"]["val"][0]


class TestCounts:
    def test_each_data_set_has_its_counts(self) -> None:
        generic = {"csv_list", "folder_per_class", "frame_folders"}
        generic |= {"segments", "label_studio", "cvat", "fiftyone", "hf_videofolder"}
        assert set(COMPLETE) == set(LAYOUTS) - generic
        assert sum(numbers[0] for numbers in COMPLETE["something_v2"].values()) == 220_847
        assert sum(numbers[0] for numbers in COMPLETE["something_v1"].values()) == 108_499
        assert sum(numbers[0] for numbers in COMPLETE["jester"].values()) == 148_092
        for split in (1, 2, 3):
            assert sum(numbers[0] for numbers in COMPLETE[f"ucf101_split{split}"].values()) == 13_320

    def test_the_real_lists_have_these_counts(self, shared_data: Path) -> None:
        annotations = shared_data / "annotations"
        for module in (something_v1, jester):
            folder = annotations / module.FRAMES.removeprefix("20bn-").replace(
                "something-something-", "something_"
            ).replace("jester-v1", "jester")
            labels = read_labels(folder / module.LABELS)
            for split, name in module.LISTS.items():
                if (folder / name).is_file():
                    assert len(read_list(folder / name, labels)) == COMPLETE[folder.name][split][0]
        folder = annotations / "something_v2"
        labels = something_v2.read_labels(something_v2.list_path(folder, "labels"))
        for split, name in (("val", "validation"), ("test", "test")):
            listed = something_v2.read_list(something_v2.list_path(folder, name), labels)
            assert len(listed) == COMPLETE["something_v2"][split][0]
        others = (folder / "raivokoot_something-something-v2-train-processed.txt").read_text().splitlines()
        assert len(others) == COMPLETE["something_v2"]["train"][0]

    def test_both_numbers_are_named(self, tmp_path: Path) -> None:
        media.write_frame_folder(tmp_path / jester.FRAMES / "1", media.grey_frames(3))
        write(tmp_path / jester.LABELS, "Swiping Left\n")
        write(tmp_path / jester.LISTS["train"], "1;Swiping Left\n2;Swiping Left\n")
        with pytest.warns(UserWarning, match="not a complete copy") as seen:
            manifest = index_folder(tmp_path, workers=0)
        (warning,) = seen
        assert str(warning.message) == (
            f"{tmp_path} is not a complete copy of jester: "
            "1 clips of split train can be read, a complete copy has 118562; "
            "0 clips of split val can be read, a complete copy has 14787"
        )
        assert [(clip.status, clip.fault) for clip in manifest.clips] == [("ok", ""), ("broken", "file not found")]

    def test_a_complete_copy_and_own_clips_are_not_remarked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        media.write_frame_folder(tmp_path / jester.FRAMES / "1", media.grey_frames(3))
        write(tmp_path / jester.LABELS, "Swiping Left\n")
        write(tmp_path / jester.LISTS["train"], "1;Swiping Left\n")
        counts = {"jester": {"train": (5, 1), "test": (7,), "val": (0,)}}
        monkeypatch.setattr("recircle.layouts.counts.COMPLETE", counts)
        assert len(index_folder(tmp_path, workers=0)) == 1
        assert len(index_folder(tmp_path / jester.FRAMES, workers=0)) == 1
