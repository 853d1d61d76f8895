"""The demo: generate a benchmark, train three networks alike, compare them, recognise fresh clips."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from recircle.demo.comparison import Comparison, compare
from recircle.evaluation.predict import Progress as Report
from recircle.files import atomic_write
from recircle.inference.recognizer import Recognizer
from recircle.manifest.manifest import Manifest
from recircle.recipes.registry import get_recipe
from recircle.run import Run
from recircle.tabletop import SIZES, TabletopConfig, TabletopSize, generate
from recircle.terminal import SafeConsole
from recircle.training.config import TrainConfig
from recircle.training.folder import check_folder
from recircle.training.loop import train

_NETWORKS = {
    "single frame": ("tabletop_single_frame", "_single_frame"),
    "TSM": ("tabletop_tsm", "_tsm"),
    "ARC-TSM": ("tabletop_arc_tsm", ""),
}
"""Of each network: its recipe, and what is added to the output's name for the folder of its run."""

_FRESH_SEED = 1
_GUESSES = 3


def run_demo(output: Path, *, size: TabletopSize = "small", epochs: int | None = None) -> Comparison:
    """Go the whole way from nothing to recognised clips; it takes a few minutes on two CPU cores.

    OUTPUT becomes the run of ARC-TSM, with the table as comparison.json in it. Beside it are OUTPUT_tsm and
    OUTPUT_single_frame, the other runs, and OUTPUT_data, the clips. What an earlier call has finished is taken over,
    and a run that was interrupted goes on; to start anew, remove the folders.

    Args:
        output: the folder of the ARC-TSM run.
        size: of the generated data.
        epochs: instead of those of the recipes.

    Returns:
        What the table shows.

    Raises:
        UserError: one of the folders holds something else, or the disk is full.
        KeyboardInterrupt: on Ctrl-C while a network is trained, after a checkpoint; its text says how the demo goes on.
    """
    out, err = SafeConsole(), SafeConsole(stderr=True)
    data = output.with_name(f"{output.name}_data")
    configs = {name: _config(recipe, data, output, suffix, epochs) for name, (recipe, suffix) in _NETWORKS.items()}
    # before any work is done
    for config in configs.values():
        check_folder(config, resume=_begun(config))

    err.print(f"1/4 generate clips: {data}")
    clips = _generated(data, size, 0, err)
    families = len(set(clips.families.values()))
    err.print(f"{len(clips)} clips of {len(clips.labels)} classes in {families} families")

    runs: dict[str, Run] = {}
    for name, config in configs.items():
        err.print(f"2/4 train {name}: {config.output}")
        try:
            runs[name] = train(config, resume=_begun(config))
        except KeyboardInterrupt as interrupt:
            # what training itself advises would finish one network of the three
            done = str(interrupt).partition(";")[0] or "interrupted"
            again = f"recircle demo --output {shlex.quote(str(output))}"
            raise KeyboardInterrupt(f"{done} of {name}; all of the demo goes on with `{again}`") from None

    err.print("3/4 compare on the test clips")
    with _bar(err) as show:
        comparison = compare(runs, progress=show)
    atomic_write(output / "comparison.json", json.dumps(comparison.to_dict(), indent=2) + "\n")
    out.print(comparison.table(), soft_wrap=False)
    out.print(comparison.legend(), style="dim", soft_wrap=False)

    err.print("4/4 recognise clips of another seed")
    fresh = _generated(data / "fresh", replace(SIZES[size], train=1, test=1), _FRESH_SEED, err)
    _recognise(output, fresh, out)
    out.print()
    out.print(f"next: recircle predict {output} FILES...    recircle eval {output}")
    return comparison


def _config(recipe: str, data: Path, output: Path, suffix: str, epochs: int | None) -> TrainConfig:
    config = get_recipe(recipe)(data.absolute() / "manifest.csv")
    return replace(config, output=output.with_name(output.name + suffix), epochs=epochs or config.epochs)


def _begun(config: TrainConfig) -> bool:
    return Run(config.output).config_path.is_file()


def _generated(folder: Path, size: TabletopSize | TabletopConfig, seed: int, err: SafeConsole) -> Manifest:
    with _bar(err) as show:
        return generate(folder, size, seed=seed, progress=show)


def _recognise(run: Path, clips: Manifest, out: SafeConsole) -> None:
    """Print what the run takes one test clip of each family for; nothing in these was ever trained on."""
    recognizer = Recognizer.load(run)
    shown: set[str] = set()
    for clip in clips.select(split="test").clips:
        if clip.parent in shown:
            continue
        shown.add(clip.parent)
        path = clips.path(clip)
        out.print()
        out.print(f"{clip.label}    {path.relative_to(clips.root)}", style="bold")
        for label, probability in recognizer(path).top(_GUESSES):
            mark = "  <- right" if label == clip.label else ""
            out.print(f"  {probability:4.0%}  {label}{mark}")


@contextmanager
def _bar(err: SafeConsole) -> Iterator[Report]:
    columns = BarColumn(), MofNCompleteColumn(), TextColumn("clips")
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
