"""Which learning rate, weight decay and dropout? A search by Optuna, then the best of it over several seeds.

    pip install optuna
    python examples/search.py                  # on clips that are generated
    python examples/search.py --data CLIPS     # on yours: a manifest, or one folder of videos a class

The test clips are those that the manifest marks as test or, where there are none, as val. Neither the search nor any
training sees them. Settings are compared on the clips marked as val, or else on a part of the training clips, by group
where the manifest has groups. The best are then trained with other seeds, and these runs alone are evaluated on the
test clips, once each. The accuracy that the search found is the best of many, hence too high; the last one is not.

Trials are kept in search.db as they end. What was killed goes on when the same command is given again.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna

import recircle
from recircle.manifest.holdout import hold_out

SHARE = 0.25
"""Of the training clips, what the search compares settings on."""
SEARCH_SEED = 0
"""Of the search, of its division and of each of its runs; the runs of the best settings have 1, 2, ..."""


def main(arguments: Sequence[str] | None = None) -> tuple[dict[str, Any], list[float]]:
    """Search, train the best settings again, and return them with the top-1 of each seed on the test clips."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of clips, or a manifest; by default clips are generated")
    parser.add_argument("--output", type=Path, default=Path("runs/search"), help="folder of the runs")
    parser.add_argument("--network", default="arc_tsm_resnet18", help="one of `recircle models`")
    parser.add_argument("--trials", type=int, default=12, help="settings that are tried, in all")
    parser.add_argument("--seeds", type=int, default=3, help="runs of the best settings")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--width", type=int, default=16, help="channels of the first layer")
    parser.add_argument("--pixels", type=int, default=64, help="side of what the networks see")
    parser.add_argument("--per-class", type=int, default=10, help="clips of each class that are generated")
    parser.add_argument("--workers", type=int, default=2, help="processes that decode")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)

    data = given.data or generated(given.output / "clips", given.per_class, given.pixels)

    manifest = recircle.Manifest.read(indexed(data) if data.is_dir() else data)
    search_on, tests = divided(manifest, given.output)
    common: dict[str, Any] = {
        "epochs": given.epochs,
        "width": given.width,
        "resize": given.pixels,
        "crop": given.pixels,
        "workers": given.workers,
    }

    def objective(trial: optuna.Trial) -> float:
        # under the number of the trial, so that none goes on with the run of another
        run = recircle.train(
            given.network,
            search_on,
            seed=SEARCH_SEED,
            output=given.output / f"trial_{trial.number:03}",
            **suggested(trial),
            **common,
        )
        return recircle.evaluate(run, search_on, workers=given.workers).metrics.top1.value

    study = optuna.create_study(
        study_name=given.output.name,
        storage=f"sqlite:///{given.output / 'search.db'}",
        load_if_exists=True,
        direction="maximize",
    )
    # a search that goes on would otherwise draw again what it began with
    study.sampler = optuna.samplers.TPESampler(seed=SEARCH_SEED + len(study.trials))
    ended = len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE]))
    study.optimize(objective, n_trials=max(0, given.trials - ended))
    print(f"best of {given.trials} trials: {study.best_params}, top-1 {study.best_value:.1%} where it was searched")

    found: list[float] = []
    for seed in range(SEARCH_SEED + 1, SEARCH_SEED + 1 + given.seeds):
        output = given.output / f"best_seed{seed}"
        resume = recircle.Run(output).config_path.exists()
        run = recircle.train(
            given.network, search_on, seed=seed, output=output, resume=resume, **study.best_params, **common
        )
        top1 = recircle.evaluate(run, tests, workers=given.workers).metrics.top1
        print(f"best settings, seed {seed}: top-1 {top1} on the test clips (bootstrap over the clips)")
        found.append(top1.value)
    spread = f", {min(found):.1%} to {max(found):.1%}" if len(found) > 1 else ""
    print(f"best settings: top-1 {statistics.mean(found):.1%} on average of {len(found)} seeds{spread}")
    return study.best_params, found


def suggested(trial: optuna.Trial) -> dict[str, Any]:
    """Return the settings of a trial: what is searched stands here, and `recircle.train` takes it by these names."""
    return {
        "lr": trial.suggest_float("lr", 1e-3, 1e-1, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-5, 1e-2, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.8),
    }


def divided(manifest: recircle.Manifest, folder: Path) -> tuple[recircle.Manifest, recircle.Manifest]:
    """Return the clips of the search and of all training, with a split val, and those of the test, as new files."""
    splits = {clip.split for clip in manifest.clips}
    test = "test" if "test" in splits else "val"
    tests = replace(manifest, clips=tuple(replace(clip, split="val") for clip in manifest.select(test).clips))
    if {"val", "test"} <= splits:
        rest = replace(manifest, clips=tuple(clip for clip in manifest.clips if clip.split in ("train", "val")))
    else:
        clips = tuple(replace(clip, split="") for clip in manifest.select("train").clips)
        rest = hold_out(replace(manifest, clips=clips), SHARE, seed=SEARCH_SEED)
    return rest.write(folder / "search.csv"), tests.write(folder / "tests.csv")


def indexed(folder: Path) -> Path:
    """Return the manifest of a folder of clips, which is written where there is none."""
    path = folder / "manifest.csv"
    if not path.exists():
        manifest = recircle.index(folder)
        if not any(clip.split in ("val", "test") for clip in manifest.clips):
            hold_out(manifest, SHARE, seed=SEARCH_SEED).write(path)
    return path


def generated(folder: Path, per_class: int, pixels: int) -> Path:
    """Generate clips of objects on a table, 24 classes, and return their folder."""
    from recircle.tabletop import TabletopConfig, generate

    if not folder.exists():
        generate(folder, TabletopConfig(train=per_class, test=max(1, per_class // 2), pixels=pixels, frames=16, fps=8))
    return folder


if __name__ == "__main__":
    main()
