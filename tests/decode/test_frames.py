"""Decoding: the frames that were asked for, as they are displayed, or an error."""

import os
import pickle
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image

from recircle.decode import frame_size
from recircle.decode import frames as decode_module
from recircle.decode import pyav as decode_pyav
from recircle.decode.frames import DecodeError, decode, probe
from recircle.decode.pyav import display_matrix, open_video
from recircle.decode.resize import Resize
from recircle.errors import UserError
from tests import media

Write = Callable[[Path], Path]

# (file name, codec, pixel format, height, width)
KINDS = [
    ("h264.mp4", "libx264", "yuv420p", 48, 64),
    ("h264_grey.mp4", "libx264", "gray", 48, 64),
    ("h264_444_odd.mp4", "libx264", "yuv444p", 49, 65),
    ("h264_full_range.mkv", "libx264", "yuvj420p", 48, 64),
    ("vp9_no_count.webm", "libvpx-vp9", "yuv420p", 48, 64),
    ("mpeg4.avi", "mpeg4", "yuv420p", 48, 64),
    ("mjpeg.mov", "mjpeg", "yuvj422p", 48, 64),
    ("ffv1_odd.mkv", "ffv1", "yuv420p", 49, 65),
    ("ffv1_10bit.mkv", "ffv1", "yuv420p10le", 48, 64),
    ("ffv1_grey_16bit.mkv", "ffv1", "gray16le", 49, 65),
    ("raw_alpha.avi", "png", "rgba", 49, 65),
    ("animated.gif", "gif", "rgb8", 49, 65),
    ("program_stream.mpg", "mpeg2video", "yuv420p", 48, 64),
    ("transport_stream.ts", "mpeg2video", "yuv420p", 48, 64),
    ("ä name with spaces.mp4", "libx264", "yuv420p", 48, 64),
]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return media.write_video(tmp_path / "video.mp4", media.grey_frames(12))


def numbers(frames: torch.Tensor) -> list[int]:
    return [media.number_of(frame) for frame in frames]


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "height", "width"), KINDS, ids=[kind[0] for kind in KINDS])
def test_every_kind_gives_its_frames_in_order(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, height: int, width: int
) -> None:
    path = media.write_video(tmp_path / name, media.grey_frames(8, height, width), codec=codec, pix_fmt=pix_fmt)
    frames = decode(path, range(8))
    assert frames.shape == (8, 3, height, width)
    assert frames.dtype == torch.uint8
    assert frames.is_contiguous()
    assert numbers(frames) == list(range(8))
    with pytest.raises(DecodeError, match=r"frame 8 was asked for, and only 8 frames decode \(0 to 7\)"):
        decode(path, [8])


def test_lossless_colours_come_back(tmp_path: Path) -> None:
    frames = media.moving_frames(3)
    path = media.write_video(tmp_path / "exact.avi", frames, codec="png", pix_fmt="rgb24")
    assert_array_equal(decode(path, range(3)).permute(0, 2, 3, 1), np.stack(frames))


def test_any_order_and_repeats(video: Path) -> None:
    wanted = [7, 0, 7, 11, 3, 0]
    frames = decode(video, wanted)
    assert numbers(frames) == wanted
    assert torch.equal(frames[0], frames[2])


def test_frames_are_counted_not_timed(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "vfr.mp4", media.grey_frames(5), times=[3, 4, 30, 31, 90])
    assert numbers(decode(path, range(5))) == [0, 1, 2, 3, 4]


def test_presentation_order_with_b_frames(tmp_path: Path) -> None:
    options = {"bf": "3", "b_strategy": "0"}
    path = media.write_video(tmp_path / "b.avi", media.grey_frames(10), codec="mpeg4", options=options)
    assert numbers(decode(path, range(10))) == list(range(10))


@pytest.mark.parametrize(
    ("matrix", "transform"),
    [
        ((1, 0, 0, 1), lambda image: image),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda image: np.swapaxes(image, 0, 1)),
        ((0, -1, -1, 0), lambda image: np.rot90(np.swapaxes(image, 0, 1), 2)),
    ],
)
def test_the_display_matrix_is_honoured(tmp_path: Path, matrix: Any, transform: Callable[[Any], Any]) -> None:
    path = media.write_video(tmp_path / "turned.mp4", [media.cornered_frame()] * 2, pix_fmt="yuv444p")
    plain = decode(path, [1])[0].permute(1, 2, 0).numpy()
    turned = decode(media.turn(path, matrix), [1])[0].permute(1, 2, 0).numpy()
    assert_array_equal(turned, transform(plain))


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)])
def test_frames_with_side_data_of_an_unknown_kind_are_turned_too(tmp_path: Path, matrix: Any) -> None:
    class Unnamed:
        """A frame whose side data PyAV cannot list."""

        def __init__(self, frame: Any) -> None:
            self.rotation = frame.rotation

        @property
        def side_data(self) -> Any:
            raise ValueError("31 is not a valid Type")

    path = media.turn(media.write_video(tmp_path / "turned.mp4", media.moving_frames(1)), matrix)
    with open_video(path) as video:
        frame: Any = next(video.frames())
        expected = display_matrix(frame)
        assert tuple(np.sign(display_matrix(Unnamed(frame)))) == tuple(np.sign(expected))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("resize", [Resize(24), Resize(96), Resize((31, 17)), Resize((48, 64))])
