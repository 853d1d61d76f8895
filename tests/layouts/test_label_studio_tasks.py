"""Predictions as tasks of Label Studio."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from recircle.layouts.label_studio_tasks import (
    PredictedPart,
    frames_between,
    labelling_interface,
    seconds_between,
    write_tasks,
)


def test_parts_and_whole_videos_become_one_task_a_video(tmp_path: Path) -> None:
    parts = [
        PredictedPart(video="a.mp4", label="jump", score=0.75, start=1.0, end=2.0),
        PredictedPart(video="b.mp4", label="run", score=0.5),
        PredictedPart(video="a.mp4", label="fall & roll", score=0.25, start=2.0, end=2.1),
    ]
    count = write_tasks(tmp_path / "deep" / "tasks.json", parts, model_version="mine", frame_rate=25, prefix="/f/")
    first, second = json.loads((tmp_path / "deep" / "tasks.json").read_text())
    assert count == 2
    assert first["data"] == {"video": "/f/a.mp4"}
    assert [one["value"] for one in first["predictions"][0]["result"]] == [
        {"ranges": [{"start": 26, "end": 50}], "timelinelabels": ["jump"]},
        {"ranges": [{"start": 51, "end": 53}], "timelinelabels": ["fall & roll"]},
    ]
    assert (first["predictions"][0]["model_version"], first["predictions"][0]["score"]) == ("mine", 0.25)
    assert second["predictions"][0]["result"][0] == {
        "id": "part1",
        "from_name": "choice",
        "to_name": "video",
        "type": "choices",
        "value": {"choices": ["run"]},
        "score": 0.5,
    }


def test_the_interface_names_what_the_tasks_name() -> None:
    view = ElementTree.fromstring(labelling_interface(['a "b"', "c & d"], 30, timeline=True))
    assert view.find("Video").attrib["frameRate"] == "30"  # type: ignore[union-attr]
    assert [label.attrib["value"] for label in view.iter("Label")] == ['a "b"', "c & d"]
    assert {tag.attrib.get("name") for tag in view} == {"timeline", "video"}


@pytest.mark.parametrize("rate", [24.0, 25.0, 29.97, 30.0])
def test_frames_and_seconds_are_inverse(rate: float) -> None:
    for first in (1, 2, 7, 1000, 123_457):
        for last in (first, first + 1, first + 333):
            assert frames_between(*seconds_between(first, last, rate), rate) == (first, last)


def test_a_part_that_ends_before_it_begins_is_an_error(tmp_path: Path) -> None:
    part = PredictedPart(video="a.mp4", label="x", score=1.0, start=2.0, end=1.0)
    with pytest.raises(ValueError, match="ends before"):
        write_tasks(tmp_path / "x.json", [part], model_version="m")
