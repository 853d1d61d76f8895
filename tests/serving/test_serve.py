"""The service, from another process over plain HTTP: it says what `recircle predict` says, and survives its clients."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.inference.recognizer import Recognizer
from recircle.run import Run
from recircle.serving.openapi import REFUSALS
from tests.media import moving_frames, write_video
from tests.serving.service import Service, serving
from tests.small_run import write_frames

ROOT = Path(__file__).parents[2]
pytest.importorskip("litserve", reason="the extra serve is not installed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted in /proc")


@pytest.fixture(scope="module")
def service(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    options = ["--megabytes", "1", "--duration", "5", "--frames", "20", "--batch", "4"]
    with serving(run, tmp_path_factory.mktemp("scratch"), *options) as service:
        yield service


def test_a_file_and_its_frames_are_what_the_recogniser_says(service: Service, run: Run, video: Path) -> None:
    status, answer = service.file(video)
    rec = Recognizer.load(run.path)
    wanted = rec(video).to_dict()
    assert status == 200
    assert answer.pop("model") == {"run": "run", **rec.settings}
    for name in ("label", "probability"):
        found = [best[name] for best in answer["top"]]
        right = [best[name] for best in wanted["top"]]
        assert found == (right if name == "label" else pytest.approx(right, abs=1e-6))
    assert {name: answer[name] for name in ("label", "family", "protocol")} == {
        name: wanted[name] for name in ("label", "family", "protocol")
    }

    frames = write_frames(video.parent / "frames", 12, seed=3)
    files = sorted(frames.iterdir(), reverse=True)
    parts = [("top", "", b"2"), *(("frames", path.name, path.read_bytes()) for path in files)]
    status, answer = service.post(parts)
    assert status == 200
    wanted = rec(frames).to_dict(2)
    assert [best["label"] for best in answer["top"]] == [best["label"] for best in wanted["top"]]
    assert answer["probability"] == pytest.approx(wanted["probability"], abs=1e-6)


def test_what_cannot_be_read_or_is_too_much_is_refused_with_the_reason(
    service: Service, video: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "b.mp4"
    broken.write_bytes(video.read_bytes()[:100])
    long = tmp_path / "long.mp4"
    write_video(long, moving_frames(60), fps=10)
    frame = next(write_frames(tmp_path / "one", 1, seed=1).iterdir()).read_bytes()
    refused = {
        422: [
            ([("clip", "b.mp4", broken.read_bytes())], "the clip cannot be read: "),
            ([("clip", "long.mp4", long.read_bytes())], "it lasts 6 s, and 5 s are taken at most"),
            ([("frames", f"{n}.png", frame) for n in range(21)], "it has 21 frames, and 20 are taken at most"),
            # a path of the service's machine stays a word
            ([("clip", "", b"/etc/hostname")], "clip: send a file, such as `-F clip=@clip.mp4`"),
            (
                [("frames", "", b"a"), ("frames", "", b"b")],
                "frames: send files, such as `-F frames=@1.jpg -F frames=@2.jpg`",
            ),
            (
                [("top", "", b"0"), ("clip", "a.mp4", video.read_bytes())],
                "top: Input should be greater than or equal to 1",
            ),
        ],
        400: [
            ([("top", "", b"2")], "send one video file as `clip`"),
            ([("clip", "a.mp4", b"x"), ("frames", "1.png", frame)], "send one video file as `clip`"),
            ([("clip", "a.mp4", b"")], "is empty"),
            (
                [("steps", "", b"2"), ("clip", "a.mp4", b"x")],
                "fields that nobody reads: steps; known are clip,",
            ),
            ([("top", "", b"2"), ("top", "", b"3"), ("clip", "a.mp4", b"x")], "several fields `top`; send one"),
            ([("clip", "a.mp4", b"x"), ("clip", "b.mp4", b"x")], "send one video file as `clip`"),
        ],
        413: [([("clip", "a.mp4", bytes(1_100_000))], "the request is larger than 1 MB")],
    }
    for status, cases in refused.items():
        for parts, reason in cases:
            found, answer = service.post(parts)
            assert (found, reason in answer["detail"]) == (status, True), (reason, answer)
    assert service.file(video)[0] == 200


def test_names_of_clients_are_not_paths(service: Service, video: Path) -> None:
    for name in ("../../x.mp4", "/etc/x.mp4", "a\\..\\b.mp4", "concat:x|y.mp4", "x.mp4/../../y", "." * 300 + ".mp4"):
        assert service.post([("clip", name, video.read_bytes())])[0] == 200, name
    assert not list(service.scratch.glob("recircle-*/*")), "nothing is left behind"


def test_many_clients_at_once_get_each_their_own_answer(service: Service, run: Run, tmp_path: Path) -> None:
    files = []
    for number in range(4):
        files.append(tmp_path / f"{number}.mp4")
        write_video(files[-1], moving_frames(6 + number))
    files.append(tmp_path / "broken.mp4")
    files[-1].write_bytes(b"no video")
    rec = Recognizer.load(run.path)
    wanted = [rec(path).probability for path in files[:4]]
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(service.file, files * 8))
    for number, (status, answer) in enumerate(answers):
        if number % 5 == 4:
            assert status == 422
        else:
            assert status == 200
            assert answer["probability"] == pytest.approx(wanted[number % 5], abs=1e-6)
    status, metrics = service.get("/metrics")
    assert status == 200
    assert "recircle_requests_waiting 0.0" in metrics
    assert 'recircle_requests_total{status="200"}' in metrics
    assert service.get("/predict")[0] == 405
    assert 'recircle_requests_total{status="405"} 1.0' in service.get("/metrics")[1]
    # as the Containerfile asks
    asks = json.loads((ROOT / "Containerfile").read_text().partition("CMD ")[2].partition("\n")[0])
    assert subprocess.run([sys.executable, "-c", asks[2].replace("8000", str(service.port))]).returncode == 0
    schema = json.loads(service.get("/openapi.json")[1])
    assert schema["info"]["title"] == "recircle"
    assert schema["paths"]["/predict"]["post"]["responses"].keys() == {"200", *map(str, REFUSALS)}
    assert schema["paths"]["/health"]["get"]["responses"]["200"]["content"].keys() == {"text/plain"}


def test_what_is_wrong_is_one_sentence(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path)]) == 2
    assert "serving" not in capsys.readouterr().out
    assert main(["serve", str(run.path), "--port", "80"]) == 2
    assert main(["serve", str(run.path), "--wait", "-1"]) == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", str(run.path), "--port", str(taken.getsockname()[1])]) == 2
    assert "cannot be listened on: Address already in use; give another" in " ".join(capsys.readouterr().err.split())
