"""Which of ARC's matrices does a trained network rely on? Its accuracy with each of them set to zero.

    python -m studies.zero_ablation RUN... --output docs/figures/zero_ablation.json

Each run is tested on the clips that its training held out: as trained, then with W^e, W^a or W^f of all layers at
zero, then with all three, where the states stay what the input is. Nothing is trained again but the statistics of batch
norms, which are taken anew from training clips each time; so a fall says what the network got used to, and not what it
could not have learned without. Beside it: how large the matrices are.
"""

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.machine import check_writable, describe, run_main, write_json
from recircle import Run, TrainConfig, UserError, VideoModel
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.families import measure_families
from recircle.loading.options import Loading, Shard
from recircle.torch_internals import BatchNorm
from recircle.training.data import TrainingData
from studies.pages import write_block

BATCHES = 32
"""Of training clips, from which the statistics of batch norms are taken."""

MATRICES = {"W^e": "embedding", "W^a": "attention", "W^f": "fusion"}
"""As the paper calls them, and as a layer does."""


@dataclass(frozen=True, kw_only=True)
class ZeroAblation:
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


def zero_ablation(run: Run) -> ZeroAblation:
    """Test a run with each of its matrices at zero.

    Raises:
        UserError: it has no ARC layer with matrices, or its training clips are not there; or as
            `recircle.evaluation.evaluate.evaluate`.
    """
    named = dict(run.load_model().named_parameters())
    found = {name: [key for key in named if key.endswith(f".{tail}")] for name, tail in MATRICES.items()}
    found = {name: keys for name, keys in found.items() if keys}
    if not found:
        raise UserError(f"{run.path} has no ARC layer whose matrices could be set to zero")
    config = run.load_config(TrainConfig)
    loading, bootstrap = Loading(batch_size=16, cache=config.data.cache), Bootstrap(resamples=2)
    data = TrainingData.read(config)
    top1: dict[str, float] = {}
    inside: dict[str, float] = {}
    clips = 0
    for name, keys in {"nothing": [], **found, "all": list(chain(*found.values()))}.items():
        with tempfile.TemporaryDirectory() as folder:
            changed = Run(Path(folder))
            shutil.copy(run.config_path, changed.config_path)
            changed.save_model(_without(run, keys, config, data), run.load_spec())
            predictions, metrics = evaluate(changed, loading=loading, bootstrap=bootstrap)
        clips, top1[name] = len(predictions), metrics.top1.value
        if any(label in predictions.families for label in predictions.classes):
            inside[name] = measure_families(predictions, bootstrap=bootstrap).levels[0].inside.value
    norms = {name: sum(_row_norm(named[key]) for key in keys) / len(keys) for name, keys in found.items()}
    return ZeroAblation(run=run.path.name, clips=clips, top1=top1, inside=inside, norms=norms)


@torch.no_grad()
def _without(run: Run, keys: Sequence[str], config: TrainConfig, data: TrainingData) -> VideoModel:
    """Return the run's network with the named matrices at zero, its batch norms fitted to what is left."""
    model, preprocessing = run.load_model(), run.load_spec().preprocessing
    named = dict(model.named_parameters())
    for key in keys:
        named[key].zero_()
    for module in model.modules():
        if isinstance(module, BatchNorm):
            module.reset_running_stats()
            # the mean over all batches, not a moving average
            module.momentum = None
    model.train()
    loader = data.train_loader(config, preprocessing, Shard())
    for batch in islice(loader.epoch(0, 0), BATCHES):
        model(preprocessing.normalise(batch.frames[:, 0]))
    return model.eval()


def _row_norm(matrix: Tensor) -> float:
    return float(matrix.detach().norm() / len(matrix) ** 0.5)


def to_markdown(found: Sequence[ZeroAblation]) -> str:
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
    parser = argparse.ArgumentParser(
        prog="python -m studies.zero_ablation", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a trained run with ARC layers")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    parser.add_argument("--page", type=Path, help="Markdown file whose place `zero_ablation` gets the table")
    options = parser.parse_args(arguments)
    check_writable(options.output)
    found = [zero_ablation(Run.open(path)) for path in options.runs]
    print(to_markdown(found))
    if options.output is not None:
        figures: dict[str, Any] = {"machine": describe(torch.device("cpu")), "runs": [asdict(one) for one in found]}
        write_json(options.output, figures)
    if options.page is not None:
        write_block(options.page, "zero_ablation", to_markdown(found))


if __name__ == "__main__":
    run_main(main)
