"""Images that are damaged, hostile or no files: a `DecodeError` for each, soon, without another program's help."""

import os
import random
import struct
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recircle.decode.frame_size import MAX_RATIO
from recircle.decode.frames import DecodeError, decode
from recircle.decode.images import read_image
from recircle.decode.probe import probe
from recircle.decode.resize import Resize
from recircle.views.cut import whole_file_views
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.views.views import EvalViews
from tests import media

_VIEWS = EvalViews(sampling=Sampling(frames=2), preprocessing=Preprocessing(resize=64, crop=56))


def both_refuse(folder: Path) -> str:
    """Check that indexing and predicting give one verdict, and return it."""
    verdict = probe(folder)
    assert verdict.status == "broken"
    with pytest.raises(DecodeError) as error:
        whole_file_views(folder, _VIEWS)
    assert error.value.reason == verdict.fault
    return error.value.reason


@pytest.mark.parametrize("text", ["%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"])
def test_no_other_program_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    started = tmp_path / "started"
    (tmp_path / "bin").mkdir()
    for name in ("gs", "gswin64c", "sh", "djpeg", "cjpeg"):
        program = tmp_path / "bin" / name
        program.write_text(f"#!{os.path.realpath('/bin/sh')}\ntouch {started}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "1.jpg").write_text(text)
    assert "not an image of a kind that is read" in both_refuse(folder)
    assert not started.exists()


@pytest.mark.parametrize("kind", ["DDS", "ICO", "PCX", "SGI", "SPIDER", "MSP", "XBM", "ICNS", "EPS"])
def test_other_formats_than_those_of_frames_are_refused(tmp_path: Path, kind: str) -> None:
    image = Image.fromarray(media.cornered_frame(32, 32))
    if kind in ("MSP", "XBM"):
        image = image.convert("1")
    if kind == "SPIDER":
        image = image.convert("F")
    content = BytesIO()  # with a name, SPIDER would make its suffix one of its own for the whole process
    image.save(content, kind)
    (tmp_path / "1.jpg").write_bytes(content.getvalue())
    assert "1.jpg cannot be decoded" in both_refuse(tmp_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000"])
def test_a_name_may_have_another_suffix_than_its_kind(tmp_path: Path, kind: str) -> None:
    with (tmp_path / "1.jpg").open("wb") as file:
        Image.fromarray(np.full((48, 64, 3), 77, np.uint8)).save(file, kind)
    assert np.abs(read_image(tmp_path / "1.jpg").astype(int) - 77).max() < 8


@pytest.mark.parametrize(
    "error", [struct.error, KeyError, IndexError, RecursionError, MemoryError, EOFError, TypeError]
)
@pytest.mark.parametrize("place", ["open", "decode"])
def test_whatever_a_reader_raises_is_a_decode_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception], place: str
) -> None:
    folder = media.write_frame_folder(tmp_path, media.grey_frames(2))

    def fail(*_: object, **__: object) -> None:
        raise error("hostile")

    if place == "open":
        monkeypatch.setattr("recircle.decode.images.Image.open", fail)
    else:
        monkeypatch.setattr("recircle.decode.images.ImageOps.exif_transpose", fail)
    assert "00001.png " in both_refuse(folder)


def exif_that_cannot_be_written_again() -> bytes:
    """EXIF data that turn the image, and give its width as letters."""
    turned = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    width = struct.pack(">HHI4s", 0x0100, 2, 4, b"abc\0")
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 2) + turned + width + bytes(4)


def test_damaged_exif_is_a_decode_error(tmp_path: Path) -> None:
    exif = exif_that_cannot_be_written_again()
    Image.fromarray(media.cornered_frame()).save(tmp_path / "1.jpg", exif=exif)
    assert "1.jpg has EXIF data that cannot be read" in both_refuse(tmp_path)


def test_mutated_exif_gives_frames_or_decode_errors(tmp_path: Path) -> None:
    exif, rng, path = exif_that_cannot_be_written_again(), random.Random(0), tmp_path / "1.jpg"
    for _ in range(150):
        damaged = bytearray(exif)
        for _ in range(3):
            damaged[rng.randrange(6, len(exif))] = rng.randrange(256)
        Image.fromarray(media.cornered_frame()).save(path, exif=bytes(damaged))
        with suppress(DecodeError):
            assert read_image(path).shape[-1] == 3


@pytest.mark.parametrize("size", [(8, 8 * MAX_RATIO + 1), (2, 100_000), (100_000, 3)])
def test_frames_that_resizing_would_make_huge_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    Image.new("L", size).save(folder / "0001.png")
    assert f"{size[0]} x {size[1]} pixels" in both_refuse(folder)
    with pytest.raises(DecodeError, match="longer side of more than 64 times the shorter one"):
        decode(folder, [0], resize=Resize(256))


def test_the_narrowest_frame_is_read(tmp_path: Path) -> None:
    Image.new("L", (4, 4 * MAX_RATIO)).save(tmp_path / "1.png")
    assert decode(tmp_path, [0], resize=Resize(8)).shape == (1, 3, 8 * MAX_RATIO, 8)
    assert probe(tmp_path).status == "ok"


def test_videos_that_resizing_would_make_huge_are_refused(tmp_path: Path) -> None:
    thin = [np.zeros((2, 2 * MAX_RATIO + 2, 3), np.uint8)] * 2
    path = media.write_video(tmp_path / "thin.avi", thin, codec="ffv1")
    assert f"{2 * MAX_RATIO + 2} x 2 pixels has a longer side" in both_refuse(path)


@pytest.mark.parametrize("kind", ["pipe", "device", "link to nothing", "link to itself", "folder"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    folder = media.write_frame_folder(tmp_path / "clip", media.grey_frames(2))
    place = folder / "00003.png"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
        assert probe(folder).frames == 2
        return
    else:
        place.symlink_to({"device": "/dev/zero", "link to nothing": "gone.png", "link to itself": place.name}[kind])
    assert "00003.png" in both_refuse(folder)


def test_a_file_that_is_larger_than_any_image_is_not_read(tmp_path: Path) -> None:
    path = media.write_frame_folder(tmp_path, media.grey_frames(1)) / "00001.png"
    os.truncate(path, 2**31)
    assert "are more than an image has" in both_refuse(tmp_path)


def test_mutated_images_are_frames_or_decode_errors(tmp_path: Path) -> None:
    rng = random.Random(3)
    frame = Image.fromarray(media.moving_frames(1)[0])
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF", "JPEG2000", "TGA"):
        path = tmp_path / ("1.tga" if kind == "TGA" else "1.jpg")
        with path.open("wb") as file:
            frame.save(file, kind)
        data = path.read_bytes()
        for _ in range(25):
            damaged = bytearray(data[: rng.randrange(4, len(data) + 1)])
            for _ in range(rng.randrange(4)):
                damaged[rng.randrange(min(len(damaged), 80))] = rng.randrange(256)
            path.write_bytes(damaged)
            try:
                image = read_image(path)
            except DecodeError:
                continue
            assert image.dtype == np.uint8
            assert image.shape[-1] == 3
            assert torch.from_numpy(image.copy()).dim() == 3
