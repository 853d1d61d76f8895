"""Two processes (gloo) are one process: the same losses up to rounding, broken clips included."""

import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.config import to_json
from recircle.manifest.manifest import Manifest
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.training.loop import train
from recircle.training.metrics_log import read_metrics_log
from recircle.training.optimiser import Optimiser

SCRIPT = """
import os, sys
from pathlib import Path
from recircle.config import read_json
from recircle.loading import jobs
from recircle.training.config import TrainConfig
from recircle.training.loop import train

main, decode = os.getpid(), jobs.decode

def hostile(path, *args, **options):
    if path.name == "missing" and os.getpid() != main:
        os.abort()
    return decode(path, *args, **options)

jobs.decode = hostile
for number, path in enumerate(sys.argv[1:]):
    config = read_json(TrainConfig, Path(path))
    train(config, resume=number == 1, progress=False)
"""


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def train_in_two_processes(configs: list[Path]) -> None:
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *configs],
            env=os.environ | place | {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=200)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)


@pytest.fixture
def with_a_gap(config_in: Callable[[Path], TrainConfig], clips: Path, tmp_path: Path) -> TrainConfig:
    """A config without dropout and norms that learn, and one clip that cannot be read."""
    manifest = Manifest.read(clips)
    rows = list(manifest.clips)
    rows[3] = replace(rows[3], path="missing")
    path = clips.with_name("gap.csv")
    replace(manifest, clips=tuple(rows)).write(path)
    config = config_in(tmp_path / "together")
    return replace(
        config,
        model=ModelConfig(name="arc_tsm_resnet18", width=8, dropout=0.0),
        data=replace(config.data, manifest=path),
        optimiser=Optimiser(lr=0.01),
        clip_norm=1.0,
        freeze_norms="all",
        ema=0.9,
    )


def test_two_processes_are_one(with_a_gap: TrainConfig, tmp_path: Path) -> None:
    together = with_a_gap
    alone = replace(together, output=tmp_path / "alone")
    single = replace(together, output=tmp_path / "single", batch_size=2, epochs=1)
    paths = []
    # in a worker, the clip crashes its decoder
    crashing = replace(together, data=replace(together.data, workers=1))
    # the first epoch, then the second as a resumed run, then a run in which a process can be without a clip
    for number, config in enumerate((replace(together, epochs=1), crashing, single)):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(to_json(config))
    train_in_two_processes(paths)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "1 clip could not be used")
        train(alone, progress=False)

    expected, found = (read_metrics_log(Run(config.output).metrics_path) for config in (alone, together))
    assert [line["kind"] for line in found] == [line["kind"] for line in expected]
    for one, two in zip(expected, found, strict=True):
        for name in one.keys() - {"clips_per_s", "wait"}:
            assert two[name] == (pytest.approx(one[name], rel=1e-5) if isinstance(one[name], float) else one[name])
    losses = [line["loss"] for line in found if line["kind"] == "train"]
    assert len(set(losses)) == len(losses) == 6
    assert found[-1]["broken"] == 1
    assert {line["clips"] for line in found if line["kind"] == "train"} == {3, 4}

    lines = read_metrics_log(Run(single.output).metrics_path)
    assert [line["kind"] for line in lines].count("skipped") == lines[-1]["skipped"] == 1
    assert [line["kind"] for line in lines].count("train") == 6
