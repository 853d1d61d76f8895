"""Training on two machines of which one is lost: when the other ends, and what the run is worth that goes on.

    recircle tabletop --size tiny --output clips
    sudo python -m benchmarks.machines clips

The two machines are network namespaces of this one (Linux, iproute2 and util-linux), joined by a cable of their own,
with the run's folder in common. A small network is trained once undisturbed and then once for each fault, after which
the same command is given again on both machines; at last its weights are compared with those of the undisturbed run.
The table also has a process that trains alone with the same batches, without dropout and with norms that are frozen,
compared with two machines that do, and `accelerate launch` in the place of `torchrun`.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from benchmarks.machine import check_writable, describe, run_main, settings, write_json
from benchmarks.namespaces import Machines, descendants, is_alive, kill
from recircle import UserError
from recircle.cli.console import out
from recircle.training.metrics_log import read_metrics_log

PORT = 29400
_GRACE = 10.0
COMMAND = """
import sys
from datetime import timedelta
from recircle.training import devices
from recircle.cli.main import main
devices.PATIENCE = timedelta(seconds=float(sys.argv[1]))
sys.exit(main(sys.argv[2:]))
"""
SMALL = [
    *("--model.width", "8", "--data.sampling.frames", "4", "--data.preprocessing.resize", "32"),
    *("--data.preprocessing.crop", "32", "--data.workers", "1", "--batch-size", "4", "--ema", "0.9"),
]
EXACT = ["--model.dropout", "0", "--freeze-norms", "all"]
"""What makes a run independent of how its batches are divided, but for rounding."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one fault.

    Attributes:
        fault: what was done.
        ended: seconds from it until all processes that train had ended, or had been started again; None without one.
        agents: whether `torchrun` has ended on all machines within ten seconds after them.
        told: what a machine that was left said.
        difference: the largest one of a weight to the undisturbed run.
    """

    fault: str
    ended: float | None
    agents: bool
    told: str
    difference: float


class Trial:
    """A run on both machines: what starts it, and what it leaves."""

    def __init__(self, machines: Machines, options: argparse.Namespace, folder: Path, *arguments: str) -> None:
        self.machines, self.folder = machines, folder
        self.run = folder / "run"
        self.logs = [folder / f"node{node}" for node in (0, 1)]
        self._train = ["train", "tsm_resnet18", "--data", str(options.data), "--output", str(self.run), *SMALL]
        self._train += ["--epochs", str(options.epochs), "--continue", *arguments]
        self._python = ["python", "-c", COMMAND, str(options.patience)]
        self.agents: list[subprocess.Popen[bytes]] = []
        folder.mkdir()

    def start(self, *options: str) -> None:
        """Start the agents of torchrun."""
        agent = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--rdzv-backend", "c10d"]
        agent += ["--rdzv-endpoint", f"node0:{PORT}", *options, "--no-python", sys.executable, *self._python[1:]]
        self._start([[*agent, *self._train]] * 2)

    def start_accelerate(self) -> None:
        """Start those of accelerate."""
        agent = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "2"]
        agent += ["--num_processes", "2", "--main_process_ip", "node0", "--main_process_port", str(PORT), "--no_python"]
        command = [sys.executable, *self._python[1:], *self._train]
        self._start([[*agent, "--machine_rank", str(node), *command] for node in (0, 1)])

    def alone(self) -> None:
        """Train in one process, on the first machine."""
        self.agents = [self.machines.start(0, [sys.executable, *self._python[1:], *self._train], self.logs[0])]
        self.finish()

    def _start(self, commands: Sequence[Sequence[str]]) -> None:
        self.agents = [self.machines.start(node, command, self.logs[node]) for node, command in enumerate(commands)]

    def wait_for(self, done: Callable[[], bool], what: str) -> None:
        """Wait until something has happened."""
        end = time.monotonic() + 300
        while not done():
            if time.monotonic() > end:
                raise UserError(f"{what} did not happen: see {self.folder}")
            time.sleep(0.05)

    def wait_for_step(self, step: int) -> None:
        """Wait until so many steps are done."""

        def reached() -> bool:
            lines = read_metrics_log(self.run / "metrics.jsonl")
            return bool(lines) and lines[-1]["step"] >= step

        self.wait_for(reached, f"step {step}")

    def wait_for_end(self, processes: Sequence[int]) -> None:
        """Wait until processes have ended."""
        self.wait_for(lambda: not any(map(is_alive, processes)), "the end of the other machine")

    def ended(self) -> bool:
        """Tell whether all agents have ended."""
        return all(agent.poll() is not None for agent in self.agents)

    def end_agents(self, seconds: float) -> bool:
        """Return whether all agents end by themselves in so many seconds; the others are killed."""
        end = time.monotonic() + seconds
        while not self.ended() and time.monotonic() < end:
            time.sleep(0.05)
        ended = self.ended()
        for agent in self.agents:
            agent.kill()
            agent.wait()
        return ended

    def finish(self) -> None:
        """Wait for the end of the run."""
        self.wait_for(self.ended, "the end of the run")
        if any(agent.returncode for agent in self.agents):
            raise UserError(f"a run has failed: see {self.folder}")

    def told(self) -> str:
        """Return the first error that a machine has printed."""
        lines = [line for log in self.logs if log.exists() for line in log.read_text(errors="replace").splitlines()]
        return next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), "")

    def difference(self, other: "Trial") -> float:
        """Return the largest difference of a weight."""
        mine, others = (load_file(trial.run / "model.safetensors") for trial in (self, other))
        return max((mine[name] - others[name]).abs().max().item() for name in mine if mine[name].is_floating_point())


def lose(node: int) -> Callable[[Trial], None]:
    """Return what kills all of a machine."""
    return lambda trial: kill(descendants(trial.agents[node].pid))


def end(*nodes: int) -> Callable[[Trial], None]:
    """Return what tells the agents of machines to end."""
    return lambda trial: kill([trial.agents[node].pid for node in nodes], signal.SIGTERM)


FAULTS: dict[str, Callable[[Trial], None]] = {
    "the second machine is killed": lose(1),
    "the first machine is killed": lose(0),
    "the cable is cut": lambda trial: trial.machines.cable(1, "down"),
    "SIGTERM to both": end(0, 1),
    "SIGTERM to the second": end(1),
}


def measure(machines: Machines, options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Train undisturbed, then in other ways, then with each fault."""
    whole = Trial(machines, options, folder / "whole")
    whole.start()
    whole.finish()
    exact, alone = (Trial(machines, options, folder / name, *EXACT) for name in ("exact", "alone"))
    exact.start()
    exact.finish()
    alone.alone()
    yield Row(fault="none, one process", ended=None, agents=True, told="", difference=exact.difference(alone))

    trial = Trial(machines, options, folder / "accelerate")
    trial.start_accelerate()
    trial.finish()
    yield Row(fault="none, accelerate", ended=None, agents=True, told="", difference=trial.difference(whole))

    trial = Trial(machines, options, folder / "restarted")
    trial.start("--max-restarts", "1")
    trial.wait_for_step(options.step)
    began = time.monotonic()
    # the process of the second machine; its agent goes on
    kill([descendants(trial.agents[1].pid)[1]])
    trial.wait_for(lambda: "going on after step" in trial.logs[0].read_text(errors="replace"), "a restart")
    took = time.monotonic() - began
    trial.finish()
    fault = "a process is killed, --max-restarts 1"
    yield Row(fault=fault, ended=took, agents=True, told=trial.told(), difference=trial.difference(whole))

    for number, (fault, do) in enumerate(FAULTS.items()):
        trial = Trial(machines, options, folder / f"fault{number}")
        trial.start()
        trial.wait_for_step(options.step)
        training = [process for agent in trial.agents for process in descendants(agent.pid)[1:]]
        began = time.monotonic()
        do(trial)
        trial.wait_for_end(training)
        took = time.monotonic() - began
        agents = trial.end_agents(_GRACE)
        machines.cable(1, "up")
        told = trial.told()
        trial.start()
        trial.finish()
        yield Row(fault=fault, ended=took, agents=agents, told=told, difference=trial.difference(whole))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.machines", description="Training on two machines of which one is lost."
    )
    add = parser.add_argument
    add("data", type=Path, help="manifest, or the folder that it lies in")
    add("--epochs", type=int, default=3, help="of each run")
    add("--step", type=int, default=14, help="after which the fault comes")
    add("--patience", type=float, default=20, help="seconds that a process waits for the others; in training, 1800")
    add("--output", type=Path, help="write machine, settings and all figures to this JSON file")
    options = parser.parse_args(arguments)
    if min(options.epochs, options.step) < 1 or options.patience <= 0:
        parser.error("the numbers must be above 0")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print each row and write the JSON file."""
    options = parse(arguments)
    check_writable(options.output)
    options.data = options.data.absolute()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, Machines(Path(folder)) as machines:
        for row in measure(machines, options, Path(folder)):
            rows.append(row)
            ended = "" if row.ended is None else f" after {row.ended:.1f} s{', torchrun not' * (not row.agents)}"
            out.print(f"{row.fault}:{ended}; largest difference of {row.difference:.1e}. {row.told}")
    machine = describe(torch.device("cpu"))
    out.print(f"{options.epochs} epochs, a fault after step {options.step}; {machine}")
    if options.output:
        found = {"machine": machine, "settings": settings(options), "rows": [asdict(row) for row in rows]}
        write_json(options.output, {"benchmark": "machines", **found})


if __name__ == "__main__":
    run_main(main)
