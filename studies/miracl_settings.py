"""Which learning rate the study on MIRACL words uses: the same search for the plain host and for ARC.

    python -m studies.miracl_settings --data MIRACL

Eight of the ten training speakers train and the other two are tested on; no test speaker is looked at.
"""

from pathlib import Path

from studies import miracl
from studies.command import Study
from studies.datasets import manifest
from studies.pages import table
from studies.results import Results
from studies.summary import summarise
from studies.trial import Trial

RATES = (0.02, 0.05, 0.1)


def trials(data: Path) -> list[Trial]:
    """Return one training for each rate and network."""
    table = manifest(data, "miracl_words", Path("runs/studies"))
    return [
        Trial(
            system=f"{model} {rate}",
            seed=0,
            config=miracl.config(
                table, model, lr=rate, groups=miracl.TRAIN_SPEAKERS, test_groups=miracl.VALIDATION_SPEAKERS
            ),
        )
        for rate in RATES
        for model in ("tsm_resnet18", "arc_tsm_resnet18")
    ]


def blocks(results: Results) -> dict[str, str]:
    """Return the table of all rates."""
    return {"settings": table(summarise(results.records), ("top1", "inside"))}


STUDY = Study(
    name="miracl_settings",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    page="miracl_words",
    needs_data=True,
)

if __name__ == "__main__":
    STUDY.main()