def test_resizing_while_decoding_is_resizing_afterwards(tmp_path: Path, resize: Resize) -> None:
    path = media.write_video(tmp_path / "video.mp4", media.moving_frames(4))
    turned = media.turn(media.write_video(tmp_path / "turned.mp4", media.moving_frames(4)), (0, 1, -1, 0))
    for clip in (path, turned, media.write_frame_folder(tmp_path / "frames", media.moving_frames(4))):
        assert torch.equal(decode(clip, [3, 1], resize=resize), resize.apply(decode(clip, [3, 1])))


@pytest.mark.parametrize("indices", [range(12), [7, 0, 7, 11, 3, 0]])
@pytest.mark.parametrize("resize", [None, Resize(24)])
def test_frames_are_the_same_however_many_are_resized_at_once_and_however_they_lie_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resize: Resize | None, indices: list[int]
) -> None:
    path = media.write_video(tmp_path / "video.mp4", media.moving_frames(12))
    together = decode(path, indices, resize=resize)
    monkeypatch.setattr(decode_module, "_BATCH", 5 * 48 * 64 * 3)
    assert torch.equal(decode(path, indices, resize=resize), together)
    for memory_format in (torch.contiguous_format, torch.channels_last):
        frames = decode(path, indices, resize=resize, memory_format=memory_format)
        assert frames.is_contiguous(memory_format=memory_format)
        assert torch.equal(frames, together)


def test_a_stream_that_changes_its_size_is_scaled_to_its_first_frame(tmp_path: Path) -> None:
    small = media.write_video(tmp_path / "small.h264", media.grey_frames(4, 48, 64))
    large = media.write_video(tmp_path / "large.h264", media.grey_frames(3, 96, 128))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    frames = decode(both, [6, 1])
    assert frames.shape == (2, 3, 48, 64)
    assert numbers(frames) == [2, 1]


def test_only_the_frames_wanted_are_converted_and_decoding_stops_after_the_last(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    converted: list[int] = []
    alive: list[weakref.ref[Any]] = []
    frames, to_rgb = decode_pyav.Video.frames, decode_pyav.Video.to_rgb

    def counting(self: decode_pyav.Video) -> Any:
        for number, frame in enumerate(frames(self)):
            seen.append(number)
            yield frame

    def converting(self: decode_pyav.Video, frame: Any, width: int, height: int) -> Any:
        assert sum(ref() is not None for ref in alive) <= 1, "frames of full size pile up"
        converted.append(seen[-1])
        image = to_rgb(self, frame, width, height).copy()
        alive.append(weakref.ref(image))
        return image

    monkeypatch.setattr(decode_pyav.Video, "frames", counting)
    monkeypatch.setattr(decode_pyav.Video, "to_rgb", converting)
    decode(video, [2, 5, 8], resize=Resize(8))
    assert seen == list(range(9))
    assert converted == [2, 5, 8]


def test_frames_before_a_fault_decode(shared_data: Path) -> None:
    path = shared_data / "nasty" / "derived" / "bitrot_400bytes.avi"
    assert len(decode(path, [0, 38], resize=Resize(32))) == 2
    with pytest.raises(DecodeError, match="after 39 frames: Invalid data") as caught:
        decode(path, [0, 39])
    assert caught.value.path == path


def _text(text: str) -> Write:
    def write(path: Path) -> Path:
        path.write_text(text)
        return path

    return write


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _link(target: str) -> Write:
    def write(path: Path) -> Path:
        if not Path(target).exists():
            pytest.skip(f"there is no {target}")
        path.symlink_to(target)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "write", "reason"),
    [
        ("none.mp4", lambda path: path, "file not found"),
        ("empty.mp4", _text(""), "the file is empty"),
        ("text.mp4", _text("no video at all"), "cannot be opened as a video: Invalid data"),
        ("sound.mp4", media.write_sound, "no video stream"),
        ("sound.wav", media.write_sound, "no video stream"),
        ("cut.mp4", lambda path: media.cut(media.write_video(path, media.moving_frames(9)), 0.5), "Invalid data"),
        ("list.mp4", _text("#EXTM3U\n#EXTINF:1,\nlist.mp4\n"), "is a playlist"),
        ("itself.avi", _text("ffconcat version 1.0\nfile itself.avi\n"), "is a playlist"),
        ("notes.txt", _text("words of one line\n" * 99), "a kind that is not a video, such as text"),
        ("credits.nfo", _text("words of one line\n" * 99), "a kind that is not a video, such as text"),
        ("beside.idx", _text("# VobSub index file, v7\nid: en, index: 0\n"), "a kind that is not a video"),
        ("pipe.mp4", _pipe, "is not a regular file"),
        ("device.mp4", _link("/dev/zero"), "is not a regular file"),
        ("terminal.mp4", _link("/dev/tty"), "is not a regular file"),
        ("system.mp4", _link("/proc/self/status"), "the file is empty"),
        ("x" * 300, lambda path: path, "cannot be read: File name too long"),
        ("nul\0.mp4", lambda path: path, "no file can have such a name"),
        ("claims.png", lambda path: media.png_that_claims(path, 16000, 16000), "decoding stops with an error"),
    ],
)
def test_a_bad_file_is_a_decode_error(tmp_path: Path, name: str, write: Write, reason: str, capfd: Any) -> None:
    path = write(tmp_path / name)
    capfd.readouterr()
    with pytest.raises(DecodeError, match=re.escape(str(path)) + ": .*" + reason) as caught:
        decode(path, [0])
    assert isinstance(caught.value, UserError)
    assert capfd.readouterr() == ("", "")


