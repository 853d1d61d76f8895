"""Folders of frames: which images are frames, in which order, and what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from recircle.decode.frame_size import MAX_PIXELS
from recircle.decode.frames import DecodeError, decode
from recircle.decode.probe import probe
from tests import media


@pytest.mark.parametrize("name", ["{:05d}.png", "{}.jpg", "frame{}.JPEG", "img_{:02d}_of_12.bmp", "{}.webp", "f{}.tif"])
def test_numbers_in_names_give_the_order(tmp_path: Path, name: str) -> None:
    folder = media.write_frame_folder(tmp_path / "clip", media.grey_frames(12), name)
    frames = decode(folder, range(12))
    assert frames.shape == (12, 3, 48, 64)
    assert [media.number_of(frame) for frame in frames] == list(range(12))
    assert [media.number_of(frame) for frame in decode(folder, [11, 2, 2])] == [11, 2, 2]


def test_other_files_are_no_frames(tmp_path: Path) -> None:
    folder = media.write_frame_folder(tmp_path / "clip", media.grey_frames(2))
    (folder / "notes.txt").write_text("")
    (folder / "sound.wav").write_bytes(b"")
    (folder / ".00000.png").write_bytes(b"")
    (folder / "deeper").mkdir()
    assert probe(folder).frames == 2
    with pytest.raises(DecodeError, match=r"frame 2 was asked for, and only 2 frames decode \(0 to 1\)"):
        decode(folder, [2])


def test_every_kind_of_image_becomes_rgb(tmp_path: Path) -> None:
    grey = np.full((8, 8), 77, np.uint8)
    folder = tmp_path / "clip"
    folder.mkdir()
    image = Image.fromarray(grey)
    image.save(folder / "1.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(folder / "2.png")
    image.convert("RGB").quantize(4).save(folder / "3.png")
    image.convert("LA").save(folder / "4.png")
    image.convert("CMYK").save(folder / "5.tif")
    image.convert("1", dither=Image.Dither.NONE).save(folder / "6.png")
    frames = decode(folder, range(6))
    assert (frames[:5] == 77).all()
    assert (frames[5] == 0).all()


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    plain = media.write_frame_folder(tmp_path / "plain", [media.cornered_frame()])
    turned = tmp_path / "turned"
    turned.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(media.cornered_frame()).save(turned / "1.png", exif=exif)
    assert_array_equal(decode(turned, [0])[0], np.rot90(decode(plain, [0])[0], -1, axes=(1, 2)))


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="holds no frames"):
        decode(tmp_path, [0])
    assert probe(tmp_path).status == "broken"


def test_mixed_sizes_are_an_error(tmp_path: Path) -> None:
    folder = media.write_frame_folder(tmp_path, [*media.grey_frames(2), *media.grey_frames(1, 20, 30)])
    reason = r"frames differ in size: 00003\.png has 30 x 20 pixels, others 64 x 48"
    with pytest.raises(DecodeError, match=reason):
        decode(folder, [0, 2])
    verdict = probe(folder)
    assert (verdict.status, verdict.frames) == ("broken", 2)
    assert "frames differ in size" in (verdict.fault or "")


def test_a_damaged_image_is_an_error_that_names_it(tmp_path: Path) -> None:
    folder = media.write_frame_folder(tmp_path / "clip", media.moving_frames(3), "{}.jpg")
    media.cut(folder / "2.jpg", 0.4)
    assert len(decode(folder, [0, 2])) == 2
    with pytest.raises(DecodeError, match=r"clip: 2\.jpg cannot be decoded: .*[Tt]runcated"):
        decode(folder, [1])
    verdict = probe(folder)
    assert (verdict.status, verdict.frames, verdict.width, verdict.height) == ("broken", 1, 64, 48)


def test_an_image_that_claims_too_much_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    media.png_that_claims(folder / "1.png", 60_000, 50_000)
    assert MAX_PIXELS < 60_000 * 50_000
    with pytest.raises(DecodeError, match=r"1\.png cannot be decoded: Image size|1\.png: .*60000 x 50000 pixels"):
        decode(folder, [0])
