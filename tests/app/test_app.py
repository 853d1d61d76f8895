"""The page in a process of its own, asked by a program and by a browser."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from recircle.cli.main import main
from recircle.inference.recognizer import Recognizer
from recircle.run import Run
from tests.media import moving_frames, write_video
from tests.small_run import write_run
from tests.webdriver import CHROMEDRIVER, CHROMIUM, Browser, browser, until

pytest.importorskip("gradio", reason="the extra app is not installed")


@dataclass
class Page:
    url: str
    run: Run
    process: subprocess.Popen[bytes]
    scratch: Path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    run = write_run(tmp_path_factory.mktemp("runs") / "run")
    (run.path / "report.html").write_text("<h1>the report</h1>")
    scratch = tmp_path_factory.mktemp("scratch")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "recircle.cli.main", "app", str(run.path), "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "TMPDIR": str(scratch), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--duration", "30"], env=environment, start_new_session=True)
    url = f"http://127.0.0.1:{port}/"

    def answers() -> bool:
        assert process.poll() is None, "the page did not start"
        try:
            with urlopen(url, timeout=5):
                return True
        except OSError:
            return False

    try:
        until(answers, 120)
        yield Page(url, run, process, scratch)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(30)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", moving_frames(24))


def test_the_report_lies_behind_the_page(page: Page) -> None:
    with urlopen(f"{page.url}report", timeout=10) as answer:
        assert answer.read() == b"<h1>the report</h1>"
    with pytest.raises(HTTPError, match=r"HTTP Error 40[34]"):
        urlopen(f"{page.url}gradio_api/file={page.run.path}/model.json", timeout=10)


@pytest.mark.parametrize("told", [{}, {"is_stream": True}, {"url": "http://127.0.0.1:9/a.mp4"}])
@pytest.mark.parametrize(
    "path", ["a clip of the server", "/etc/passwd", "/no/such/file", "/tmp", "http://127.0.0.1:9/a.mp4"]
)
def test_only_what_was_sent_is_opened(page: Page, clip: Path, path: str, told: dict[str, object]) -> None:
    path = str(clip) if path == "a clip of the server" else path
    file = {"path": path, "meta": {"_type": "gradio.FileData"}, **told}
    asked = Request(
        f"{page.url}gradio_api/call/recognise",
        json.dumps({"data": [file]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(asked, timeout=30) as answer:
        event = json.load(answer)["event_id"]
    with urlopen(f"{page.url}gradio_api/call/recognise/{event}", timeout=60) as answer:
        said = answer.read().decode()
    assert said.startswith("event: error")
    assert "cannot be" not in said


@pytest.mark.skipif(CHROMIUM is None or CHROMEDRIVER is None, reason="needs chromium and chromium-driver")
def test_a_person_uploads_a_clip_and_reads_the_answer(page: Page, clip: Path, tmp_path: Path) -> None:
    with Recognizer.load(page.run.path, "cpu") as recognizer:
        best, share = recognizer(clip).top(1)[0]
    with browser(tmp_path / "profile") as window:
        window.open(page.url)
        text = _show(window, clip, 'img[alt^="class activation"]')
        assert f"{best}\n{round(100 * share)}%" in text
        window.run(
            "[...document.querySelectorAll('[role=tab]')].find((one) => one.textContent.includes('ARC')).click()"
        )
        until(lambda: "no ARC layer" in window.run("return document.body.innerText"))
        elsewhere = window.run("return performance.getEntriesByType('resource').map((one) => one.name)")
        assert [name for name in elsewhere if not name.startswith((page.url, "data:", "blob:"))] == []
        for dark in (False, True):
            window.emulate(390, 844, dark=dark)
            assert window.run("return document.documentElement.scrollWidth") <= 390
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(b"no video")
        window.open(page.url)
        assert "The clip cannot be read" in _show(window, broken, ".fault")


def _show(window: Browser, clip: Path, wanted: str) -> str:
    """Upload a clip, press the button, wait, and return the text of the page."""
    until(lambda: window.run("return !!document.querySelector('input[type=file]')"))
    window.send("input[type=file]", str(clip))
    until(lambda: window.run("return !!document.querySelector('video')"))
    button = "[...document.querySelectorAll('button')].find((one) => one.textContent.trim() === 'Recognise')"
    window.run(f"{button}.click()")
    until(lambda: window.run(f"return !!document.querySelector({wanted!r})"), 120)
    return window.run("return document.body.innerText")


def test_a_signal_ends_it_and_leaves_no_file(page: Page) -> None:
    page.process.send_signal(signal.SIGTERM)
    assert page.process.wait(30) == 0
    assert list(page.scratch.iterdir()) == []


def test_wrong_options_are_one_sentence(page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, words in (
        (["--port", "80"], "--port 80 must be a number from 1024 to 65535"),
        (["--port", "7999", "--examples", str(tmp_path / "none.mp4")], "there is no such file"),
        (["--window", "-1"], "window"),
    ):
        assert main(["app", str(page.run.path), *options]) == 2
        assert words in capsys.readouterr().err
