"""What lies beside a clip and is not one is left out and told, and what only looks so is not."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recircle.decode.companions import files_beside, folders_beside
from recircle.decode.media_search import search
from recircle.decode.series import arrange
from recircle.errors import UserError
from recircle.layouts import find_clips


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("rgb", ["rgb", "frames", "RGB", "images", "color"])
@pytest.mark.parametrize("made", ["flow", "flow_x", "optical_flow", "Depth", "masks", "depth_maps", "ir", "skeleton"])
def test_folders_of_flow_and_the_like_are_no_clips(tmp_path: Path, rgb: str, made: str) -> None:
    for name in (rgb, made):
        (tmp_path / "run" / "v1" / name).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "run" / "v1" / name / f"{number}.png")
    found = search(tmp_path)
    assert [clip.path for clip in found.clips] == [f"run/v1/{rgb}"]
    assert found.companions == (f"run/v1/{made}",)


@pytest.mark.parametrize("names", [("mask", "wave"), ("rgb", "cam1"), ("normal", "frames"), ("flow", "depth")])
def test_folders_that_may_be_classes_are_kept(names: tuple[str, ...]) -> None:
    assert folders_beside(names) == []


def test_files_that_belong_to_a_video_are_no_clips(tmp_path: Path) -> None:
    kept = ("a.mp4", "b_2.mp4", "mask.mp4", "other.wav", "c_flow.mp4")
    beside = ("a.jpg", "a.wav", "a_flow.mp4", "b_mask_2.mp4")
    found = search(touch(tmp_path / "run", *kept, *beside))
    assert {clip.path for clip in found.clips} == set(kept)
    assert set(found.companions) == set(beside)
    with pytest.warns(UserWarning, match=r"belongs to a clip beside it .* left out: 4 \(run/a\.jpg"):
        find_clips(tmp_path)


def test_a_class_of_its_own_name_is_kept() -> None:
    assert files_beside(["push.mp4", "flow.mp4", "push left.mp4"], []) == []


def test_a_video_and_its_copy_or_frames_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "run/a.mp4", "run/a.avi", "jump/b.mp4", "jump/b/1.png", "jump/b/2.png")
    with pytest.warns(UserWarning, match=r"may be the same are listed each .*: 2 \(jump/b and jump/b\.mp4, run/a\.avi"):
        assert len(find_clips(tmp_path)) == 4


def test_a_folder_of_nothing_but_flow_says_so() -> None:
    names = [f"flow_x_{number:05}.jpg" for number in range(5)]
    series = arrange(names)
    assert list(series.names) == names
    assert "not frames, but made of frames" in series.remark


@pytest.mark.parametrize(
    "tops", [("fold1", "fold2"), ("split 1", "split 2"), ("trn", "tst"), ("\u8bad\u7ec3\u96c6", "\u6d4b\u8bd5\u96c6")]
)
def test_folders_like_splits_are_asked_about(tmp_path: Path, tops: tuple[str, str]) -> None:
    touch(tmp_path, *(f"{top}/{label}/{n}.mp4" for top in tops for label in ("run", "jump") for n in (1, 2)))
    with pytest.raises(UserError, match="may be splits or classes"):
        find_clips(tmp_path)


def test_splits_in_a_folder_named_as_a_split_are_asked_about(tmp_path: Path) -> None:
    touch(tmp_path, *(f"train/{split}/{label}/1.mp4" for split in ("train", "val") for label in ("run", "jump")))
    with pytest.raises(UserError, match=r"If these are the splits of all classes, give .*train"):
        find_clips(tmp_path)


def test_folders_of_the_same_names_in_all_others_are_told(tmp_path: Path) -> None:
    touch(
        tmp_path, *(f"{person}/{label}/{n}.mp4" for person in ("s1", "s2") for label in ("run", "jump") for n in (1, 2))
    )
    with pytest.warns(UserWarning, match=r"s1/, s2/ hold folders of the same names \(jump/, run/\)"):
        assert {clip.label for clip in find_clips(tmp_path)} == {"s1", "s2"}


def test_a_folder_of_each_clip_in_classes_is_nothing_to_tell(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{label}/{n}/rgb.mp4" for label in ("run", "jump") for n in (1, 2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert {clip.label for clip in find_clips(tmp_path)} == {"run", "jump"}
