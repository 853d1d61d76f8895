"""Lists of parts of videos: a CSV of segments, and what tools for labelling export."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from recircle.decode.frames import decode
from recircle.errors import UserError
from recircle.layouts import find_clips
from recircle.layouts.index import index_folder
from recircle.layouts.label_studio_tasks import PredictedPart, write_tasks
from recircle.manifest.manifest import Clip, Manifest
from tests import media


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def quietly(path: Path, **options: Any) -> Manifest:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return index_folder(path, workers=0, **options)


def shown(manifest: Manifest) -> list[tuple[str, str, int]]:
    return [(clip.name, clip.label, clip.frames) for clip in manifest.clips]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 10 frames a second and one whose rate varies, 12 frames each of a grey of their own."""
    folder = tmp_path_factory.mktemp("videos")
    media.write_video(folder / "a.mp4", media.grey_frames(12), fps=10)
    media.write_video(folder / "v.mp4", media.grey_frames(12), fps=10, times=[0, 1, 2, 3, 7, 8, 12, 13, 14, 20, 21, 22])
    return folder


@pytest.fixture
def folder(videos: Path, tmp_path: Path) -> Path:
    for video in videos.iterdir():
        (tmp_path / video.name).symlink_to(video)
    return tmp_path


class TestSegments:
    def test_seconds(self, folder: Path) -> None:
        path = write(folder / "l.csv", "video,start,end,label\na.mp4,0,0.3,run\na.mp4,0.3,0.75,jump\nv.mp4,,,whole\n")
        manifest = quietly(path, layout="segments")
        assert shown(manifest) == [("a.mp4#t=0,0.3", "run", 3), ("a.mp4#t=0.3,0.75", "jump", 5), ("v.mp4", "whole", 12)]
        assert [clip.group for clip in manifest.clips] == ["a.mp4", "a.mp4", ""]
        frames = decode(manifest.address(manifest.clips[1]), range(5))
        assert [media.number_of(frame) for frame in frames] == [3, 4, 5, 6, 7]

    @pytest.mark.parametrize("workers", [0, 1])
    def test_frames_of_a_video_whose_rate_varies(self, folder: Path, workers: int) -> None:
        path = write(
            folder / "l.csv", "video,start_frame,end_frame,label\nv.mp4,3,5,run\nv.mp4,6,11,jump\na.mp4,0,0,x\n"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            manifest = index_folder(path, layout="segments", workers=workers)
        assert shown(manifest) == [
            ("v.mp4#t=0.3,1.2", "run", 3),
            ("v.mp4#t=1.2,2.8", "jump", 6),
            ("a.mp4#t=0,0.1", "x", 1),
        ]
        frames = decode(manifest.address(manifest.clips[1]), range(6))
        assert [media.number_of(frame) for frame in frames] == [6, 7, 8, 9, 10, 11]

    def test_what_is_read_is_told(self, folder: Path) -> None:
        path = write(folder / "l.csv", "video,start,end,label\na.mp4,0,0.3,run\na.mp4,0.2,0.75,jump\n")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            index_folder(path, workers=0)
        told = "\n".join(str(warning.message) for warning in caught)
        assert "is read as Parts of long videos (layout segments); --layout csv_list reads it otherwise" in told
        assert "read as seconds after the first frame, as some are written so" in told
        assert "2 parts of videos are grouped by their 1 video," in told
        assert "1 of 2 parts begin before the one ahead of them has ended, such as a.mp4#t=0.2,0.75 (jump)" in told

    def test_a_doubt_is_asked(self, folder: Path) -> None:
        path = write(folder / "l.csv", "video,start,end,label\na.mp4,0,3,run\na.mp4,4,7,jump\n")
        with pytest.raises(UserError, match="which may be seconds or frames; say --units seconds or --units frames"):
            quietly(path)
        assert shown(quietly(path, units="frames"))[0] == ("a.mp4#t=0,0.4", "run", 4)
        assert shown(quietly(path, units="frames", fps=20.0))[0] == ("a.mp4#t=0,0.2", "run", 2)
        assert shown(quietly(path, units="seconds"))[0] == ("a.mp4#t=0,3", "run", 12)

    @pytest.mark.parametrize(
        ("header", "line", "name"),
        [
            ("video,start_seconds,end_seconds,label", "a.mp4,0,1,x", "a.mp4#t=0,1"),
            ("file;t_start;t_end;class", "a.mp4;0:00.2;0:01;x", "a.mp4#t=0.2,1"),
            ("video,start_ms,end_ms,label", "a.mp4,200,700,x", "a.mp4#t=0.2,0.7"),
            ("video\tonset\toffset\tlabel", "a\t0.2\t.7\tx", "a.mp4#t=0.2,0.7"),
        ],
    )
    def test_ways_to_write_it(self, folder: Path, header: str, line: str, name: str) -> None:
        assert [
            one for one, *_ in shown(quietly(write(folder / "l.csv", f"{header}\n{line}\n"), layout="segments"))
        ] == [name]

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            ("a.mp4,0.5,0.2,x", r"line 2: the part ends at 0\.2, which is not after its start at 0\.5"),
            ("a.mp4,0.5,0.5,x", r"line 2: the part ends at 0\.5"),
            ("a.mp4,-0.5,0.5,x", r"line 2: '-0\.5' is not a time"),
            ("a.mp4,0.5,,x", r"line 2: '' is not a time, such as 62\.5"),
            ("a.mp4,soon,later,x", "line 2: 'soon' is not a time"),
            ("a.mp4,0.1,0.2,x\na.mp4,0.10,0.2,x", r"line 3: a\.mp4#t=0\.1,0\.2 is listed twice"),
            ("a.mp4,0.1,0.2,x\na.mp4,0.1,0.2,y", "line 3: .* several labels of a clip are not read"),
        ],
    )
    def test_what_cannot_be_is_an_error(self, folder: Path, lines: str, message: str) -> None:
        path = write(folder / "l.csv", f"video,start,end,label\n{lines}\n")
        with pytest.raises(UserError, match=message):
            quietly(path, layout="segments")

    def test_units_against_the_names_of_columns(self, folder: Path) -> None:
        path = write(folder / "l.csv", "video,start_frame,end_frame,label\na.mp4,0,3,x\n")
        with pytest.raises(UserError, match="the columns hold frames, and --units says seconds"):
            quietly(path, layout="segments", units="seconds")
        with pytest.raises(UserError, match=r"units='frames' is for layout segments"):
            quietly(path, layout="csv_list", units="frames")
        with pytest.raises(UserError, match="fps=25 is for layouts segments and label_studio"):
            quietly(path, layout="csv_list", fps=25.0)

    def test_what_is_not_there_is_a_row_with_its_fault(self, folder: Path) -> None:
        lines = "none.mp4,0.1,0.2,x\na.mp4,0.9,5.5,x\na.mp4,7.5,8.5,x\n"
        clips = quietly(write(folder / "l.csv", f"video,start,end,label\n{lines}"), layout="segments").clips
        assert [(clip.status, clip.frames) for clip in clips] == [("broken", 0), ("ok", 3), ("broken", 0)]
        assert clips[0].fault == "file not found"
        assert "is to end at 5.5 s, and the video ends at 1.2 s" in clips[1].fault
        assert clips[2].fault == "begins at 7.5 s, and the video ends at 1.2 s"

    def test_frames_beyond_the_end(self, folder: Path) -> None:
        lines = "a.mp4,10,40,x\na.mp4,40,50,x\nnone.mp4,0,3,x\n"
        clips = quietly(
            write(folder / "l.csv", f"video,first_frame,last_frame,label\n{lines}"), layout="segments"
        ).clips
        assert [(clip.status, clip.frames) for clip in clips] == [("ok", 2), ("broken", 0), ("broken", 0)]
        assert clips[1].name == "a.mp4#t=4,5.1"

    def test_parts_of_a_folder_of_frames(self, tmp_path: Path) -> None:
        media.write_frame_folder(tmp_path / "clip", media.grey_frames(9))
        path = write(tmp_path / "l.csv", "video,start_frame,end_frame,label\nclip,0,3,x\nclip,4,8,y\n")
        manifest = quietly(path, layout="segments")
        assert shown(manifest) == [("clip#t=0,4", "x", 4), ("clip#t=4,9", "y", 5)]
        assert [media.number_of(frame) for frame in decode(manifest.address(manifest.clips[1]), [0, 4])] == [4, 8]

    def test_parts_may_be_divided_if_asked_for(self, folder: Path) -> None:
        path = write(folder / "l.csv", "video,start,end,label\na.mp4,0,0.3,run\na.mp4,0.3,0.75,jump\n")
        manifest = quietly(path, layout="segments", divide_videos=True)
        assert [clip.group for clip in manifest.clips] == ["a.mp4#t=0,0.3", "a.mp4#t=0.3,0.75"]

    def test_a_manifest_is_indexed_again(self, folder: Path) -> None:
        path = write(folder / "l.csv", "video,start,end,label\na.mp4,0,0.3,run\na.mp4,0.3,0.75,jump\nv.mp4,,,whole\n")
        first = quietly(path, layout="segments", output=folder / "m.csv")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert index_folder(folder / "m.csv", workers=0, output=folder / "again.csv") == first

    def test_a_list_of_whole_clips_stays_one(self, folder: Path) -> None:
        path = write(folder / "l.csv", "video,start,end,label\na.mp4,0,3,run\nv.mp4,4,7,jump\n")
        with (
            pytest.warns(UserWarning, match="the whole clips are taken; if they are parts of longer videos, give"),
            pytest.warns(UserWarning, match="'video' is read as the path"),
        ):
            assert [clip.name for clip in find_clips(path)] == ["a.mp4", "v.mp4"]


