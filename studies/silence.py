"""Which of ARC's matrices does a trained network rely on? Its accuracy with each of them set to zero.

    python -m studies.silence RUN... --output docs/figures/silence.json

Each run is tested on the clips that its training held out: as trained, then with W^e, W^a or W^f of all layers at
zero, then with all three, where the states stay what the input is. Nothing is trained again, so a fall says what the
network got used to, and not what it could not have learned without. Beside it: how large the matrices are.
"""

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.machine import check_writable, describe, run_main, write_json
from recircle.errors import UserError
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.families import measure_families
from recircle.run import Run
from recircle.training.config import TrainConfig
from studies.pages import write_block

MATRICES = {"W^e": "embedding", "W^a": "attention", "W^f": "fusion"}
"""As the paper calls them, and as a layer does."""


@dataclass(frozen=True, kw_only=True)
class Silenced:
    """What one run can do without parts of its ARC layers.

    Attributes:
        run: name of its folder.
        clips: number of the test clips.
        top1: accuracy by what is at zero: "nothing", "W^e", "W^a", "W^f" or "all".
        inside: the same where only the classes of the true family compete; empty without families.
        norms: of each matrix, the root of the mean squared norm of a row, as a mean over the layers.
    """

    run: str
    clips: int
    top1: dict[str, float]
    inside: dict[str, float]
    norms: dict[str, float]


def silence(run: Run) -> Silenced:
    """Test a run with each of its matrices at zero.

    Raises:
        UserError: it has no ARC layer with matrices; or as `recircle.evaluation.evaluate.evaluate`.
    """
    weights = load_file(run.weights_path)
    found = {name: [key for key in weights if key.endswith(f".{tail}")] for name, tail in MATRICES.items()}
    found = {name: keys for name, keys in found.items() if keys}
    if not found:
        raise UserError(f"{run.path} has no ARC layer whose matrices could be set to zero")
    cache = run.load_config(TrainConfig).data.cache
    top1: dict[str, float] = {}
    inside: dict[str, float] = {}
    clips = 0
    zeros = {"nothing": [], **found, "all": [key for keys in found.values() for key in keys]}
    for name, keys in zeros.items():
        with tempfile.TemporaryDirectory() as folder:
            changed = _with_zeros(run, weights, keys, Path(folder))
            predictions, metrics = evaluate(changed, workers=0, batch_size=16, resamples=2, cache=cache)
        clips, top1[name] = len(predictions), metrics.top1.value
        if any(label in predictions.families for label in predictions.classes):
            inside[name] = measure_families(predictions, resamples=2).levels[0].inside.value
    norms = {name: sum(_row_norm(weights[key]) for key in keys) / len(keys) for name, keys in found.items()}
    return Silenced(run=run.path.name, clips=clips, top1=top1, inside=inside, norms=norms)


def _with_zeros(run: Run, weights: dict[str, Tensor], keys: Sequence[str], folder: Path) -> Run:
    changed = Run(folder)
    shutil.copy(run.spec_path, changed.spec_path)
    shutil.copy(run.config_path, changed.config_path)
    save_file({key: torch.zeros_like(w) if key in keys else w for key, w in weights.items()}, changed.weights_path)
    return changed


def _row_norm(matrix: Tensor) -> float:
    return float(matrix.norm() / len(matrix) ** 0.5)


def to_markdown(found: Sequence[Silenced]) -> str:
    """Return a table, a line for each run: accuracies, inside the family where there are some, and norms."""
    heads = ["run", "as trained", *(f"without {name}" for name in MATRICES), "without all", *MATRICES]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for one in found:
        figures = one.inside or one.top1
        shares = [figures.get(name) for name in ("nothing", *MATRICES, "all")]
        cells = ["" if share is None else f"{share:.1%}".replace("%", " %") for share in shares]
        norms = [f"{one.norms[name]:.3f}" if name in one.norms else "" for name in MATRICES]
        lines.append([one.run, *cells, *norms])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, test, print, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m studies.silence", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a trained run with ARC layers")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    parser.add_argument("--page", type=Path, help="Markdown file whose place `silence` gets the table")
    options = parser.parse_args(arguments)
    check_writable(options.output)
    found = [silence(Run.open(path)) for path in options.runs]
    print(to_markdown(found))
    if options.output is not None:
        figures: dict[str, Any] = {"machine": describe(torch.device("cpu")), "runs": [asdict(one) for one in found]}
        write_json(options.output, figures)
    if options.page is not None:
        write_block(options.page, "silence", to_markdown(found))


if __name__ == "__main__":
    run_main(main)
