"""Real damaged, odd and hostile files: each gets the verdict that was written down for it."""

import csv
from pathlib import Path
from typing import Any

import pytest

from recircle.decode.frames import DecodeError, decode
from recircle.decode.resize import Resize
from recircle.layouts.index import index_folder
from recircle.manifest.manifest import Clip, Manifest

pytestmark = pytest.mark.filterwarnings("ignore:.*single images lie among videos")
Truth = dict[str, dict[str, Any]]

# how a verdict in the list of files reads as a fault
FAULTS = {
    "no video stream": "no video stream",
    "open failed": "cannot be opened as a video: ",
    "InvalidDataError": "decoding stops with an error after {frames} frames: Invalid data found when processing input",
}


@pytest.fixture(scope="module")
def truth(shared_data: Path) -> Truth:
    with (shared_data / "nasty" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def manifest(shared_data: Path) -> Manifest:
    return index_folder(shared_data / "nasty", workers=2, seconds=60)


def test_every_file_has_its_verdict(truth: Truth, manifest: Manifest) -> None:
    clips = {clip.path: clip for clip in manifest.clips}
    assert len(truth) == 64
    assert clips.keys() == truth.keys()
    for path, row in truth.items():
        _check(clips[path], row)


def _check(clip: Clip, row: dict[str, Any]) -> None:
    frames = int(row["decoded_frames"] or 0)
    assert clip.frames == frames, clip
    assert clip.size == int(row["bytes"]), clip
    if row["result"] == "ok":
        declared = int(row["declared_frames"])
        note = f"the container declares {declared} frames, {frames} decode"
        notes = [note] if declared not in (0, frames) else []
        if clip.path == "opencv/tree.avi":  # whose container counts pictures that are shown again, and are not stored
            notes.insert(0, "frame rate varies: 1.36 to 15 fps; sampled by time")
        assert (clip.status, clip.fault) == ("ok", "; ".join(notes))
        assert bool(clip.durations) == (clip.path == "opencv/tree.avi")
        assert clip.fps == pytest.approx(float(row["fps"])), clip
        turned = int(row["rotation"]) % 180 != 0
        size = (int(row["w"]), int(row["h"]))
        assert (clip.width, clip.height) == (size[::-1] if turned else size), clip
    else:
        assert clip.status == "broken", clip
        assert clip.fault.startswith(FAULTS[row["result"].split(":")[0]].format(frames=frames)), clip


def test_what_is_ok_decodes_to_its_last_frame_and_no_further(manifest: Manifest) -> None:
    for clip in manifest.clips:
        path = manifest.path(clip)
        if clip.status == "broken":
            with pytest.raises(DecodeError):
                decode(path, [clip.frames])
            continue
        last = max(clip.frames - 1, 0)
        if last < 70:  # the long ones say nothing more
            assert decode(path, [last, 0], resize=Resize((16, 16))).shape == (2, 3, 16, 16)
            with pytest.raises(DecodeError, match=f"frame {clip.frames} was asked for, and only {clip.frames} frame"):
                decode(path, [clip.frames])
