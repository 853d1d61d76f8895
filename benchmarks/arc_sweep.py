"""What ARC costs on a device, all in one command: `python -m benchmarks.arc_cost --device cuda --full`.

The whole layer, the light and the temporal one beside their host, for inference (prepared networks) and training
steps, in bf16 and fp32, for small and large batches; called operation by operation ("eager"), compiled, and on a GPU as
a CUDA graph, which leaves the calls out. All networks and ways of one batch are timed by turns. Beside them stand the
floors of the host's and ARC's own products (see `benchmarks.floors`).

It ends in the minutes given: what was not reached by then, does not compile, or does not fit into memory stands in the
table with its reason. Compiled training is measured in bf16 alone, since compiling is most of the time.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

import torch
from rich.table import Table
from torch import Tensor, nn

from benchmarks.arc_plot import import_figure
from benchmarks.floors import BatchWork, Speed
from benchmarks.machine import DTYPES, Run, interleave, timed
from benchmarks.networks import TrainingStep, build, compiled_for_any_batch, graphed, inference, random_clips
from recircle import ArcConfig, prepare_for_inference
from recircle.cli.console import print_table, progress
from recircle.torch_internals import compiler_errors

VARIANTS: dict[str, Callable[[], ArcConfig | None]] = {
    "host": lambda: None,
    "temporal, n = 2": ArcConfig.temporal,
    "light, n = 4": ArcConfig.light,
    "whole, n = 4": ArcConfig.paper,
}
_COLOURS = {"temporal": "tab:green", "light": "tab:blue", "whole": "tab:orange"}

INFERENCE_BATCHES = (1, 8, 32, 128)
TRAINING_BATCHES = (8, 32)

_SECONDS = 4.0
"""For the rounds of one batch, about; at least three are taken."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """What is timed by turns.

    Attributes:
        use: inference or training.
        dtype: the precision of the forward pass.
        batch: clips.
    """

    use: str
    dtype: str
    batch: int

    def __str__(self) -> str:
        return f"{self.use}, {self.dtype}, batch of {self.batch}"


@dataclass(frozen=True, kw_only=True)
class Row(Group):
    """A network, run in one way.

    Attributes:
        network: the variant of the layer, or the host.
        mode: eager, compiled or graph.
        ms: the median; None where it was not measured.
        ms_lower: the lower quartile.
        ms_upper: the upper one.
        ratio: the median in units of the host's in the same mode; None where either is missing.
        operations_ms: what the multiply-adds take at least.
        bytes_ms: what the bytes take at least.
        reason: why it was not measured; empty where it was.
    """

    network: str
    mode: str
    ms: float | None = None
    ms_lower: float | None = None
    ms_upper: float | None = None
    ratio: float | None = None
    operations_ms: float | None = None
    bytes_ms: float | None = None
    reason: str = ""


def groups(options: argparse.Namespace) -> list[Group]:
    """Return what there is to measure, what matters most first."""
    batches = {"inference": options.batch, "training": options.train_batch}
    return [
        Group(use=use, dtype=dtype, batch=batch)
        for use in batches
        if options.only in (None, use)
        for dtype in ("bf16", "fp32")
        for batch in batches[use]
    ]


class Sweep:
    """The networks of a command line in all ways of running them."""

    def __init__(self, options: argparse.Namespace, device: torch.device) -> None:
        self._options, self._device = options, device
        self._deadline = time.perf_counter() + 60 * options.minutes
        self._speeds = {name: Speed.of(device, dtype) for name, dtype in DTYPES.items()}
        self._prepared: dict[str, nn.Module] = {}
        self._compiled: dict[tuple[str, str], nn.Module] = {}
        self._work: dict[tuple[str, str, str], BatchWork] = {}

    @property
    def speeds(self) -> dict[str, dict[str, float]]:
        """What the device does at best, by precision."""
        return {name: asdict(speed) for name, speed in self._speeds.items()}

    def measure(self) -> list[Row]:
        """Measure group by group until the time is over."""
        planned = groups(self._options)
        rows: list[Row] = []
        with progress("measuring") as show:
            for done, group in enumerate(planned):
                show(done, len(planned))
                rows += self._measure(group)
        return rows

    def _measure(self, group: Group) -> Iterator[Row]:
        keys = [(network, mode) for mode in self._modes(group) for network in VARIANTS]
        if time.perf_counter() > self._deadline:
            yield from (self._missing(group, key, "no time was left") for key in keys)
            return
        runs: dict[str, Run] = {}
        reasons: dict[tuple[str, str], str] = {}
        for key in keys:
            try:
                if time.perf_counter() > self._deadline:
                    raise TimeoutError("no time was left")
                run = self._run(group, *key)
                run()
            except (torch.OutOfMemoryError, MemoryError):
                reasons[key] = "it does not fit into memory"
            except (TimeoutError, *compiler_errors()) as problem:
                reasons[key] = str(problem).partition("\n")[0]
            else:
                runs[", ".join(key[::-1])] = run
        once = sum(timed(run, self._device) for run in runs.values())
        rounds = max(3, min(self._options.rounds, int(_SECONDS / max(once, 1e-9))))
        timings = interleave(runs, rounds, self._device)
        for key in keys:
            timing = timings.get(", ".join(key[::-1]))
            if timing is None:
                yield self._missing(group, key, reasons[key])
                continue
            host = timings.get(", ".join((key[1], "host")))
            operations, moved = self._floors(group, key[0])
            yield Row(
                **asdict(group),
                network=key[0],
                mode=key[1],
                ms=1e3 * timing.median,
                ms_lower=1e3 * timing.lower,
                ms_upper=1e3 * timing.upper,
                ratio=timing.median / host.median if host else None,
                operations_ms=operations,
                bytes_ms=moved,
            )

    def _missing(self, group: Group, key: tuple[str, str], reason: str) -> Row:
        return Row(**asdict(group), network=key[0], mode=key[1], reason=reason)

    def _modes(self, group: Group) -> list[str]:
        modes = ["eager"]
        if self._device.type == "cuda" and group.use == "inference":
            modes.append("graph")
        if group.use == "inference" or group.dtype == "bf16":
            modes.append("compiled")
        return modes

    def _run(self, group: Group, network: str, mode: str) -> Run:
        clips, dtype = self._clips(group.batch), DTYPES[group.dtype]
        if group.use == "training":
            return TrainingStep(self._build(network), clips, dtype, compiled=mode == "compiled")
        if mode == "compiled":
            # one for all batches, since compiling takes longer than all timings
            key = (network, group.dtype)
            if key not in self._compiled:
                self._compiled[key] = compiled_for_any_batch(self._prepare(network))
            return inference(self._compiled[key], clips, dtype)
        run = inference(self._prepare(network), clips, dtype)
        return graphed(run) if mode == "graph" else run

    def _floors(self, group: Group, network: str) -> tuple[float, float]:
        key = (network, group.use, group.dtype)
        if key not in self._work:
            self._work[key] = BatchWork.of(lambda batch: self._run(replace(group, batch=batch), network, "eager"))
        return self._speeds[group.dtype].floors(self._work[key].batch(group.batch))

    def _prepare(self, network: str) -> nn.Module:
        if network not in self._prepared:
            self._prepared[network] = prepare_for_inference(self._build(network).to(self._device).eval())
        return self._prepared[network]

    def _build(self, network: str) -> nn.Module:
        arc = VARIANTS[network]()
        return build(self._options.host if arc is None else self._options.model, arc=arc, width=self._options.width)

    def _clips(self, batch: int) -> Tensor:
        return random_clips(batch, self._options.frames, self._options.size, self._device)


def print_rows(rows: Sequence[Row]) -> None:
    """Print a table of each group."""
    for group, members in groupby(rows, key=lambda row: f"{row.use}, {row.dtype}, batch of {row.batch}"):
        table = Table(title=group, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for column in ("network", "mode", "ms", "quartiles", "time / host's", "operations, ms", "bytes, ms"):
            left = column in ("network", "mode")
            table.add_column(column, justify="left" if left else "right", no_wrap=True)
        for row in members:
            if row.ms is None or row.ms_lower is None or row.ms_upper is None:
                table.add_row(row.network, row.mode, "-", row.reason)
                continue
            ratio, floors = row.ratio, (row.operations_ms or 0.0, row.bytes_ms or 0.0)
            table.add_row(
                row.network,
                row.mode,
                f"{row.ms:.2f}",
                f"{row.ms_lower:.2f} to {row.ms_upper:.2f}",
                "-" if ratio is None else f"{ratio:.2f}",
                *(f"{floor:.3g}" for floor in floors),
            )
        print_table(table)


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Draw the time of each variant in units of its host's, against the batch.

    Raises:
        UserError: matplotlib is not installed.
    """
    panels = list(dict.fromkeys((row.use, row.dtype) for row in rows if row.ratio is not None))
    figure = import_figure()(figsize=(3.6 * max(1, len(panels)), 3.4), layout="constrained")
    for number, (use, dtype) in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), number)
        here = [row for row in rows if (row.use, row.dtype) == (use, dtype) and row.ratio is not None]
        for network, mode in dict.fromkeys((row.network, row.mode) for row in here if row.network != "host"):
            points = [(row.batch, row.ratio) for row in here if (row.network, row.mode) == (network, mode)]
            style = {"eager": "-", "graph": ":", "compiled": "--"}[mode]
            colour = _COLOURS[network.partition(",")[0]]
            axes.plot(*zip(*points), style, color=colour, marker="o", markersize=4, label=f"{network}, {mode}")
        axes.axhline(1, linestyle="-", color="0.4", zorder=1, label="host")
        batches = sorted({row.batch for row in here})
        axes.set_xscale("log", base=2)
        axes.set_xticks(batches, [str(batch) for batch in batches], minor=False)
        axes.set_xlabel("clips in a batch")
        axes.set_ylabel("time / host's")
        axes.set_ylim(0, 1.5 * max(row.ratio or 0.0 for row in here))
        axes.set_title(f"{use}, {dtype}", fontsize="medium")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="x-small", loc="upper left")
    figure.savefig(path, dpi=160)
