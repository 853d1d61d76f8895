"""`recircle fit` against the recipe that README named before it, the same minutes each, on UT-Interaction.

    taskset --cpu-list 1 python -m studies.fit_folds --data UTI --jobs 1

The official protocol: in each of the two sets, one of ten sequences is left out in turn. Both get two minutes on one
core: `fit` for all that it does, the recipe for its training alone. The recipe takes 32 clips of 224 pixels in a step,
for which the memory of small machines does not suffice, so its steps are put together of four times 8 clips.
"""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from recircle import Run, TrainConfig, UserError
from recircle.training.metrics_log import read_metrics_log
from studies import ut_interaction
from studies.command import Study
from studies.datasets import manifest
from studies.pages import differences_table, table
from studies.results import Results
from studies.summary import differences, mcnemar_pooled, pooled_right, summarise
from studies.trial import Record, Trial, record

MINUTES = 2
FIT, RECIPE = "fit", "the recipe"
SYSTEMS = (FIT, RECIPE)


def trials(data: Path) -> list[Trial]:
    """Return a fold of both sets for both, then the next."""
    table = manifest(data, "ut_interaction", Path("runs/studies"))
    return [
        Trial(
            system=system,
            seed=0,
            fold=fold,
            # of which only the clips and their division count: the commands choose the rest
            config=ut_interaction.config(table, "tsm_efficientnet_lite0", 8, ut_interaction.WHOLE, fold),
        )
        for first, second in zip(*ut_interaction.SEQUENCES.values())
        for fold in (f"set1/{first:02d}", f"set2/{second:02d}")
        for system in SYSTEMS
    ]


def command(trial: Trial, output: Path) -> list[str]:
    """Return the arguments of `recircle` that do a trial."""
    data = trial.config.data
    division = ["--data.groups", *data.groups, "--data.test-groups", *data.test_groups]
    common = [*division, "--minutes", str(MINUTES), "--output", str(output)]
    if trial.system == FIT:
        return ["fit", str(data.manifest), *common]
    recipe = ["train", "something_v1_arc_tsm_resnet18_8f", "--model.name", "arc_tsm_efficientnet_lite0"]
    steps = ["--model.pretrained", "imagenet", "--epochs", "20", "--batch-size", "8", "--accumulate", "4"]
    return [*recipe, *steps, "--data", str(data.manifest), "--data.workers", "1", *common]


def work(trial: Trial, runs: Path, commit: str) -> Record:
    """Run the command, from its beginning where it was stopped before, and test what it made.

    Raises:
        UserError: the command failed; the message names the file with its words.
    """
    run = Run(runs / trial.folder)
    shutil.rmtree(run.path, ignore_errors=True)
    runs.mkdir(parents=True, exist_ok=True)
    log = runs / f"{trial.folder}.log"
    with log.open("wb") as words:
        arguments = [sys.executable, "-m", "recircle.cli.main", *command(trial, run.path)]
        if subprocess.run(arguments, stdout=words, stderr=subprocess.STDOUT).returncode != 0:
            raise UserError(f"the command failed; {log} has its words")
    config = run.load_config(TrainConfig)
    epochs = max(line["epoch"] for line in read_metrics_log(run.metrics_path) if line["kind"] == "train")
    return record(trial, run, replace(config, epochs=epochs), commit)


def blocks(results: Results) -> dict[str, str]:
    """Return for each set the two accuracies and their difference."""
    parts = []
    for name in ut_interaction.SEQUENCES:
        records = [one for one in results.records if one.fold.startswith(name)]
        rows = summarise(records, SYSTEMS)
        columns = ("repetitions", "top1", "gmacs", "params", "minutes")
        lines = [f"**{name}**", table(rows, columns, repetitions="folds")]
        lines.append(differences_table(differences(records, [(FIT, RECIPE)], "top1")))
        if {one.system for one in records} == set(SYSTEMS):
            test = mcnemar_pooled(records, FIT, RECIPE)
            lines.append(
                f"Of {test.clips} clips, {FIT} alone is right on {test.only_here} and {RECIPE} alone on "
                f"{test.only_there}. Intervals over clips: {FIT} {pooled_right(records, FIT)}, {RECIPE} "
                f"{pooled_right(records, RECIPE)}."
            )
        parts.append("\n\n".join(lines))
    return {"fit_folds": "\n\n".join(parts)}


STUDY = Study(
    name="fit_folds",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    page="ut_interaction",
    work=work,
    needs_data=True,
)

if __name__ == "__main__":
    STUDY.main()
