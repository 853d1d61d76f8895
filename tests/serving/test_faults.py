"""What befalls a service: processes that are killed, clients that are slow or leave, a full disk, its end."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recircle.run import Run
from tests.serving.service import Service, command_of, descendants, form, serving

pytest.importorskip("litserve", reason="the extra serve is not installed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted in /proc")


@pytest.fixture(scope="module")
def service(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(run, tmp_path_factory.mktemp("scratch"), "--answer", "30", "--batch", "4") as service:
        yield service


def workers(service: Service) -> list[int]:
    return [one for one in descendants(service.process.pid) if "spawn_main" in command_of(one)]


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not in {seconds:g} s: {what}"
        time.sleep(0.05)


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_requests_of_a_lost_worker_are_told_and_others_go_to_the_next_one(service: Service, video: Path) -> None:
    assert service.file(video)[0] == 200
    (worker,) = workers(service)
    decoders = descendants(worker)
    for process in decoders:
        os.kill(process, signal.SIGSTOP)
    with ThreadPoolExecutor(8) as clients:
        # the worker takes these, and waits for its decoders
        asked = [clients.submit(service.file, video) for _ in range(3)]
        time.sleep(1)
        os.kill(worker, signal.SIGKILL)
        for process in decoders:
            os.kill(process, signal.SIGCONT)
        asked += [clients.submit(service.file, video) for _ in range(3)]
        answers = [one.result() for one in asked]
    assert {status for status, _ in answers} == {200, 503}
    assert all(status == 200 or "send it again" in answer["detail"] for status, answer in answers)
    assert service.file(video)[0] == 200
    assert not any(is_there(process) for process in decoders)
    assert "recircle_requests_waiting 0.0" in service.get("/metrics")[1]


def test_clients_that_leave_cost_nobody(service: Service, video: Path) -> None:
    body, kind = form([("clip", "a.mp4", video.read_bytes())])
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    whole = head.encode() + body
    for length in (0, 20, len(head) + 100, len(whole)):
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(whole[:length])
    assert service.file(video)[0] == 200
    wait_until(lambda: "recircle_requests_waiting 0.0" in service.get("/metrics")[1], "nobody waits")
    assert not list(service.scratch.glob("recircle-*/*")), "nothing is left behind"


def test_sigterm_answers_those_that_wait_and_leaves_nothing(run: Run, video: Path, tmp_path: Path) -> None:
    with serving(run, tmp_path, "--batch", "2") as service:
        assert service.file(video)[0] == 200
        everyone = [service.process.pid, *descendants(service.process.pid)]
        with ThreadPoolExecutor(20) as clients:
            asked = [clients.submit(service.file, video) for _ in range(20)]
            wait_until(lambda: "recircle_requests_waiting 0.0" not in service.get("/metrics")[1], "requests wait")
            time.sleep(0.2)
            service.process.send_signal(signal.SIGTERM)
            assert [one.result()[0] for one in asked] == [200] * 20
        assert service.process.wait(60) == 0
        with pytest.raises(ConnectionRefusedError):
            service.file(video)
        wait_until(lambda: not any(map(is_there, everyone)), "no process is left")
        assert not list(tmp_path.glob("recircle-*"))


@pytest.mark.parametrize("kind", ["main", "http"])
@pytest.mark.slow
def test_nothing_is_left_of_a_service_that_lost_a_process(run: Run, tmp_path: Path, kind: str) -> None:
    with serving(run, tmp_path) as service:
        main = service.process.pid
        everyone = [main, *descendants(main)]
        if kind == "main":
            service.process.kill()
        else:
            # children are listed in the order of their birth; the first one keeps the queue
            forked = [one for one in everyone[1:] if command_of(one) == command_of(main)]
            os.kill(forked[-1], signal.SIGKILL)
        assert service.process.wait(30) == (-signal.SIGKILL if kind == "main" else 2)
        wait_until(lambda: not any(map(is_there, everyone)), "no process is left")
        assert not list(tmp_path.glob("recircle-*"))
