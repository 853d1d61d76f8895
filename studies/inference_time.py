"""How long networks of the study of hosts take to recognise a clip.

    python -m studies.inference_time

One clip at a time on one thread of the CPU, as `recircle.Recognizer` runs a network: in evaluation mode, prepared for
inference. The networks take turns. What trained longer computes the same, so each shape of network is timed once.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import check_writable, describe, interleave, run_main, write_json
from benchmarks.networks import inference, random_clips
from recircle.config import read_json
from recircle.surgery.prepare import prepare_for_inference
from recircle.training.config import TrainConfig
from studies import tabletop_hosts
from studies.command import ROOT

PATH = ROOT / "docs" / "figures" / "inference_time.json"
ROUNDS = 200

SHOWN = {
    "TSM-R18 w8, as long as ARC": "TSM, width 8, 11 epochs",
    "ARC-TSM-R18 w8, paper, 11 epochs": "ARC-TSM, width 8, 11 epochs",
    "TSM-R18 w16, as long as ARC": "TSM, width 16, 10 epochs",
    "ARC-TSM-R18 w16, paper, 10 epochs": "ARC-TSM, width 16, 10 epochs",
    "TSM-R18 w8, 40 epochs": "TSM, width 8, 40 epochs",
    "TSM-R18 w16, 33 epochs": "TSM, width 16, 33 epochs",
}
"""Systems of the study that are timed, and what they are called where nobody has read the study."""


@dataclass(frozen=True, kw_only=True)
class InferenceTime:
    """How long one system takes.

    Attributes:
        system: its name in the study.
        ms: milliseconds for a clip, the median of the rounds.
        ms_lower: the lower quartile.
        ms_upper: the upper quartile.
    """

    system: str
    ms: float
    ms_lower: float
    ms_upper: float


@dataclass(frozen=True, kw_only=True)
class InferenceTimes:
    """What was measured, and where.

    Attributes:
        command: that made the file.
        machine: what the figures depend on.
        rounds: that count.
        rows: a system each.
    """

    command: str
    machine: dict[str, Any]
    rounds: int
    rows: tuple[InferenceTime, ...]

    @classmethod
    def read(cls, path: Path = PATH) -> "InferenceTimes":
        """Read a file of this command.

        Raises:
            UserError: it is not there, or is none.
        """
        return read_json(cls, path)


def measure(systems: Sequence[str], rounds: int) -> InferenceTimes:
    """Time the networks of systems of the study of hosts, with random weights, on one thread."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    device = torch.device("cpu")
    makers = tabletop_hosts.systems()
    configs = {system: makers[system](Path("clips", "manifest.csv")) for system in systems}
    shapes = {_shape(config): config for config in configs.values()}
    runs = {shape: _run(config, device) for shape, config in shapes.items()}
    try:
        timings = interleave(runs, rounds, device)
    finally:
        torch.set_num_threads(threads)
    rows = [InferenceTime(system=system, **timings[_shape(config)].ms) for system, config in configs.items()]
    machine = describe(device) | {"threads": 1}
    return InferenceTimes(command="python -m studies.inference_time", machine=machine, rounds=rounds, rows=tuple(rows))


def _run(config: TrainConfig, device: torch.device) -> Any:
    preprocessing = config.data.preprocessing
    assert preprocessing is not None
    model = prepare_for_inference(config.model.build(24))
    clips = random_clips(1, config.data.sampling.frames, preprocessing.crop_size[0], device)
    return inference(model, clips, torch.float32)


def _shape(config: TrainConfig) -> str:
    """Return what decides how long a network takes."""
    return json.dumps([asdict(part) for part in (config.model, config.data.sampling)])


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.inference_time", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--output", type=Path, default=PATH, help="file to write")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds that count")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: use 1 or more")
    check_writable(options.output)
    found = measure(tuple(SHOWN), options.rounds)
    write_json(options.output, asdict(found))
    for row in found.rows:
        print(f"{row.system:36} {row.ms:6.2f} ms [{row.ms_lower:.2f}, {row.ms_upper:.2f}]")


if __name__ == "__main__":
    run_main(main)
