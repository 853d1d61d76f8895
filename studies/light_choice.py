"""Which form of recursive attention is worth its time? Chosen on MIRACL words, of training speakers alone.

    python -m studies.light_choice --data MIRACL

Candidates are layers without the fusion: attention over time, or over space and time, in two or four steps, with W^e
or without, in all stages or in some of them. All have the same budget: one training for each division of the speakers,
of as many epochs, with the rate that `studies.miracl_settings` found for the whole layer. Of the ten training speakers
eight train and two are tested on, another two in the second division; no test speaker is looked at.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from recircle import ArcConfig
from studies import miracl, miracl_settings
from studies.command import Study
from studies.datasets import manifest
from studies.pages import differences_table, table
from studies.pictures import dots
from studies.results import Results
from studies.summary import differences, summarise
from studies.trial import Record, Trial

VALIDATION = (miracl.VALIDATION_SPEAKERS, ("F01", "M01"))
"""The speakers that are tested on, in each division."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One form of the layer.

    Attributes:
        arc: the layer; None is the plain host.
        stages: where it is, as `recircle.convert` takes it; "" is everywhere.
        in_settings: its name in `studies.miracl_settings`, which trained it for the first division.
    """

    arc: ArcConfig | None
    stages: str = ""
    in_settings: str = ""


def _attention(aggregation: str, steps: int, *, embedding: bool = False, slope: float = 0.01) -> ArcConfig:
    return ArcConfig.paper(
        steps=steps, fusion=False, embedding=embedding or None, aggregation=aggregation, negative_slope=slope
    )


HOST, WHOLE = "TSM-R18", "whole layer, n = 4"
CANDIDATES: dict[str, Candidate] = {
    "T, n = 2": Candidate(arc=_attention("T", 2)),
    HOST: Candidate(arc=None, in_settings=f"tsm_resnet18 {miracl.LR}"),
    "T, n = 2, last two stages": Candidate(arc=_attention("T", 2), stages="layer3,layer4"),
    "T, n = 4": Candidate(arc=_attention("T", 4)),
    "T, n = 2, no phi": Candidate(arc=_attention("T", 2, slope=1.0)),
    "T, n = 4, no phi": Candidate(arc=_attention("T", 4, slope=1.0)),
    "S+T, n = 2": Candidate(arc=_attention("S+T", 2)),
    "T, n = 2, W^e": Candidate(arc=_attention("T", 2, embedding=True)),
    "S+T, n = 4": Candidate(arc=_attention("S+T", 4)),
    "S+T, n = 2, W^e": Candidate(arc=_attention("S+T", 2, embedding=True)),
    "T, n = 4, W^e": Candidate(arc=_attention("T", 4, embedding=True)),
    "S+T, n = 4, W^e": Candidate(arc=_attention("S+T", 4, embedding=True)),
    "S+T, n = 4, last three stages": Candidate(arc=_attention("S+T", 4), stages="layer2,layer3,layer4"),
    "S+T, n = 4, last two stages": Candidate(arc=_attention("S+T", 4), stages="layer3,layer4"),
    "S+T, n = 4, first two stages": Candidate(arc=_attention("S+T", 4), stages="layer1,layer2"),
    "S+T, n = 4, first stage": Candidate(arc=_attention("S+T", 4), stages="layer1"),
    "T, n = 2, first stage": Candidate(arc=_attention("T", 2), stages="layer1"),
    "S+T, n = 4, no phi": Candidate(arc=_attention("S+T", 4, slope=1.0)),
    "S+T, n = 2, no phi": Candidate(arc=_attention("S+T", 2, slope=1.0)),
    WHOLE: Candidate(arc=ArcConfig.paper(), in_settings=f"arc_tsm_resnet18 {miracl.ARC_LR}"),
}


def trials(data: Path) -> list[Trial]:
    """Return all candidates for the first division of the speakers, then for the next."""
    table = manifest(data, "miracl_words", Path("runs/studies"))
    found = []
    for place, speakers in enumerate(VALIDATION):
        for name, one in CANDIDATES.items():
            if one.in_settings and place == 0:
                continue
            config = miracl.config(
                table,
                "tsm_resnet18" if one.arc is None else "arc_tsm_resnet18",
                lr=miracl.LR if one.arc is None else miracl.ARC_LR,
                arc=one.arc,
                groups=miracl.TRAIN_SPEAKERS,
                test_groups=speakers,
            )
            if one.stages:
                config = replace(config, model=replace(config.model, options={"stages": one.stages}))
            found.append(Trial(system=name, seed=0, fold=" ".join(speakers), config=config))
    return found


def blocks(results: Results) -> dict[str, str]:
    """Return the table of the candidates, and how far each is from the host and from the whole layer."""
    records = with_settings(results)
    rows = summarise(records, list(CANDIDATES))
    pairs = [(row.system, HOST) for row in rows if row.system != HOST]
    pairs += [(row.system, "T, n = 2") for row in rows if row.system not in (HOST, WHOLE, "T, n = 2")]
    there = {record.key for record in records}
    missing = [
        f"{name} ({fold})"
        for fold in (" ".join(speakers) for speakers in VALIDATION)
        for name in CANDIDATES
        if (name, 0, fold) not in there
    ]
    return {
        "choice": table(rows, ("repetitions", "top1", "gmacs", "params"), repetitions="divisions"),
        "choice_differences": differences_table(differences(records, pairs, "top1")),
        "choice_missing": f"Not trained yet: {'; '.join(missing)}." if missing else "All trainings are there.",
    }


def draw(results: Results, folder: Path) -> None:
    """Draw the accuracies of the candidates."""
    rows = summarise(with_settings(results), list(CANDIDATES))
    title = "Forms of the layer on MIRACL words, of training speakers"
    dots(rows, folder / "light_choice.png", figure="top1", title=title, chance=1 / 10, baseline=HOST)


def with_settings(results: Results) -> list[Record]:
    """Return the records and those of `studies.miracl_settings` that are rows here."""
    names = {one.in_settings: name for name, one in CANDIDATES.items() if one.in_settings}
    path = miracl_settings.STUDY.path
    found = Results.read(path).records if path.is_file() else ()
    first = " ".join(VALIDATION[0])
    taken = [replace(one, system=names[one.system], fold=first) for one in found if one.system in names]
    return [*results.records, *taken]


STUDY = Study(
    name="light_choice",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    draw=draw,
    page="equal_time",
    needs_data=True,
)

if __name__ == "__main__":
    STUDY.main()