def task(video: str, *results: Any, **others: Any) -> dict[str, Any]:
    return {"id": 7, "data": {"video": video}, "annotations": [{"result": list(results)}], **others}


def region(first: int, last: int, *labels: str) -> dict[str, Any]:
    return {
        "type": "timelinelabels",
        "value": {"ranges": [{"start": first, "end": last}], "timelinelabels": list(labels)},
        "from_name": "tl",
        "to_name": "video",
    }


def choice(*labels: str) -> dict[str, Any]:
    return {"type": "choices", "value": {"choices": list(labels)}, "from_name": "c", "to_name": "video"}


class TestLabelStudio:
    @pytest.mark.parametrize(
        "video",
        [
            "a.mp4",
            "/data/upload/3/01234abc-a.mp4",
            "/data/local-files/?d=some/where/a.mp4",
            "https://host.example/data/upload/3/01234abc-a.mp4?x=1",
            "s3://bucket/deep/a.mp4",
        ],
    )
    def test_regions_of_a_timeline(self, folder: Path, video: str) -> None:
        path = write(folder / "e.json", json.dumps([task(video, region(1, 6, "run"), region(7, 12, "jump"))]))
        manifest = quietly(path, layout="label-studio", fps=20.0)
        assert shown(manifest) == [("a.mp4#t=0,0.3", "run", 3), ("a.mp4#t=0.3,0.6", "jump", 3)]

    def test_the_rate_is_asked_for(self, folder: Path) -> None:
        path = write(folder / "e.json", json.dumps([task("a.mp4", region(1, 6, "run"))]))
        with (
            pytest.warns(UserWarning, match="is read as Label Studio"),
            pytest.raises(UserError, match=r"task 7: ranges are in frames at the frameRate .* --fps 24"),
        ):
            index_folder(path, workers=0)

    def test_the_rate_of_objects_beside_is_told(self, folder: Path) -> None:
        box = {"type": "videorectangle", "value": {"framesCount": 24, "duration": 1.2, "sequence": [], "labels": ["x"]}}
        path = write(folder / "e.json", json.dumps([task("a.mp4", region(1, 6, "run"), box)]))
        with (
            pytest.warns(UserWarning, match="at 20 frames a second, as the regions of objects"),
            pytest.warns(UserWarning, match="left out of its 1 tasks: 1 results of type videorectangle"),
        ):
            assert [clip.name for clip in find_clips(path, "label_studio")] == ["a.mp4#t=0,0.3"]

    def test_choices_for_whole_videos(self, folder: Path) -> None:
        tasks = [task("a.mp4", choice("run")), task("v.mp4", choice("jump")), task("x.mp4", annotations=[])]
        with pytest.warns(UserWarning, match="1 tasks without an annotation"):
            clips = find_clips(write(folder / "e.json", json.dumps(tasks)), "label_studio")
        assert clips == [Clip(path="a.mp4", label="run"), Clip(path="v.mp4", label="jump")]

    def test_of_several_annotations_one_counts(self, folder: Path) -> None:
        several = [
            {"result": [choice("old")], "updated_at": "2026-01-01"},
            {"result": [choice("new")], "updated_at": "2026-02-01"},
            {"result": [choice("skipped")], "updated_at": "2026-03-01", "was_cancelled": True},
        ]
        path = write(folder / "e.json", json.dumps([task("a.mp4", annotations=several)]))
        with pytest.warns(UserWarning, match="1 annotations beside the one of a task"):
            assert find_clips(path, "label_studio")[0].label == "new"
        several[0]["ground_truth"] = True
        path.write_text(json.dumps([task("a.mp4", annotations=several)]))
        assert [clip.label for clip in quietly(path, layout="label_studio").clips] == ["old"]

    def test_what_is_written_comes_back(self, folder: Path) -> None:
        parts = [PredictedPart(video="a.mp4", label="run", score=1.0, start=0.2, end=0.7)]
        write_tasks(folder / "tasks.json", parts, model_version="m", frame_rate=30)
        (written,) = json.loads((folder / "tasks.json").read_text())
        labelled = written | {"id": 1, "annotations": written["predictions"]}
        clips = find_clips(write(folder / "e.json", json.dumps([labelled])), "label_studio", fps=30)
        assert [clip.name for clip in clips] == ["a.mp4#t=0.2,0.7"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ([{"video": "a.mp4", "tl": []}], "which is not JSON-MIN"),
            ([task("a.mp4", region(5, 3, "x"))], "are not a first and a last frame"),
            ([task("a.mp4", region(0, 3, "x"))], "are not a first and a last frame"),
            ([task("a.mp4", region(1, 3, "x", "y"))], "are several labels of one region"),
            ([task("a.mp4", choice("x"), choice("y"))], "'x' and 'y' are chosen"),
            ([task("a.mp4")], "none of its 1 tasks has a region"),
            ([task("a.mp4") | {"data": {"n": 1}}], "none of its 1 tasks"),
            ([task("a.mp4", choice("x")) | {"data": {"n": 1}}], "names 0 videos; call the one that is meant `video`"),
            ([task("a.mp4", annotations=[{"result": None}])], "has no list `result`"),
        ],
    )
    def test_what_cannot_be_is_an_error(self, folder: Path, content: Any, message: str) -> None:
        with pytest.raises(UserError, match=message):
            quietly(write(folder / "e.json", json.dumps(content)), layout="label_studio", fps=25.0)


