"""Two machines, each with an agent of torchrun (here both on this one), started by the script for SLURM."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from recircle.config import to_json
from recircle.manifest.manifest import Manifest
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.training.checkpoint import Checkpoints
from recircle.training.config import TrainConfig
from recircle.training.loop import train
from recircle.training.metrics_log import read_metrics_log
from recircle.training.optimiser import Optimiser

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "train.slurm"
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the script is for Linux")

# what stands for SLURM: the tasks of both machines on this one, with what reaches srun passed on to them
COMMANDS = {
    "srun": """
[[ $1 == --* ]] && shift
for node in 0 1; do
    SLURM_NODEID=$node "$@" > "node$node" 2>&1 & tasks[node]=$!
    echo ${tasks[node]} > "task$node"
done
trap 'kill -TERM ${tasks[@]}' TERM
code=0
for task in ${tasks[@]}; do
    while kill -0 $task 2> /dev/null; do wait $task; last=$?; done
    ((last > code)) && code=$last
done
exit $code
""",
    "scontrol": """
[[ $1 == show ]] && printf '127.0.0.1\\n127.0.0.1\\n' || echo "$@" >> requeued
""",
}


def free_job() -> int:
    """Return a number of a job whose port is free."""
    while True:
        number = random.SystemRandom().randrange(10000)
        with socket.socket() as server:
            try:
                server.bind(("127.0.0.1", 20000 + number))
            except OSError:
                continue
            return number


class Job:
    """A job of two machines in a folder; `node0` and `node1` are what they print."""

    def __init__(self, folder: Path, config: TrainConfig) -> None:
        self.folder, self.run = folder, Run(config.output)
        folder.mkdir(exist_ok=True)
        self.arguments = ["--config", str(folder / "config.json")]
        (folder / "config.json").write_text(to_json(config))
        for name, text in COMMANDS.items():
            (folder / name).write_text(f"#!/bin/bash{text}")
            (folder / name).chmod(0o755)

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        """Submit it."""
        number = free_job()
        place = {
            "PATH": os.pathsep.join([str(self.folder), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "SLURM_JOB_ID": str(number),
            "SLURM_JOB_NODELIST": "node[0-1]",
            "SLURM_NNODES": "2",
            "OMP_NUM_THREADS": "1",
        }
        job = subprocess.Popen(
            ["bash", SCRIPT, *self.arguments], cwd=self.folder, env=os.environ | place, start_new_session=True
        )
        try:
            yield job
        finally:
            for process in (job.pid, *self.processes(0), *self.processes(1)):
                self.end(process)

    def finish(self) -> int:
        """Submit it, wait for its end and return its exit code."""
        with self.started() as job:
            return job.wait(timeout=200)

    def processes(self, node: int) -> list[int]:
        """Return the agent of a machine and all below it."""
        try:
            found = [int((self.folder / f"task{node}").read_text())]
        except (OSError, ValueError):
            return []
        for process in found:
            for children in Path(f"/proc/{process}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        return found

    def end(self, process: int) -> None:
        """Kill a process that may be gone."""
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)

    def wait_for(self, step: int) -> None:
        """Wait until so many steps are done."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            lines = read_metrics_log(self.run.metrics_path)
            if lines and lines[-1]["step"] >= step:
                return
            time.sleep(0.05)
        raise AssertionError(self.printed())

    def printed(self) -> str:
        return "\n".join((self.folder / f"node{node}").read_text() for node in (0, 1))


@pytest.fixture
def uneven(config_in: Callable[[Path], TrainConfig], tmp_path: Path) -> TrainConfig:
    """13 clips to learn from in steps of 4, and 5 to evaluate on, in two processes; one network for any division."""
    config = config_in(tmp_path / "run")
    manifest = Manifest.read(config.data.manifest)
    rows = [replace(clip, split="val") if number == 13 else clip for number, clip in enumerate(manifest.clips)]
    path = config.data.manifest.with_name("uneven.csv")
    replace(manifest, clips=tuple(rows)).write(path)
    return replace(
        config,
        model=ModelConfig(name="tsm_resnet18", width=8, dropout=0.0),
        data=replace(config.data, manifest=path),
        optimiser=Optimiser(lr=0.01),
        freeze_norms="all",
        epochs=1,
    )


@pytest.mark.slow
def test_two_machines_are_one_process(uneven: TrainConfig, tmp_path: Path) -> None:
    job = Job(tmp_path, uneven)
    assert job.finish() == 0, job.printed()
    alone = train(replace(uneven, output=tmp_path / "alone"), progress=False)

    expected, found = read_metrics_log(alone.metrics_path), read_metrics_log(job.run.metrics_path)
    assert [line["kind"] for line in found] == ["train"] * 3 + ["val", "end"]
    for one, two in zip(expected, found, strict=True):
        assert [two.get(name) for name in ("clips", "top1")] == [one.get(name) for name in ("clips", "top1")]
        assert two.get("loss", 0) == pytest.approx(one.get("loss", 0), rel=1e-5)
    assert found[3]["clips"] == 5, "each clip counts once, though one machine has three and the other two of them"
    weights, others = load_file(alone.weights_path), load_file(job.run.weights_path)
    assert all(torch.allclose(weights[name], others[name], rtol=1e-4, atol=1e-6) for name in weights)
    assert not (tmp_path / "requeued").exists()
    assert "warning" not in job.printed()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_that_is_stopped_before_its_limit_goes_on_bit_for_bit(uneven: TrainConfig, tmp_path: Path) -> None:
    uneven = replace(uneven, epochs=8, data=replace(uneven.data, workers=1), ema=0.9)
    whole = Job(tmp_path / "whole", replace(uneven, output=tmp_path / "whole" / "run"))
    assert whole.finish() == 0, whole.printed()

    job = Job(tmp_path, uneven)
    with job.started() as process:
        job.wait_for(4)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(timeout=200) != 0
    assert "stopped after step" in job.printed()
    assert (tmp_path / "requeued").read_text().startswith("requeue ")
    stopped = Checkpoints(job.run.checkpoints_path).paths()[-1]
    assert read_metrics_log(job.run.metrics_path)[-1]["step"] == int(stopped.stem.partition("-")[2]) < 24
    assert job.finish() == 0, job.printed()
    assert job.run.weights_path.read_bytes() == whole.run.weights_path.read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("node", [0, 1])
def test_a_machine_that_is_lost_ends_the_other_and_the_run_goes_on(
    node: int, uneven: TrainConfig, tmp_path: Path
) -> None:
    job = Job(tmp_path, replace(uneven, epochs=8))
    with job.started() as process:
        job.wait_for(4)
        for number in job.processes(node):
            job.end(number)
        assert process.wait(timeout=200) != 0
    told = (tmp_path / f"node{1 - node}").read_text()
    assert "has lost another process" in told
    assert f"go on with `recircle train --resume {job.run.path}`" in told
    assert job.finish() == 0, job.printed()
    lines = read_metrics_log(job.run.metrics_path)
    assert [line["step"] for line in lines if line["kind"] == "train"] == list(range(1, 25))
