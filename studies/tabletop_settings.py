"""Which learning rate the studies on the generated benchmark use: the same search for the plain host and for ARC.

    python -m studies.tabletop_settings

Three of the five training persons train and the other two are tested on; no test clip is looked at.
"""

from pathlib import Path

from recircle.tabletop.looks import CATALOGUES
from studies import tabletop
from studies.command import Study
from studies.pages import table
from studies.results import Results
from studies.summary import summarise
from studies.trial import Trial

RATES = (0.03, 0.06, 0.12)


def trials(data: Path) -> list[Trial]:
    """Return one training for each rate and network."""
    manifest = tabletop.clips(data)
    people = tuple(CATALOGUES["train"].actors)
    return [
        Trial(
            system=f"{model} {rate}",
            seed=0,
            config=tabletop.config(
                manifest, model, width=16, epochs=3, lr=rate, groups=people, test_groups=tabletop.VALIDATION_ACTORS
            ),
        )
        for rate in RATES
        for model in ("tsm_resnet18", "arc_tsm_resnet18")
    ]


def blocks(results: Results) -> dict[str, str]:
    """Return the table of all rates."""
    return {"settings": table(summarise(results.records), ("top1", "inside"))}


STUDY = Study(
    name="tabletop_settings",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    page="tabletop_hosts",
)

if __name__ == "__main__":
    STUDY.main()
