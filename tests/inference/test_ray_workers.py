"""Clips on Ray's workers get the rows that one process gives them, whatever happens to a worker."""

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recircle.cli.main import main
from recircle.errors import UserError
from recircle.inference import ray_cluster, ray_workers
from recircle.inference.ray_workers import RayWorkers
from recircle.inference.recognizer import Recognizer
from recircle.inference.results import recognise_to_file, result_to_dict
from recircle.run import Run
from tests.small_run import write_frames, write_run

pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Seven clips, of which one is broken."""
    folder = tmp_path_factory.mktemp("clips")
    broken = folder / "broken.mp4"
    broken.write_bytes(b"no video")
    return [write_frames(folder / f"clip{number}", 4, number) for number in range(6)] + [broken]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two processors on this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray = ray_cluster.import_ray()
        ray.init(
            "local", num_cpus=2, object_store_memory=ray_cluster.STORE, include_dashboard=False, log_to_driver=False
        )
        yield ray
        ray.shutdown()


def workers_of(run: Run, workers: int = 1, **options: Any) -> RayWorkers:
    return RayWorkers(run=str(run.path), options=options, device="cpu", workers=workers, top=2)


def expected(run: Run, clips: list[Path]) -> list[dict[str, Any]]:
    with Recognizer.load(run.path, "cpu") as recognizer:
        return [result_to_dict(path, result, 2) for path, result in recognizer.many(clips)]


def by_path(rows: Any) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["path"])


def processes() -> list[int]:
    """Return the processes of Ray's workers that recognise."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if command.startswith(b"ray::") and b"_Worker" in command:
                found.append(int(entry.name))
    return found


@pytest.mark.usefixtures("cluster")
def test_a_worker_that_is_killed_costs_time_alone(run: Run, clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_workers, "CLIPS", 1)
    rows: list[dict[str, Any]] = []
    for row in workers_of(run, 2).recognise(clips * 3):
        if not rows:
            os.kill(processes()[0], signal.SIGKILL)
        rows.append(row)
    assert by_path(rows) == by_path(expected(run, clips) * 3)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_file_that_was_begun_is_completed(run: Run, clips: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    asked: list[Path] = []

    def some(paths: Any) -> Any:
        asked.extend(paths)
        for number, row in enumerate(workers_of(run).recognise(paths)):
            if number == 3:
                raise KeyboardInterrupt
            yield row

    with Recognizer.load(run.path, "cpu") as recognizer:
        with pytest.raises(KeyboardInterrupt):
            recognise_to_file(recognizer, clips, output, top=2, elsewhere=some)
        rows = recognise_to_file(recognizer, clips, output, top=2, elsewhere=workers_of(run).recognise)
    assert rows == expected(run, clips)
    assert output.is_file()
    assert asked == clips


@pytest.mark.usefixtures("cluster")
def test_what_a_worker_cannot_do_is_one_sentence(run: Run, clips: list[Path]) -> None:
    with pytest.raises(UserError, match=r"a worker on .* cannot begin: .*steps"):
        list(workers_of(run, steps=2).recognise(clips[:1]))
    with pytest.raises(UserError, match="the cluster of Ray has no GPU"):
        list(RayWorkers(run=str(run.path), options={}, device="cuda", workers=1, top=1).recognise(clips))


def test_no_clips_need_no_cluster(run: Run) -> None:
    assert list(workers_of(run).recognise([])) == []


def test_wrong_use_is_one_sentence(
    run: Run, clips: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(run.path), str(clips[0]), "--engine", "ray"]) == 2
    assert "--engine ray writes a table; name it" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["predict", str(run.path), str(clips[0]), "--engine", "ray", "--output", "a.csv"]) == 2
    assert 'pip install "recircle[ray]"' in capsys.readouterr().err