def cvat(content: str, *, task_id: str = "1", source: str = "<source>a.mp4</source>", extra: str = "") -> str:
    meta = f"<task><id>{task_id}</id><size>12</size><mode>interpolation</mode>{extra}<labels/>{source}</task>"
    head = "<?xml version='1.0' encoding='utf-8'?>\n<annotations><version>1.1</version>"
    return f"{head}<meta>{meta}</meta>{content}</annotations>"


def track(label: str, *shapes: tuple[int, int], attributes: str = "") -> str:
    boxes = "".join(f'<box frame="{frame}" outside="{outside}" keyframe="1"/>' for frame, outside in shapes)
    return f'<track id="0" label="{label}" {attributes}>{boxes}</track>'


class TestCvat:
    def test_tracks(self, folder: Path) -> None:
        content = track("run", (0, 0), (3, 0), (4, 1), (8, 0), (9, 0)) + track("jump", (5, 0), (7, 0), (8, 1))
        path = write(folder / "annotations.xml", cvat(content))
        with pytest.warns(UserWarning, match=r"is read as CVAT \(layout cvat\)"):
            find_clips(path)
        assert shown(quietly(path)) == [
            ("a.mp4#t=0,0.4", "run", 4),
            ("a.mp4#t=0.8,1", "run", 2),
            ("a.mp4#t=0.5,0.8", "jump", 3),
        ]

    def test_tags_of_frames_that_follow_each_other(self, folder: Path) -> None:
        images = "".join(
            f'<image id="{n}" name="frame_{n:06}"><tag label="{"run" if n < 6 else "jump"}"/></image>'
            for n in (0, 2, 4, 6, 10)
        )
        path = write(folder / "annotations.xml", cvat(images, extra="<frame_filter>step=2</frame_filter>"))
        assert shown(quietly(path)) == [
            ("a.mp4#t=0,0.6", "run", 6),
            ("a.mp4#t=0.6,0.8", "jump", 2),
            ("a.mp4#t=1,1.2", "jump", 2),
        ]

    def test_projects_of_several_videos(self, folder: Path) -> None:
        tasks = "".join(
            f"<task><id>{n}</id><subset>{subset}</subset><source>{name}</source></task>"
            for n, name, subset in ((4, "a.mp4", "Train"), (5, "v.mp4", "Validation"))
        )
        content = track("run", (0, 0), (3, 1), attributes='task_id="5"') + track("x", (0, 0), attributes='task_id="4"')
        text = f"<annotations><meta><project><tasks>{tasks}</tasks></project></meta>{content}</annotations>"
        clips = find_clips(write(folder / "annotations.xml", text), "cvat")
        assert [(clip.path, clip.label, clip.split) for clip in clips] == [
            ("v.mp4", "run", "val"),
            ("a.mp4", "x", "train"),
        ]

    def test_several_objects_at_the_same_time(self, folder: Path) -> None:
        twice = track("run", (0, 0), (3, 1)) * 2
        with pytest.warns(UserWarning, match="1 parts are there more than once"):
            assert len(find_clips(write(folder / "annotations.xml", cvat(twice)), "cvat")) == 1
        other = track("run", (0, 0), (3, 1)) + track("jump", (0, 0), (3, 1))
        with pytest.raises(UserError, match="has the labels 'run' and 'jump'"):
            quietly(write(folder / "annotations.xml", cvat(other)))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("<annotations><meta/>", "is not XML"),
            ("<other/>", "its root is <other>"),
            ("<annotations></annotations>", "describes no task"),
            (cvat(""), "has neither tracks nor tags"),
            (cvat(track("x", (0, 0)), source=""), "names no <source>"),
            (cvat('<track label="x"><box frame="x"/></track>'), "frame='x', which is not the number"),
            (cvat(track("x", (0, 0), attributes='task_id="9"')), "of task 9, which <meta> does not describe"),
            ('<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', "declares entities"),
        ],
    )
    def test_what_cannot_be_is_an_error(self, folder: Path, text: str, message: str) -> None:
        with pytest.raises(UserError, match=message):
            quietly(write(folder / "annotations.xml", text), layout="cvat")


