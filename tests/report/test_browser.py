"""The page in a browser: no error, no overflow on a phone, and controls that do what they say."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recircle.evaluation.evaluate import evaluate
from recircle.report import write_report
from tests.small_run import IN_PROCESS, LABELS, SPEC, write_clips, write_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

WATCH = """<script>
const faults = [];
addEventListener("error", (event) => faults.push(event.message));
document.addEventListener("securitypolicyviolation", (event) => faults.push(event.blockedURI));
</script>"""

PROBE = """<script>
const root = document.documentElement;
const wide = () => root.scrollWidth;
const closed = wide();
document.querySelectorAll("details").forEach((part) => { part.open = true; });
const found = { width: innerWidth, closed, opened: wide() };
const shown = (one) => one && getComputedStyle(one).display !== "none";
found.counts = shown(document.querySelector(".matrix .n")) && !shown(document.querySelector(".matrix .r"));
document.querySelector(".show-rates").click();
found.rates = !shown(document.querySelector(".matrix .n")) && shown(document.querySelector(".matrix .r"));
const map = document.querySelector(".map svg");
map.focus();
map.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
found.told = document.querySelector(".told").textContent;
const player = document.querySelector(".player"), image = player.querySelector("img");
const [button, range] = [player.querySelector("button"), player.querySelector("input")];
found.frames = Number(player.dataset.frames);
found.first = image.style.transform;
range.value = 3;
range.dispatchEvent(new Event("input"));
found.moved = image.style.transform;
document.querySelector(".play-all").click();
found.playing = button.textContent;
const before = range.value;
setTimeout(() => {
  found.played = range.value !== before;
  document.querySelector(".play-all").click();
  found.paused = button.textContent;
  found.broken = [...document.images].filter((one) => !one.complete || !one.naturalWidth).length;
  found.faults = faults;
  parent.postMessage(JSON.stringify(found), "*");
}, 1500);
</script>"""

# no window of a browser is as narrow as a phone's, but a frame can be
FRAME = """<!DOCTYPE html><html lang="en"><body><iframe src="watched.html" width="{width}" height="800" frameborder="0">
</iframe><script>addEventListener("message", (event) => {{ document.body.dataset.found = event.data; }});</script>"""


def look(page: Path, tmp_path: Path, width: int, probe: str = PROBE) -> dict[str, Any]:
    """Load a page with two scripts in it, one that watches for faults, and return what the other found."""
    content = page.read_text(encoding="utf-8")
    copy = tmp_path / "watched.html"
    copy.write_text(content.replace("<title>", WATCH + "<title>", 1).replace("</body>", probe + "</body>"))
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width))
    assert CHROMIUM is not None
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
        *("--disable-background-networking", "--enable-logging=stderr", "--v=0", "--virtual-time-budget=4000"),
        *(f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,900", "--dump-dom", frame.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in done.stderr.splitlines() if ":CONSOLE" in line] == []
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found is not None, "the script did not come to its end"
    return json.loads(html.unescape(found[1]))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (`apt-get install chromium`)")
def test_in_a_browser(tmp_path: Path) -> None:
    manifest = write_clips(tmp_path / "data", ("train", "val", "test"))
    long = "a class whose name is long enough to need several lines on a phone, without_a_break_in_" + "it" * 30
    labels = (*LABELS, long)
    runs = []
    for name in ("one", "two"):
        run = write_run(tmp_path / name, replace(SPEC, labels=labels, families={**SPEC.families, long: "push"}))
        predictions, _ = evaluate(run, manifest=manifest.root / "manifest.csv", split="all", loading=IN_PROCESS)
        predictions.save(run.predictions_path / "all.npz")
        runs.append(run.path)
    page = write_report(runs, tmp_path / "page.html")
    for width in (360, 1200):
        found = look(page, tmp_path, width)
        assert found["faults"] == []
        assert found["broken"] == 0
        assert found["width"] == width
        assert found["closed"] == found["opened"] == width, "the page is wider than the window"
        assert found["counts"]
        assert found["rates"]
        assert re.search("taken for “.*”: [0-9]+ clip", found["told"])
        assert found["first"] == "translateX(0%)"
        moved = float(found["moved"].removeprefix("translateX(").removesuffix("%)"))
        assert moved == pytest.approx(-100 * 3 / found["frames"], rel=1e-4)
        assert (found["playing"], found["played"], found["paused"]) == ("Pause", True, "Play")
