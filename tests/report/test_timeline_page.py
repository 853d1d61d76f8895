"""The page of a video over time: its video, scores and segments go along, and nothing in a name gets out of it."""

import json
import re
from pathlib import Path

import pytest

from recircle.report.timeline_page import Player, find_player, make_timeline_page, write_timeline_page
from recircle.timelines.segments import Segment, Segmentation
from tests.media import moving_frames, write_frame_folder, write_video
from tests.report.test_browser import CHROMIUM, look
from tests.timelines.factories import make_timeline

RULES = Segmentation(threshold=0.6)

PROBE = """<script>
const root = document.documentElement, video = document.querySelector("video");
const rows = document.querySelectorAll(".segments tbody tr"), now = document.querySelector(".now");
const found = { width: innerWidth, wide: root.scrollWidth, rows: rows.length };
const told = () => [now.textContent.trim(), document.querySelector("tr.current th")?.textContent];
const end = () => { found.faults = faults; parent.postMessage(JSON.stringify(found), "*"); };
found.first = told();
document.querySelectorAll(".segments button")[1].click();
found.listed = told();
const strip = document.querySelector(".strip[tabindex]");
strip.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
strip.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
found.keys = told();
const box = document.querySelector("canvas");
found.drawn = new Set(box.getContext("2d").getImageData(0, 0, box.width, box.height).data).size;
document.querySelectorAll(".zoom button")[0].click();
setTimeout(() => { found.video = video.currentTime; end(); }, 1200);
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (`apt-get install chromium`)")
@pytest.mark.parametrize("embedded", [0, 2**23])
def test_video_scores_and_segments_go_along_in_a_browser(embedded: int, tmp_path: Path) -> None:
    video = write_video(tmp_path / "a clip #1.webm", moving_frames(50), codec="libvpx", fps=10)
    timeline = make_timeline("LL.P", video=str(video), seconds=5.0)
    page = tmp_path / "page.html"
    segments = timeline.segments(RULES)
    write_timeline_page(page, timeline, segments, RULES, true=segments, date="today", embedded=embedded)
    for width in (390, 1200):
        found = look(page, tmp_path, width, PROBE)
        assert found["faults"] == []
        assert (found["width"], found["wide"]) == (width, width)
        assert found["rows"] == 2
        assert found["first"] == ["0:00.0  lift, 98 %", "0:00.0"]
        assert found["listed"] == ["0:03.5  push, 98 %", "0:03.5"]
        assert found["keys"] == ["0:01.0  lift, 98 %", "0:00.0"]
        assert found["drawn"] > 20
        assert found["video"] == pytest.approx(1, abs=0.15)


def test_where_the_video_comes_from(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v" / "a b#.mp4", moving_frames(4))
    page = tmp_path / "pages" / "page.html"
    assert find_player(video, page).address.startswith("data:video/mp4;base64,")
    assert find_player(video, page, embedded=10) == Player(
        "../v/a%20b%23.mp4", "The page plays ../v/a b#.mp4, which has to stay where it is."
    )
    assert (
        "do not play files of the kind .avi"
        in find_player(write_video(tmp_path / "x.avi", moving_frames(4)), page).remark
    )
    assert (
        "do not play folders of frames"
        in find_player(write_frame_folder(tmp_path / "f", moving_frames(2)), page).remark
    )


def test_names_cannot_leave_their_place() -> None:
    name = '</script><img src=x onerror="alert(1)">&\u202e'
    timeline = make_timeline("LP", labels=(name, "push"), video=f"/x/{name.replace('/', '')}.mp4", notes=(name,))
    page = make_timeline_page(timeline, timeline.segments(), RULES, Player("", name))
    assert "<img" not in page
    assert page.count("</script>") == 2
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert data is not None
    assert name in json.loads(data[1])["names"]


def test_a_video_in_which_nothing_is_recognised_has_a_page_too() -> None:
    page = make_timeline_page(make_timeline("..", seconds=3.0), [], RULES, Player(""))
    assert "Nothing was recognised with these rules." in page
    assert "<video" not in page


def test_many_classes_share_a_grey() -> None:
    labels = tuple(f"class {n}" for n in range(9))
    parts = [Segment(start=n, end=n + 1 - n / 20, label=label) for n, label in enumerate(labels)]
    timeline = make_timeline("LL", labels=("class 0", "class 1"), seconds=9.0)
    page = make_timeline_page(timeline, parts, RULES, Player(""), true=parts)
    assert "other classes" in page
    assert page.count("segment c5") == 2 * 4
