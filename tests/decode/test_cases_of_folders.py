"""Folders and images that were once read wrongly, in place: each is read right now, or is told."""

from pathlib import Path

import numpy as np
import pytest

from recircle.decode.frames import decode
from recircle.decode.probe import probe
from recircle.errors import UserError
from recircle.layouts.index import index_folder
from recircle.manifest.manifest import Clip
from tests.conftest import SHARED_DATA

FOLDERS = SHARED_DATA.parent / "cases" / "lists_and_folders"
IMAGES = SHARED_DATA.parent / "cases" / "hostile_media"

pytestmark = pytest.mark.skipif(
    not FOLDERS.is_dir() or not IMAGES.is_dir(), reason="the cases beside the checkout (../shared/cases) are not there"
)


def index(*parts: str) -> dict[str, Clip]:
    return {clip.path: clip for clip in index_folder(FOLDERS.joinpath(*parts), workers=0).clips}


def greys(path: Path, count: int) -> list[int]:
    """Return the number of each frame, whose grey level counts it."""
    levels = decode(path, range(count)).float().mean((1, 2, 3)).numpy()
    return np.round((levels - levels[0]) / (levels[1] - levels[0])).astype(int).tolist()


def test_a_file_beside_splits() -> None:
    with pytest.warns(UserWarning, match=r"neither split nor label: 1 \(demo\.mp4\)"):
        clips = index("02_split_folders", "stray")
    assert {(clip.split, clip.label) for clip in clips.values()} == {
        ("", ""),
        *((split, label) for split in ("train", "val") for label in ("run", "jump")),
    }


def test_a_folder_of_another_name_beside_a_split() -> None:
    with pytest.raises(UserError, match="eval/ beside train/ may be a split or a class"):
        index("02_split_folders", "unknown_name")


@pytest.mark.parametrize("name", ["rgb_and_flow", "masks", "twice", "thumbnail"])
def test_several_series_in_one_folder(name: str) -> None:
    verdict = probe(FOLDERS / "03_series_in_one_folder" / name)
    assert (verdict.status, verdict.frames) == (("broken", 0) if name == "twice" else ("ok", 12))
    assert verdict.fault


@pytest.mark.parametrize("name", ["seconds", "negative"])
def test_the_order_of_names(name: str) -> None:
    assert greys(FOLDERS / "04_order_of_names" / name, 24) == list(range(24))


def test_a_folder_of_videos() -> None:
    assert "is a folder of videos (2: a.mp4, b.mp4" in (probe(FOLDERS / "06_folder_of_videos" / "vids").fault or "")


def test_videos_of_unknown_suffix() -> None:
    clips = index("07_unknown_suffix", "videos")
    assert {clip.label for clip in clips.values()} == {"run", "jump", "swim"}
    assert {clip.frames for clip in clips.values()} == {24}
    assert {"jump/3.m2t", "jump/noext", "swim/1.mod", "swim/2.qt"} <= clips.keys()


@pytest.mark.parametrize("name", ["gif", "audio"])
def test_frames_are_not_torn_apart(name: str) -> None:
    clips = index("08_frames_torn_apart", name)
    assert {path: (clip.frames, clip.status) for path, clip in clips.items()} == {
        "jump/v1": (8, "ok"),
        "run/v1": (8, "ok"),
    }


def test_animated_webp() -> None:
    folder = FOLDERS / "14_animated_webp"
    assert index("14_animated_webp")["anim.webp"].frames == 24
    assert greys(folder / "anim.webp", 24) == list(range(24))
    ((path, clip),) = index("14_animated_webp", "folder").items()
    assert (path, clip.label, clip.frames) == ("run/v1/1.webp", "run", 24)


@pytest.mark.parametrize(
    "name",
    ["thin_png/clip", "eps_as_jpg/clip", "exif_frame/clip", "other_exceptions/AVIF", "other_exceptions/DDS"],
)
def test_hostile_images(name: str) -> None:
    verdict = probe(IMAGES / name)
    assert verdict.status == "broken"
    assert "0001." in (verdict.fault or "")
