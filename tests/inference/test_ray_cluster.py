"""The cluster of RAY_ADDRESS: found or told to be missing, with and without a token, on one machine and on two."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from recircle.errors import UserError
from recircle.inference import ray_cluster
from tests.small_run import write_frames, write_run

pytest.importorskip("ray", reason="the extra ray is not installed")

RAY = Path(sys.executable).with_name("ray")


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    # set first, so that what is set meanwhile goes afterwards also where there was nothing
    monkeypatch.setenv("RAY_AUTH_MODE", "")
    monkeypatch.delenv("RAY_AUTH_MODE")


@pytest.mark.parametrize(
    ("machines", "workers", "each"), [([2], 2, 1), ([8], 2, 4), ([2], 4, 0.5), ([4, 2], 3, 2), ([], 2, 0.5)]
)
def test_processors_are_shared(machines: list[int], workers: int, each: float) -> None:
    assert ray_cluster._each(machines, workers) == each


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.filterwarnings("ignore")  # of Ray, about itself
def test_an_address_where_nobody_answers_is_told_at_once(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", nobody)
    told = rf"no cluster of Ray answers at RAY_ADDRESS={nobody} .*refused.*ray start"
    with pytest.raises(UserError, match=told), ray_cluster.connected():
        pass


def test_a_token_is_given_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    ray_cluster.import_ray()
    assert "RAY_AUTH_MODE" not in os.environ
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("secret")
    ray_cluster.import_ray()
    assert os.environ["RAY_AUTH_MODE"] == "token"
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    ray_cluster.import_ray()
    assert os.environ["RAY_AUTH_MODE"] == "disabled"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="two machines are two of Ray's nodes, which is a matter of Linux")
@pytest.mark.parametrize("token", [False, True])
def test_a_cluster_of_two_nodes_does_what_one_process_does(token: bool, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    clips = [str(write_frames(tmp_path / f"clip{number}", 4, number)) for number in range(6)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "HOME": str(home),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    second = {"RAY_AUTH_MODE": "token" if token else "disabled"}
    address = f"127.0.0.1:{port}"
    # they end with the test, and no other cluster of this machine does, as it would by `ray stop`
    start = (str(RAY), "start", "--block", "--num-cpus", "1", "--object-store-memory", str(128 << 20))

    def call(*arguments: str, **extra: str) -> str:
        result = subprocess.run(
            [*arguments], env=environment | extra, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    if token:
        call(str(RAY), "get-auth-token", "--generate")
    predict = (str(RAY.with_name("recircle")), "predict", str(run.path), *clips, "--device", "cpu", "--workers", "2")
    quiet: dict[str, Any] = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with ExitStack() as nodes:
        for arguments, extra in (
            (("--head", "--port", str(port), "--include-dashboard", "false"), {}),
            (("--address", address), second),
        ):
            node = subprocess.Popen([*start, *arguments], env=environment | extra, **quiet)
            nodes.callback(node.wait)
            nodes.callback(node.terminate)
            listening(port)
        while call(str(RAY), "status", "--address", address, **second).count("1 node_") < 2:
            time.sleep(1)
        call(*predict, "--output", "ray.csv", "--engine", "ray", RAY_ADDRESS=address)
    call(*predict, "--output", "one.csv")
    assert (tmp_path / "ray.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


def listening(port: int) -> None:
    """Wait until somebody listens; the time limit of the test ends it."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
