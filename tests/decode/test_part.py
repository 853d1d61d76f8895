"""Parts of videos: the frames that decoding all of it gives, wherever decoding begins."""

from pathlib import Path

import numpy as np
import pytest
import torch

from recircle.decode.error import DecodeError
from recircle.decode.frame_cache import FrameCache
from recircle.decode.frames import decode
from recircle.decode.part import Part, part_name, read_time, split_part
from recircle.decode.part_frames import PartFrames
from recircle.decode.pool import DecoderPool
from recircle.decode.probe import probe
from recircle.decode.pyav import open_video
from tests import media

COUNT = 40
GROUPS = {"g": "12", "bf": "3"}
KINDS = {
    "h264.mp4": {"options": GROUPS},
    "open_groups.mp4": {"options": {**GROUPS, "x264-params": "open-gop=1"}},
    "refresh.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=12"}},
    "h264.mkv": {"options": GROUPS},
    "h264.ts": {"options": GROUPS},
    "h264.flv": {"options": GROUPS},
    "h265.mp4": {"codec": "libx265", "options": {"x265-params": "keyint=12:open-gop=1:log-level=none"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "12"}},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "varying.mp4": {"options": GROUPS, "times": [n + n * n // 20 for n in range(COUNT)]},
    "late.mkv": {"options": GROUPS, "times": [250 + n for n in range(COUNT)]},
    "ffv1.mkv": {"codec": "ffv1"},
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, frames = tmp_path_factory.mktemp("parts"), media.moving_frames(COUNT)
    return {name: media.write_video(folder / name, frames, **kind) for name, kind in KINDS.items()}


@pytest.mark.parametrize("name", KINDS)
def test_a_part_has_the_frames_that_the_whole_has_then(videos: dict[str, Path], name: str) -> None:
    path = videos[name]
    whole, shown = decode(path, range(COUNT)), probe(path).frame_times
    times = shown.times
    for first, last in ((0, 3), (5, 5), (11, 13), (12, 20), (25, 39)):
        # as they are written down, to the millisecond
        start = round(float(times[first]), 3)
        end = round(float(times[last + 1] if last + 1 < COUNT else shown.seconds), 3)
        part = f"{path}#t={start},{end}"
        found = probe(part)
        assert (found.status, found.frames) == ("ok", last + 1 - first), part
        assert "video ends" not in str(found.fault), part
        assert torch.equal(decode(part, range(found.frames)), whole[first : last + 1]), part
        assert torch.equal(decode(part, [found.frames - 1, 0]), whole[[last, first]]), part
        with pytest.raises(DecodeError, match="was asked for"):
            decode(part, [found.frames])


def test_decoding_begins_close_to_the_part(videos: dict[str, Path]) -> None:
    with open_video(videos["h264.mp4"]) as video:
        part = PartFrames(video, Part(1.4, 1.5))
        began = [frame.time for frame in part._from_middle(0.0)]
    assert began[0] == pytest.approx(1.4, abs=13 / 25)
    assert began[0] > 0.5


def test_a_part_between_two_frames_is_the_one_that_is_shown(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "slow.mp4", media.grey_frames(10), fps=2)
    assert [media.number_of(image) for image in decode(f"{path}#t=2.1,2.4", [0])] == [4]
    assert [media.number_of(image) for image in decode(f"{path}#t=4.7,4.9", [0])] == [9]
    assert probe(f"{path}#t=2.1,2.4").frames == 1


def test_what_lies_beyond_the_end_is_told(videos: dict[str, Path]) -> None:
    for name in ("h264.mp4", "h264.ts", "mpeg4.avi", "varying.mp4"):
        seconds = probe(videos[name]).frame_times.seconds
        over = probe(f"{videos[name]}#t=1,77.5")
        assert over.status == "ok"
        assert over.fault is not None
        assert f"is to end at 77.5 s, and the video ends at {seconds:.3g}" in over.fault
        beyond = probe(f"{videos[name]}#t=70,77.5")
        assert (beyond.status, beyond.frames) == ("broken", 0)
        assert beyond.fault is not None
        assert f"begins at 70 s, and the video ends at {seconds:.3g}" in beyond.fault
        to_the_end = probe(f"{videos[name]}#t=1,")
        assert to_the_end.fault is None or "ends" not in to_the_end.fault


def test_times_of_a_part_count_from_its_first_frame(videos: dict[str, Path]) -> None:
    whole, part = probe(videos["varying.mp4"]).frame_times, probe(f"{videos['varying.mp4']}#t=1,3").frame_times
    first = int((whole.times < 1).sum())
    np.testing.assert_allclose(part.times, whole.times[first : first + part.frames] - whole.times[first], atol=1e-4)
    assert probe(f"{videos['h264.mp4']}#t=0.4,1.2").fps == 25


def test_a_part_of_a_folder_is_given_by_numbers_of_frames(tmp_path: Path) -> None:
    folder = media.write_frame_folder(tmp_path / "clip", media.grey_frames(8))
    part = f"{folder}#t=3,6"
    assert probe(part).frames == 3
    assert [media.number_of(image) for image in decode(part, [0, 2])] == [3, 5]
    assert "only 8 frames" in str(probe(f"{folder}#t=3,60").fault)
    assert probe(f"{folder}#t=30,60").status == "broken"
    with pytest.raises(DecodeError, match="frame 3 was asked for"):
        decode(part, [3])


def test_a_damaged_part_leaves_the_others(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "long.mkv", media.moving_frames(60), codec="ffv1")
    whole = decode(path, range(10))
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4 :] = b"\0" * (len(content) - len(content) * 3 // 4)
    path.write_bytes(content)
    assert torch.equal(decode(f"{path}#t=0.2,0.4", range(5)), whole[5:])
    assert probe(f"{path}#t=0.2,0.4").status == "ok"
    assert probe(f"{path}#t=2,2.3").status == "broken"


def test_parts_are_kept_apart_from_each_other(tmp_path: Path, videos: dict[str, Path]) -> None:
    cache, path = FrameCache(tmp_path / "cache"), videos["h264.mp4"]
    for part in (path, Path(f"{path}#t=0.4,0.8"), Path(f"{path}#t=0.8,1.2")):
        count = probe(part).frames
        for _ in range(2):
            kept = cache.frames(part, count, [0, count - 1], resize=None, backend="pyav")
            assert torch.equal(kept, decode(part, [0, count - 1]))
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 3


def test_other_processes_decode_parts(videos: dict[str, Path]) -> None:
    part = Path(f"{videos['h264.mp4']}#t=0.4,0.8")
    with DecoderPool() as decoders:
        assert decoders.probe(part) == probe(part)
        with decoders.whole_file(part) as file:
            images = [torch.from_numpy(image.copy()) for image in file.images([0, 9])]
    assert torch.equal(torch.stack(images).permute(0, 3, 1, 2), decode(part, [0, 9]))


def test_a_file_that_is_called_so_is_a_file(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "odd.mp4", media.grey_frames(3))
    named = path.rename(tmp_path / "odd.mp4#t=1,2")
    assert split_part(named) == (named, None)
    assert probe(named).frames == 3
    assert split_part(tmp_path / "a#t=x") == (tmp_path / "a#t=x", None)
    assert split_part(tmp_path / "a#t=") == (tmp_path / "a#t=", None)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a.mp4#t=1.5,2", Part(1.5, 2)),
        ("a.mp4#t=npt:10", Part(10)),
        ("a.mp4#t=,3", Part(0, 3)),
        ("a.mp4#t=1:02.5,01:00:00", Part(62.5, 3600)),
    ],
)
def test_ways_to_name_a_part(text: str, part: Part) -> None:
    assert split_part(Path(text)) == (Path("a.mp4"), part)


