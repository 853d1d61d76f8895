"""Sources that go on now: pipes that wait, and servers that hang up."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recircle.decode.live import LiveSource
from recircle.decode.running import Passage, running_frames
from recircle.errors import UserError
from tests.media import moving_frames, write_video


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = {"g": "5", "bf": "0"}
    return write_video(tmp_path_factory.mktemp("live") / "s.ts", moving_frames(60), fps=25, options=options)


@contextmanager
def server(content: bytes, answers: int, part: float = 0.5) -> Iterator[tuple[str, list[int]]]:
    """Serve a stream on 127.0.0.1: the first answer hangs up after a part, and those after `answers` are refusals."""
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(len(asked))
            if len(asked) > answers:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            size = int(len(content) * part) // 188 * 188 if len(asked) == 1 else len(content)
            self.wfile.write(content[:size])

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_address[1]}/stream.ts", asked
        finally:
            http.shutdown()
            thread.join()


def test_a_file_through_a_named_pipe_is_the_file(stream: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(stream.read_bytes()))
    writer.start()
    source = LiveSource(str(pipe))
    got: list[tuple[float, np.ndarray]] = []
    for frame in source.frames():
        if len(got) < 3:
            time.sleep(0.05)  # slow, and nothing is dropped
        got.append((frame.time, frame.image))
    writer.join()
    expected = list(running_frames(stream, Passage()))
    assert [moment for moment, _ in got] == [frame.time for frame in expected]
    for (_, image), frame in zip(got, expected):
        np.testing.assert_array_equal(image, frame.image)
    assert (source.kind, source.dropped, source.connections) == ("pipe", 0, 1)


def test_where_a_server_hangs_up_it_is_connected_again_and_time_goes_on(stream: Path) -> None:
    with server(stream.read_bytes(), answers=2) as (url, asked):
        source = LiveSource(url, lag=60, tries=2, pause=0.05)
        times = [frame.time for frame in source.frames()]
    assert source.connections == 2
    assert len(asked) == 2 + 2
    assert 20 <= len(times) - 60 <= 40
    assert all(later >= earlier for earlier, later in pairwise(times))
    assert "404" in source.trouble or "not" in source.trouble.lower()


def test_once_means_once(stream: Path) -> None:
    with server(stream.read_bytes(), answers=9, part=1) as (url, asked):
        source = LiveSource(url, lag=60, once=True)
        assert len(list(source.frames())) == 60
    assert (source.connections, len(asked)) == (1, 1)


def test_who_is_late_gets_the_newest_frames(stream: Path) -> None:
    with server(stream.read_bytes(), answers=1, part=1) as (url, _):
        source = LiveSource(url, lag=0.5, once=True)
        source._thread.join(20)  # all frames have come before the first is taken
        times = [frame.time for frame in source.frames()]
    assert times[-1] == pytest.approx(59 / 25, abs=0.01)
    assert times[-1] - times[0] <= 0.5 + 1e-6
    assert source.dropped == 60 - len(times) > 40


def test_it_stops_when_it_is_told_to(stream: Path) -> None:
    with server(stream.read_bytes(), answers=99, part=1) as (url, _):
        source = LiveSource(url, tries=99, pause=0.01)
        seen = 0
        for _ in source.frames():
            seen += 1
            if seen == 5:
                source.stop()
    source._thread.join(10)
    assert seen == 5


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for source, said in (
        (str(tmp_path / "none"), "is not there: give a camera"),
        (str(tmp_path), "is a folder"),
        ("http://127.0.0.1:9/x.ts", "cannot be opened"),
    ):
        with pytest.raises(UserError, match=said):
            LiveSource(source)
    (tmp_path / "text").write_text("no video")
    with pytest.raises(UserError, match="cannot be opened"):
        LiveSource(str(tmp_path / "text"))