class TestHfVideoFolder:
    def test_metadata_in_each_folder_of_a_split(self, folder: Path) -> None:
        for split, video in (("train", "a.mp4"), ("test", "v.mp4")):
            (folder / split).mkdir()
            (folder / video).rename(folder / split / video)
        write(folder / "train/metadata.csv", "file_name,label\na.mp4,run\n")
        write(folder / "test/metadata.jsonl", '{"file_name": "v.mp4", "label": "jump"}\n')
        with (
            pytest.warns(UserWarning, match=r"is read as A Hugging Face video folder \(layout hf_videofolder\)"),
            pytest.warns(UserWarning, match="'file_name' is read as the path"),
        ):
            find_clips(folder)
        assert [(clip.path, clip.label, clip.split, clip.frames) for clip in quietly(folder).clips] == [
            ("train/a.mp4", "run", "train", 12),
            ("test/v.mp4", "jump", "test", 12),
        ]

    def test_metadata_above_all(self, folder: Path) -> None:
        (folder / "data" / "train").mkdir(parents=True)
        (folder / "a.mp4").rename(folder / "data" / "train" / "a.mp4")
        write(folder / "metadata.csv", "file_name,text,label\ndata/train/a.mp4,some words,0\nmissing.mp4,more,1\n")
        labels = write(folder / "labels.txt", "run\njump\n")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            clips = find_clips(folder, labels=labels)
        assert [(clip.path, clip.label, clip.split) for clip in clips] == [
            ("data/train/a.mp4", "run", "train"),
            ("missing.mp4", "jump", ""),
        ]
        assert any("1 clips on disk are in no list" in str(warning.message) for warning in caught)

    def test_parquet(self, folder: Path) -> None:
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        table = pyarrow.table({"file_name": ["a.mp4", "v.mp4"], "label": ["run", "jump"]})
        parquet.write_table(table, folder / "metadata.parquet")
        assert [(clip.path, clip.label) for clip in quietly(folder, layout="hf-videofolder").clips] == [
            ("a.mp4", "run"),
            ("v.mp4", "jump"),
        ]

    def test_what_cannot_be_is_an_error(self, folder: Path) -> None:
        with pytest.raises(UserError, match="with a column file_name is missing"):
            find_clips(folder, "hf_videofolder")
        write(folder / "metadata.csv", "file_name,label\na.mp4,run\n")
        write(folder / "metadata.jsonl", '{"file_name": "a.mp4", "label": "run"}\n')
        with pytest.raises(UserError, match=r"metadata\.csv and metadata\.jsonl are both there"):
            find_clips(folder, "hf_videofolder")


