"""What a path is: one clip, a folder of clips, or something else; and what a search says it left out."""

import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from recircle.decode import media as kinds
from recircle.decode.frames import DecodeError, decode
from recircle.decode.media import kind_of
from recircle.decode.media_search import find_media, search
from recircle.decode.probe import probe
from recircle.errors import UserError
from recircle.layouts import find_clips
from recircle.layouts.index import index_folder
from recircle.layouts.places import Places
from recircle.manifest.manifest import Clip
from tests import media
from tests.layouts.test_layouts import rows, touch


def write_animation(path: Path, count: int = 8, *, milliseconds: int = 40) -> Path:
    """Write an animated WebP, GIF, PNG or AVIF of grey frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *more = (Image.fromarray(frame) for frame in media.grey_frames(count))
    options: dict[str, Any] = {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=more, duration=milliseconds, **options)
    return path


def found(folder: Path) -> dict[str, str]:
    """Return how each clip under a folder was found."""
    return {
        clip.path: "frames" if clip.is_folder else "still" if clip.is_still else "file" for clip in find_media(folder)
    }


class TestOneFolder:
    @pytest.mark.parametrize("end", [".gif", ".avif", ".jp2", ".tga", ".qoi", ".pbm", ".jfif", ".webp", ".TIF"])
    def test_images_of_every_kind_are_frames(self, tmp_path: Path, end: str) -> None:
        frames = media.grey_frames(8)
        if end == ".pbm":
            frames = [frame * 0 for frame in frames]
        folder = media.write_frame_folder(tmp_path / "run" / "v1", frames, "{:03d}.png")
        for file in sorted(folder.iterdir()):
            Image.open(file).convert("1" if end == ".pbm" else "RGB").save(file.with_suffix(end))
            file.unlink()
        assert found(tmp_path) == {"run/v1": "frames"}
        verdict = probe(folder)
        assert (verdict.frames, verdict.status, verdict.fault) == (8, "ok", None)
        if end != ".pbm":
            assert [media.number_of(frame) for frame in decode(folder, range(8))] == list(range(8))

    def test_frames_without_a_suffix_are_known_by_their_content(self, tmp_path: Path) -> None:
        folder = media.write_frame_folder(tmp_path / "run" / "v1", media.grey_frames(8), "f{:03d}.png")
        for file in list(folder.iterdir()):
            file.rename(file.with_suffix(""))
        assert found(tmp_path) == {"run/v1": "frames"}
        assert [media.number_of(frame) for frame in decode(folder, range(8))] == list(range(8))

    @pytest.mark.parametrize("other", ["audio.wav", "notes.txt", "poses.json", "flow.npy", "Thumbs.db", "deeper/x.txt"])
    def test_other_files_beside_frames_change_nothing(self, tmp_path: Path, other: str) -> None:
        folder = media.write_frame_folder(tmp_path / "run" / "v1", media.grey_frames(8), "{:03d}.png")
        expected = probe(folder)
        touch(folder, other)
        assert found(tmp_path) == {"run/v1": "frames"}
        assert probe(folder) == expected

    def test_a_cover_that_moves_is_left_out_and_told(self, tmp_path: Path) -> None:
        folder = media.write_frame_folder(tmp_path / "run" / "v1", media.grey_frames(8), "{:03d}.png")
        write_animation(folder / "00_preview.gif")
        write_animation(folder / "preview.gif")
        assert found(tmp_path) == {"run/v1": "frames"}
        verdict = probe(folder)
        assert (verdict.frames, verdict.status) == (8, "ok")
        assert "preview.gif" in (verdict.fault or "")

    def test_an_animation_among_frames_is_a_fault(self, tmp_path: Path) -> None:
        folder = media.write_frame_folder(tmp_path / "v1", media.grey_frames(4), "{:03d}.webp")
        write_animation(folder / "003.webp")
        with pytest.raises(DecodeError, match=r"003\.webp is an animation or a stack of 8 images"):
            decode(folder, [2])
        assert probe(folder).status == "broken"
        media.write_frame_folder(tmp_path / "v2", media.grey_frames(4), "{:03d}.png")
        write_animation(tmp_path / "v2" / "003.png")
        assert "003.png is an animation" in (probe(tmp_path / "v2").fault or "")
        (tmp_path / "v3").mkdir()
        first, *more = (Image.fromarray(frame) for frame in media.grey_frames(5))
        first.save(tmp_path / "v3" / "stack.tif", save_all=True, append_images=more)
        assert "is a folder of animations (1: stack.tif)" in (probe(tmp_path / "v3").fault or "")

    @pytest.mark.parametrize("end", [".webp", ".gif", ".png", ".avif"])
    def test_a_folder_with_nothing_but_an_animation_holds_that_clip(self, tmp_path: Path, end: str) -> None:
        file = write_animation(tmp_path / "run" / "v1" / f"1{end}")
        assert found(tmp_path) == {f"run/v1/1{end}": "file"}
        (clip,) = index_folder(tmp_path, workers=0).clips
        assert (clip.label, clip.frames, clip.status) == ("run", 8, "ok")
        assert [media.number_of(frame) for frame in decode(file, range(8))] == list(range(8))
        verdict = probe(file.parent)
        assert verdict.status == "broken"
        assert f"is a folder of animations (1: 1{end})" in (verdict.fault or "")

    def test_videos_make_a_folder_of_videos(self, tmp_path: Path) -> None:
        folder = touch(tmp_path / "vids", "a.mp4", "b.mp4")
        reason = r"is a folder of videos \(2: a\.mp4, b\.mp4\) and not one clip; name the videos themselves, or list"
        with pytest.raises(DecodeError, match=reason):
            decode(folder, [0])
        touch(folder, "poster.jpg")
        assert "b.mp4, beside an image) and not one clip" in (probe(folder).fault or "")
        (tmp_path / "list.csv").write_text("vids,run\n")
        (row,) = index_folder(tmp_path / "list.csv", workers=0).clips
        assert row.status == "broken"
        assert "is a folder of videos" in row.fault

    def test_a_folder_of_folders_is_no_clip(self, tmp_path: Path) -> None:
        touch(tmp_path, "run/v1/1.jpg", "jump/v2/1.jpg")
        with pytest.raises(DecodeError, match=r"holds no frames itself, but 2 folders \(jump, run\); name the clips"):
            decode(tmp_path, [0])

    @pytest.mark.parametrize("names", [["1.heic", "2.heic"], ["1.exr"]])
    def test_images_that_are_not_read_are_named(self, tmp_path: Path, names: list[str]) -> None:
        touch(tmp_path / "run" / "v1", *names)
        assert found(tmp_path) == {"run/v1": "frames"}
        assert "of kinds that are not read (." in (probe(tmp_path / "run" / "v1").fault or "")

    def test_frames_that_are_not_read_among_others_are_a_fault_and_companions_a_remark(self, tmp_path: Path) -> None:
        folder = media.write_frame_folder(tmp_path / "a", media.grey_frames(4), "{}.png")
        touch(folder, "5.heic", "6.heic")
        assert "2 of its 6 images are" in (probe(folder).fault or "")
        assert probe(folder).status == "broken"
        folder = media.write_frame_folder(tmp_path / "b", media.grey_frames(4), "{}.png")
        touch(folder, "1.dng", "2.dng")
        verdict = probe(folder)
        assert (verdict.frames, verdict.status) == (4, "ok")
        assert "1.dng, 2.dng are left out" in (verdict.fault or "")

    def test_kinds_of_paths(self, tmp_path: Path) -> None:
        assert kind_of(tmp_path) == "frames"
        assert kind_of(write_animation(tmp_path / "a.webp")) == "animation"
        assert kind_of(write_animation(tmp_path / "b.webp").rename(tmp_path / "b.mp4")) == "animation"
        assert kind_of(media.write_frame_folder(tmp_path, media.grey_frames(1), "{}.webp") / "1.webp") == "video"
        assert kind_of(tmp_path / "none") == "video"


class TestAnimations:
    def test_an_animated_webp_is_a_clip_with_its_rate(self, tmp_path: Path) -> None:
        path = write_animation(tmp_path / "run" / "a.webp", 8, milliseconds=50)
        verdict = probe(path)
        assert (verdict.frames, verdict.fps, verdict.width, verdict.height) == (8, 20, 64, 48)
        assert (verdict.declared, verdict.status, verdict.fault) == (8, "ok", None)
        assert [media.number_of(frame) for frame in decode(path, [7, 0, 3, 3])] == [7, 0, 3, 3]
        with pytest.raises(DecodeError, match=r"frame 8 was asked for, and only 8 frames decode \(0 to 7\)"):
            decode(path, [8])
        (clip,) = index_folder(tmp_path, workers=0).clips
        assert (clip.frames, clip.fps, clip.size) == (8, 20, path.stat().st_size)

    def test_a_still_webp_is_a_clip_of_one_frame(self, tmp_path: Path) -> None:
        media.write_frame_folder(tmp_path, media.grey_frames(1), "{}.webp")
        assert (probe(tmp_path / "1.webp").frames, probe(tmp_path / "1.webp").status) == (1, "ok")

    @pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.95])
    def test_a_cut_one_is_broken(self, tmp_path: Path, keep: float) -> None:
        path = media.cut(write_animation(tmp_path / "a.webp"), keep)
        verdict = probe(path)
        assert verdict.status == "broken"
        assert verdict.fault
        with pytest.raises(DecodeError):
            decode(path, [7])

    def test_one_that_is_too_thin_or_large_is_broken(self, tmp_path: Path) -> None:
        path = tmp_path / "a.webp"
        first = Image.new("RGB", (4, 400))
        first.save(path, save_all=True, append_images=[Image.new("RGB", (4, 400), "red")], duration=40)
        assert "longer side of more than 64 times" in (probe(path).fault or "")


class TestSearch:
    def test_frames_with_sound_or_papers_are_not_torn_apart(self, tmp_path: Path) -> None:
        touch(tmp_path, "run/v1/000.jpg", "run/v1/001.jpg", "run/v1/audio.wav", "jump/v2/000.gif", "jump/v2/001.gif")
        assert found(tmp_path) == {"jump/v2": "frames", "run/v1": "frames"}

    def test_numbered_images_beside_videos_are_no_clips_and_told(self, tmp_path: Path) -> None:
        touch(tmp_path, "run/v1/a.mp4", *(f"run/v1/{number:03d}.jpg" for number in range(8)))
        touch(tmp_path, "run/b.mp4")
        seen = search(tmp_path)
        assert found(tmp_path) == {"run/b.mp4": "file", "run/v1/a.mp4": "file"}
        assert len(seen.beside_videos) == 8
        with pytest.warns(UserWarning, match=r"numbered images beside videos are left out .*: 8 \(run/v1/000\.jpg"):
            find_clips(tmp_path)

    def test_frames_with_further_folders_below_stay_one_clip(self, tmp_path: Path) -> None:
        touch(tmp_path, *(f"run/v1/{number:03d}.jpg" for number in range(8)), "run/v1/masks/000.png")
        assert found(tmp_path) == {"run/v1": "frames", "run/v1/masks": "frames"}
        with pytest.warns(UserWarning, match=r"folders of frames have further clips below them.*: 1 \(run/v1\)"):
            find_clips(tmp_path)

    def test_videos_are_known_by_their_content(self, tmp_path: Path) -> None:
        for name, end in (("a", ".mp4"), ("b", ".avi"), ("c", ".mkv"), ("d", ".mpg"), ("e", ".ts"), ("f", ".gif")):
            codec, colours = {".mpg": ("mpeg2video", "yuv420p"), ".gif": ("gif", "rgb8")}.get(end, ("mpeg4", "yuv420p"))
            path = media.write_video(tmp_path / f"{name}{end}", media.moving_frames(4), codec=codec, pix_fmt=colours)
            touch(tmp_path / name)
            (tmp_path / name).mkdir()
            path.rename(tmp_path / name / "clip.xyz")
        media.write_sound(tmp_path / "sound" / "s.mp4").rename(tmp_path / "sound" / "s")
        assert found(tmp_path) == {**{f"{name}/clip.xyz": "file" for name in "abcdef"}, "sound/s": "file"}
        assert [clip.frames for clip in index_folder(tmp_path, workers=0).clips] == [4, 4, 4, 4, 4, 4, 0]

    def test_what_is_left_out_is_told(self, tmp_path: Path) -> None:
        touch(tmp_path, "run/a.mp4", "run/b.xyz", "run/c.mp4.part", "run/clips.zip", "run/notes.txt", "labels.csv")
        touch(tmp_path, "README.md", "Thumbs.db", "desktop.ini", ".DS_Store", "LICENSE", "swim/todo.txt")
        (tmp_path / "empty" / "deeper").mkdir(parents=True)
        (tmp_path / "run" / "up").symlink_to(tmp_path)
        (tmp_path / "run" / "self").symlink_to("self")
        seen = search(tmp_path)
        assert found(tmp_path) == {"run/a.mp4": "file"}
        assert seen.unknown == ("run/b.xyz", "run/c.mp4.part", "run/clips.zip", "run/self")
        assert seen.empty == ("empty", "swim")
        assert seen.links == ("run/up",)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            find_clips(tmp_path)
        told = "\n".join(str(warning.message) for warning in caught)
        assert "files of unknown kinds are left out: 4 (run/b.xyz, run/c.mp4.part, run/clips.zip, ...)" in told
        assert "folders hold no clip: 2 (empty, swim)" in told
        assert "links to a folder above are not followed: 1 (run/up)" in told
        assert len(caught) == 3

    def test_a_folder_that_cannot_be_read_costs_itself(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        touch(tmp_path, "run/a.mp4", "jump/b.mp4")
        scandir = os.scandir

        def refuse(folder: Path) -> object:
            if Path(folder).name == "jump":
                raise PermissionError(13, "Permission denied", str(folder))
            return scandir(folder)

        monkeypatch.setattr(kinds.os, "scandir", refuse)
        assert search(tmp_path).unreadable == ("jump: Permission denied",)
        assert found(tmp_path) == {"run/a.mp4": "file"}
        with pytest.raises(UserError, match="jump cannot be read: Permission denied"):
            search(tmp_path / "jump")

    def test_lists_of_data_sets_find_the_same_clips(self, tmp_path: Path) -> None:
        touch(tmp_path, "videos/run/a.mp4", "videos/run/poster.jpg", "videos/jump/b/img_1.jpg", "videos/jump/c.avi")
        places = Places(tmp_path, ("videos",))
        assert places.find("a") == "videos/run/a.mp4"
        assert places.find("b", "jump") == "videos/jump/b"
        assert places.left() == {"videos/jump/c.avi"}

    def test_pipes_and_devices_are_not_waited_for(self, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        os.mkfifo(tmp_path / "run" / "a.mp4")
        os.mkfifo(tmp_path / "run" / "b")
        assert search(tmp_path).unknown == ("run/b",)
        assert "is not a regular file" in (probe(tmp_path / "run" / "a.mp4").fault or "")


CLASSES = ("run", "jump")


def lay_out(folder: Path, *names: str) -> list[Clip]:
    touch(folder, *names)
    return find_clips(folder)


class TestSplitFolders:
    def test_a_file_beside_splits_has_neither_split_nor_label(self, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match=r"clips lie in no folder of a split, .*: 1 \(demo\.mp4\)"):
            clips = lay_out(tmp_path, "train/run/1.mp4", "val/run/2.mp4", "val/jump/3.mp4", "demo.mp4")
        assert rows(clips, "path", "split", "label") == [
            ("demo.mp4", "", ""),
            ("train/run/1.mp4", "train", "run"),
            ("val/jump/3.mp4", "val", "jump"),
            ("val/run/2.mp4", "val", "run"),
        ]

    def test_a_clip_in_no_class_has_no_label_and_is_told(self, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match=r"clips lie in no folder of a class, .*: 1 \(train/2\.mp4\)"):
            clips = lay_out(tmp_path, "train/run/1.mp4", "train/2.mp4", "test/run/1.mp4")
        assert rows(clips, "split", "label") == [("test", "run"), ("train", ""), ("train", "run")]

    @pytest.mark.parametrize("other", ["eval", "holdout", "Valid_set", "test1", "held-out", "extra", "raw", "trainB"])
    @pytest.mark.parametrize("splits", [("train",), ("TRAIN", "Val"), ("train", "val", "test")])
    def test_another_folder_beside_splits_is_asked_about(
        self, tmp_path: Path, other: str, splits: tuple[str, ...]
    ) -> None:
        names = [f"{split}/{label}/1.mp4" for split in (*splits, other) for label in CLASSES]
        with pytest.raises(UserError, match=rf"{other}/ beside .*{splits[0]}/.* may be a split or a class") as error:
            lay_out(tmp_path, *names)
        assert "rename it to train, val or test" in str(error.value)
        assert "--layout folder_per_class" in str(error.value)
        assert {clip.label for clip in find_clips(tmp_path, "folder_per_class")} == {*splits, other}
        for label in CLASSES:
            (tmp_path / other / label / "1.mp4").unlink()
        with pytest.warns(UserWarning, match=rf"folders hold no clip: 1 \({other}\)"):
            assert {clip.label for clip in find_clips(tmp_path)} == set(CLASSES)

    @pytest.mark.parametrize("names", [("train_set", "test_set"), ("Train256", "Val256"), ("trainset", "eval")])
    def test_names_that_only_look_like_splits_are_asked_about(self, tmp_path: Path, names: tuple[str, ...]) -> None:
        with pytest.raises(UserError, match="may be splits or classes") as error:
            lay_out(tmp_path, *(f"{name}/{label}/1.mp4" for name in names for label in CLASSES))
        assert all(name in str(error.value) for name in names)

    def test_splits_without_classes_beside_another_folder_are_asked_about(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="eval/ beside train/ may be"):
            lay_out(tmp_path, "train/1.mp4", "eval/2.mp4")
        with pytest.raises(UserError, match="more/ beside train/, val/ may be"):
            lay_out(tmp_path / "b", "train/1.mp4", "val/2.mp4", "more/3.mp4")

    def test_frame_folders_beside_splits_are_asked_about(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="eval/ beside train/ may be"):
            lay_out(tmp_path, "train/run/v1/1.jpg", "eval/run/v2/1.jpg")
        with pytest.raises(UserError, match="eval/ beside train/ may be"):
            lay_out(tmp_path / "b", "train/v1/1.jpg", "eval/v2/1.jpg")

    def test_a_class_may_be_called_like_a_split(self, tmp_path: Path) -> None:
        assert {clip.label for clip in lay_out(tmp_path, "test/a.mp4", "lift/b.mp4")} == {"test", "lift"}
        clips = lay_out(tmp_path / "frames", "train/v1/1.jpg", "plane/v2/1.jpg")
        assert {clip.label for clip in clips} == {"train", "plane"}

    def test_splits_below_classes(self, tmp_path: Path) -> None:
        clips = lay_out(tmp_path, *(f"{label}/{split}/1.mp4" for label in CLASSES for split in ("train", "Validation")))
        assert {(clip.label, clip.split) for clip in clips} == {
            (label, split) for label in CLASSES for split in ("train", "val")
        }
        with pytest.raises(UserError, match=r"some clips lie in Validation/, train/ and others do not"):
            lay_out(tmp_path, "run/2.mp4")
        assert {clip.label for clip in find_clips(tmp_path, "folder_per_class")} == set(CLASSES)

    def test_sessions_below_classes_are_no_splits(self, tmp_path: Path) -> None:
        clips = lay_out(tmp_path, "run/anna/1.mp4", "run/ben/1.mp4", "jump/anna/1.mp4", "jump/dev/1.mp4")
        assert rows(clips, "label", "split") == [("jump", ""), ("jump", ""), ("run", ""), ("run", "")]

    def test_a_folder_above_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"all clips lie in data/, in .*train/.* give .*data;"):
            lay_out(tmp_path, "data/train/run/1.mp4", "data/val/run/1.mp4")
        with pytest.warns(
            UserWarning, match=r"all clips lie in clips/ .* the 2 folders in it are the classes, give .*clips"
        ):
            lay_out(tmp_path / "b", "clips/run/1.mp4", "clips/jump/1.mp4")

    def test_hidden_and_system_folders_do_not_count(self, tmp_path: Path) -> None:
        names = [f"{split}/run/1.mp4" for split in ("train", "val")]
        clips = lay_out(tmp_path, *names, ".cache/x/1.mp4", "@eaDir/x/1.jpg", "$RECYCLE.BIN/x/1.mp4", "README.md")
        assert {clip.split for clip in clips} == {"train", "val"}


def test_damaged_animations_beside_videos_are_clips_with_a_verdict(tmp_path: Path) -> None:
    media.write_video(tmp_path / "a.mp4", media.grey_frames(3))
    for number in range(5):
        (tmp_path / f"{number}.gif").write_bytes(b"GIF89a")
    assert len(search(tmp_path).clips) == 6


def test_an_animation_among_the_frames_of_a_folder_is_a_fault_of_that_clip(tmp_path: Path) -> None:
    media.write_frame_folder(tmp_path / "clip", media.grey_frames(6))
    images = [Image.fromarray(frame) for frame in media.grey_frames(3)]
    images[0].save(tmp_path / "clip" / "00001.png", format="GIF", save_all=True, append_images=images[1:])
    (clip,) = index_folder(tmp_path, workers=0).clips
    assert (clip.path, clip.status) == ("clip", "broken")
    assert "00001.png" in clip.fault


def test_of_two_frames_one_that_moves_is_a_fault_too(tmp_path: Path) -> None:
    media.write_frame_folder(tmp_path / "clip", media.grey_frames(2))
    images = [Image.fromarray(frame) for frame in media.grey_frames(3)]
    images[0].save(tmp_path / "clip" / "00001.png", format="GIF", save_all=True, append_images=images[1:])
    (clip,) = index_folder(tmp_path, workers=0).clips
    assert (clip.path, clip.status) == ("clip", "broken")


def test_a_tiff_of_several_pages_is_a_clip_of_them(tmp_path: Path) -> None:
    images = [Image.fromarray(frame) for frame in media.grey_frames(5)]
    images[0].save(tmp_path / "stack.tiff", save_all=True, append_images=images[1:])
    assert kind_of(tmp_path / "stack.tiff") == "animation"
    (clip,) = index_folder(tmp_path, workers=0).clips
    assert (clip.path, clip.frames, clip.fps, clip.status, clip.fault) == ("stack.tiff", 5, 0, "ok", "")
    frames = decode(tmp_path / "stack.tiff", range(5))
    assert [media.number_of(frame) for frame in frames] == list(range(5))
    images[0].save(tmp_path / "page.tiff")
    assert kind_of(tmp_path / "page.tiff") == "video"