def test_a_part_that_ends_before_it_begins_is_an_error(videos: dict[str, Path]) -> None:
    with pytest.raises(DecodeError, match="must end after it begins"):
        decode(f"{videos['h264.mp4']}#t=5,3", [0])
    assert probe(f"{videos['h264.mp4']}#t=5,3").status == "broken"


def test_names_come_back_as_they_were() -> None:
    for start, end in ((0.0, 1.0), (1 / 3, 2 / 3), (12.5, 1e5), (0.000001, 0.1)):
        found = split_part(Path(part_name("v.mp4", start, end)))[1]
        assert found is not None
        assert (found.start, found.end) == (pytest.approx(start, abs=5e-7), pytest.approx(end, abs=5e-7))
    assert part_name("v.mp4", 0.0, 0.0) == "v.mp4"


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "-1", "1e3", "nan", "1:75x"])
def test_what_is_no_time(text: str) -> None:
    assert read_time(text) is None


def test_an_animation_has_no_parts(tmp_path: Path) -> None:
    from PIL import Image

    images = [Image.fromarray(frame) for frame in media.grey_frames(3)]
    images[0].save(tmp_path / "a.webp", save_all=True, append_images=images[1:])
    assert "no part" in str(probe(f"{tmp_path / 'a.webp'}#t=0,1").fault)
    with pytest.raises(DecodeError, match="no part"):
        decode(f"{tmp_path / 'a.webp'}#t=0,1", [0])