class TestFiftyOne:
    @pytest.fixture
    def export(self, folder: Path) -> Path:
        (folder / "data").mkdir()
        for video in ("a.mp4", "v.mp4"):
            (folder / video).rename(folder / "data" / video)
        return folder

    def test_classifications(self, export: Path) -> None:
        labels = {"a": 1, "v": {"label": "run", "confidence": 0.5}, "gone": None}
        write(export / "labels.json", json.dumps({"classes": ["run", "jump"], "labels": labels}))
        with (
            pytest.warns(UserWarning, match=r"is read as FiftyOne \(layout fiftyone\)"),
            pytest.warns(UserWarning, match="1 of its 3 videos have no label"),
        ):
            clips = find_clips(export)
        assert [(clip.path, clip.label) for clip in clips] == [
            ("data/a.mp4", "jump"),
            ("data/v.mp4", "run"),
            ("data/gone", ""),
        ]

    def test_temporal_detections(self, export: Path) -> None:
        labels = {
            "a": [{"label": 0, "support": [1, 4]}, {"label": 1, "support": [5, 12]}],
            "v": [{"label": "run", "timestamps": [0.25, 1.25]}],
        }
        write(export / "labels.json", json.dumps({"classes": ["run", "jump"], "labels": labels}))
        assert shown(quietly(export, layout="fiftyone")) == [
            ("data/a.mp4#t=0,0.4", "run", 4),
            ("data/a.mp4#t=0.4,1.2", "jump", 8),
            ("data/v.mp4#t=0.25,1.25", "run", 4),
        ]

    def test_samples(self, export: Path) -> None:
        samples = [
            {"filepath": "data/a.mp4", "tags": ["train", "x"], "truth": {"_cls": "Classification", "label": "run"}},
            {
                "filepath": "data/v.mp4",
                "tags": ["validation"],
                "truth": {"_cls": "TemporalDetections", "detections": [{"label": "jump", "support": [1, 2]}]},
            },
        ]
        write(export / "metadata.json", "{}")
        write(export / "samples.json", json.dumps({"samples": samples}))
        assert [(clip.name, clip.label, clip.split) for clip in quietly(export).clips] == [
            ("data/a.mp4", "run", "train"),
            ("data/v.mp4#t=0,0.2", "jump", "val"),
        ]
        samples[0]["guess"] = {"_cls": "Classification", "label": "jump"}
        write(export / "samples.json", json.dumps({"samples": samples}))
        with pytest.raises(UserError, match=r"2 fields of labels \(guess, truth\), and one is read"):
            quietly(export)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ([], "an object with `classes` and `labels` is wanted"),
            ({"classes": ["x"], "labels": {"a": 3}}, "the label 3 is neither"),
            ({"classes": ["x"], "labels": {"a": [{"label": 0, "support": [0, 4]}]}}, r"\[0, 4\] is not the start"),
            ({"classes": ["x"], "labels": {"a": [{"label": 0, "support": [5, 4]}]}}, "ends before it begins"),
            ({"classes": ["x"], "labels": {"a": [{"label": 0}]}}, "has no support or timestamps"),
        ],
    )
    def test_what_cannot_be_is_an_error(self, export: Path, content: Any, message: str) -> None:
        write(export / "labels.json", json.dumps(content))
        with pytest.raises(UserError, match=message):
            quietly(export, layout="fiftyone")

    def test_nothing_is_there(self, folder: Path) -> None:
        with pytest.raises(UserError, match="give the folder that FiftyOne exported to"):
            find_clips(folder, "fiftyone")


def test_frames_counted_from_a_damaged_video(tmp_path: Path) -> None:
    path = media.write_video(tmp_path / "long.mkv", media.moving_frames(60), codec="ffv1")
    whole = decode(path, range(10))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b"\0" * (len(content) - len(content) // 2))
    lines = "long.mkv,5,9,x\nlong.mkv,50,59,y\n"
    clips = quietly(write(tmp_path / "l.csv", f"video,start_frame,end_frame,label\n{lines}"), layout="segments").clips
    assert [clip.status for clip in clips] == ["ok", "broken"]
    assert torch.equal(decode(tmp_path / clips[0].name, range(5)), whole[5:])
