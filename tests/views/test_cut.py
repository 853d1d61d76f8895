"""A clip in memory and the same clip in a file give the same views."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recircle.decode import pyav as decode_pyav
from recircle.decode import whole_file
from recircle.decode.frames import DecodeError, probe
from recircle.views.cut import file_views, frame_views, whole_file_views
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.views.views import EvalViews
from tests import media

SAMPLING = Sampling(frames=4)
PREPROCESSING = Preprocessing(resize=20, crop=16)


@pytest.fixture
def clip(tmp_path) -> torch.Tensor:
    frames = torch.randint(0, 256, (7, 3, 20, 30), dtype=torch.uint8)
    for number, frame in enumerate(frames):
        Image.fromarray(np.ascontiguousarray(frame.permute(1, 2, 0))).save(tmp_path / f"{number:04}.png")
    return frames


@pytest.mark.parametrize(("clips", "crops", "shape"), [(1, 1, (16, 16)), (2, 3, (20, 20)), (3, 10, (16, 16))])
def test_file_and_memory_agree(clip, tmp_path, clips, crops, shape):
    views = EvalViews(sampling=SAMPLING, preprocessing=PREPROCESSING, clips=clips, crops=crops)
    found = file_views(tmp_path, 7, views)
    assert found.shape == views.shape == (clips * crops, 4, 3, *shape)
    assert torch.equal(found, frame_views(clip, views))


def test_one_view_is_the_centre_of_the_middle_frames(clip):
    (view,) = frame_views(clip, EvalViews(sampling=SAMPLING, preprocessing=PREPROCESSING))
    assert torch.equal(view, clip[[0, 2, 4, 6], :, 2:18, 7:23])


def test_a_clip_in_memory_is_resized_as_a_file_is(clip, tmp_path):
    views = EvalViews(sampling=SAMPLING, preprocessing=Preprocessing(resize=13, crop=11))
    found = file_views(tmp_path, 7, views)
    assert found.shape == (1, 4, 3, 11, 11)
    assert torch.equal(found, frame_views(clip, views))


def test_a_file_with_fewer_frames_than_said_is_an_error(clip, tmp_path):
    with pytest.raises(DecodeError):
        file_views(tmp_path, 20, EvalViews(sampling=SAMPLING, preprocessing=PREPROCESSING))


@pytest.fixture
def files(tmp_path):
    """Clips whose containers declare the right count, none, and a wrong one; one that is turned; a folder."""
    frames = media.moving_frames(11)
    return [
        media.write_video(tmp_path / "right.mp4", frames),
        media.turn(media.write_video(tmp_path / "turned.mp4", frames), (0, 1, -1, 0)),
        media.write_video(tmp_path / "none.webm", frames, codec="libvpx-vp9"),
        media.declare_frames(media.write_video(tmp_path / "more.avi", frames, codec="mpeg4"), 40),
        media.write_frame_folder(tmp_path / "frames", frames),
    ]


@pytest.mark.parametrize(("clips", "crops"), [(1, 1), (2, 3), (4, 10)])
@pytest.mark.parametrize("sampling", [SAMPLING, Sampling(frames=16), Sampling(frames=3, mode="dense", stride=2)])
def test_a_whole_file_has_the_views_of_its_true_count(files, sampling, clips, crops):
    views = EvalViews(sampling=sampling, preprocessing=PREPROCESSING, clips=clips, crops=crops)
    for path in files:
        assert torch.equal(whole_file_views(path, views), file_views(path, probe(path).frames, views))


@pytest.mark.parametrize(("room", "passes"), [(11 * 48 * 64 * 3, 1), (11 * 48 * 64 * 3 - 1, 2)])
def test_a_file_is_decoded_again_only_if_its_frames_take_too_much_memory(files, monkeypatch, room, passes):
    monkeypatch.setattr(whole_file, "_HELD", room)
    decoded = []
    frames = decode_pyav.Video.frames

    def counting(self):
        decoded.append(Path(self.container.name))
        return frames(self)

    monkeypatch.setattr(decode_pyav.Video, "frames", counting)
    views = EvalViews(sampling=SAMPLING, preprocessing=PREPROCESSING)
    for path in files:
        decoded.clear()
        found = whole_file_views(path, views)
        assert decoded == ([] if path.is_dir() else [path] * passes)
        assert torch.equal(found, file_views(path, 11, views))


def test_a_fault_after_the_last_frame_wanted_is_an_error(tmp_path, shared_data):
    folder = media.write_frame_folder(tmp_path / "frames", media.moving_frames(11), "{}.jpg")
    media.cut(folder / "11.jpg", 0.4)
    for path in (folder, shared_data / "nasty" / "derived" / "bitrot_400bytes.avi"):
        verdict = probe(path)
        assert verdict.frames > 1
        with pytest.raises(DecodeError) as caught:
            whole_file_views(path, EvalViews(sampling=Sampling(frames=1), preprocessing=PREPROCESSING))
        assert (caught.value.path, caught.value.reason) == (path, verdict.fault)