def test_a_pipe_that_comes_after_the_look_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, file = _pipe(tmp_path / "pipe.mp4"), tmp_path / "file.mp4"
    file.write_text("a file")
    status = file.stat()
    monkeypatch.setattr(Path, "stat", lambda self: status)
    with pytest.raises(DecodeError, match="is not a regular file"):
        decode(path, [0])


def test_hours_of_frames_in_a_small_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = media.write_video(tmp_path / "video.mp4", [media.grey_frames(1)[0]] * 40)
    monkeypatch.setattr(decode_pyav, "_ANY_PIXELS", 29 * 64 * 48)
    assert probe(path).status == "ok"
    monkeypatch.setattr(decode_pyav, "_PIXELS_OF_A_BYTE", 2)
    size = path.stat().st_size
    assert probe(path).fault == (
        f"its {size} bytes hold 29 frames of 64 x 48 pixels and more, which no video does (a decompression bomb?)"
    )
    assert len(decode(path, [0, 28])) == 2


def test_a_frame_larger_than_any_video_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = media.write_video(tmp_path / "video.avi", media.grey_frames(2), codec="ffv1")
    monkeypatch.setattr(frame_size, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(DecodeError, match="64 x 48 pixels is larger than any video"):
        decode(path, [0])


def test_an_error_survives_the_way_between_processes(tmp_path: Path) -> None:
    error = pickle.loads(pickle.dumps(DecodeError(tmp_path / "a.mp4", "no video stream")))
    assert isinstance(error, DecodeError)
    assert (error.path, error.reason) == (tmp_path / "a.mp4", "no video stream")
    assert str(error) == f"{tmp_path / 'a.mp4'}: no video stream"


def test_names_are_not_taken_for_protocols_or_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    media.write_video(Path("tmp.mp4"), media.grey_frames(3)).rename("http:clip.mp4")
    assert numbers(decode("http:clip.mp4", [2])) == [2]
    Image.fromarray(media.grey_frames(3)[2]).save("still%03d.png")
    assert numbers(decode("still%03d.png", [0])) == [2]


def test_metadata_that_is_not_unicode_does_no_harm(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "video.avi", media.grey_frames(3), codec="mpeg4", title="TITLETITLE")
    data = path.read_bytes()
    assert b"TITLETITLE" in data
    path.write_bytes(data.replace(b"TITLETITLE", b"\xd3" * 10))
    assert numbers(decode(path, [1])) == [1]


@pytest.mark.parametrize("indices", [[], [-1], [3, -2]])
def test_indices_are_checked(video: Path, indices: list[int]) -> None:
    with pytest.raises(ValueError, match="give one or more, each 0 or above"):
        decode(video, indices)


def test_an_unknown_backend_is_an_error(video: Path) -> None:
    with pytest.raises(ValueError, match="backend='opencv' is unknown; use one of pyav, torchcodec"):
        decode(video, [0], backend="opencv")  # pyright: ignore[reportArgumentType]
