"""Which part of ARC does what? The paper's Table 4, and what it leaves open, on the generated benchmark.

    python -m studies.tabletop_ablations

ARC-TSM-ResNet-18 with 8 channels in the stem, trained as in `studies.tabletop_hosts`, whose records give the plain host
and both presets.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from recircle import ArcConfig
from studies import tabletop, tabletop_hosts
from studies.command import Study
from studies.pages import differences_table, table
from studies.pictures import dots
from studies.results import Results
from studies.summary import RankAgreement, differences, rank_agreement, summarise
from studies.trial import Record, Trial

SEEDS = 3
WIDTH = 8


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of an ablation.

    Attributes:
        arc: the layer; None is the plain host.
        arc_lr: rate of the matrices of ARC, as a multiple.
        published: top-1 on Something-Something V1 in the paper's Table 4; None where it has no such row.
        in_hosts: its name in `studies.tabletop_hosts`, if that trains it.
    """

    arc: ArcConfig | None
    arc_lr: float = 1.0
    published: float | None = None
    in_hosts: str | None = None


PAPER = "ARC (n = 4, RA + RF, additive, S+T, FC)"

VARIANTS: dict[str, Variant] = {
    "TSM (n = 1, no RA, no RF)": Variant(arc=None, published=41.8, in_hosts="TSM-R18 w8"),
    PAPER: Variant(arc=ArcConfig.paper(), published=47.9, in_hosts="ARC-TSM-R18 w8, paper"),
    "RF only": Variant(arc=ArcConfig.paper(attention=False), published=46.3),
    "RA only": Variant(arc=ArcConfig.paper(fusion=False), published=46.7),
    "n = 2": Variant(arc=ArcConfig.paper(steps=2), published=46.5),
    "n = 8": Variant(arc=ArcConfig.paper(steps=8)),
    "multiplicative, S, GRU": Variant(
        arc=ArcConfig.paper(interaction="multiplicative", aggregation="S", attention_module="gru"), published=45.0
    ),
    "multiplicative, S, FC": Variant(
        arc=ArcConfig.paper(interaction="multiplicative", aggregation="S"), published=46.2
    ),
    "additive, S, GRU": Variant(arc=ArcConfig.paper(aggregation="S", attention_module="gru"), published=45.6),
    "additive, ST, FC": Variant(arc=ArcConfig.paper(aggregation="ST"), published=46.5),
    "additive, T, FC": Variant(arc=ArcConfig.paper(aggregation="T"), published=47.5),
    "additive, S, FC": Variant(arc=ArcConfig.paper(aggregation="S"), published=47.0),
    "additive, S+T, FC, learned pooling": Variant(arc=ArcConfig.paper(pooling="soft")),
    "published code (mean pooling, ReLU)": Variant(arc=ArcConfig.published(), in_hosts="ARC-TSM-R18 w8, published"),
    "feedback before norm and activation": Variant(arc=ArcConfig.paper(feedback="operator")),
    "W^a drawn, deviation 0.02": Variant(arc=ArcConfig.paper(attention_init=0.02)),
    "rate of W^e, W^a, W^f x 3": Variant(arc=ArcConfig.paper(), arc_lr=3.0),
    "rate of W^e, W^a, W^f x 0.3": Variant(arc=ArcConfig.paper(), arc_lr=0.3),
}


def trials(data: Path) -> list[Trial]:
    """Return all variants of the first seed, then all of the next."""
    manifest = tabletop.clips(data)
    return [
        Trial(
            system=name,
            seed=seed,
            config=tabletop.config(manifest, "arc_tsm_resnet18", width=WIDTH, arc=variant.arc, arc_lr=variant.arc_lr),
        )
        for seed in range(SEEDS)
        for name, variant in VARIANTS.items()
        if variant.in_hosts is None
    ]


def blocks(results: Results) -> dict[str, str]:
    """Return the table of the variants, their differences from the paper's layer, and the agreement with its table."""
    records = with_hosts(results)
    rows = summarise(records, list(VARIANTS))
    compared = differences(records, [(row.system, PAPER) for row in rows if row.system != PAPER], "inside")
    found = {
        "results": table(rows, ("repetitions", "top1", "inside", "gmacs", "params")),
        "differences": differences_table(compared),
    }
    if (agreement := order(records)) is not None:
        found["order"] = (
            f"Spearman's rank correlation with the paper's order over {len(agreement.variants)} variants: "
            f"{agreement.spearman:+.2f}"
            + (
                ""
                if agreement.low is None
                else f" (over resampled seeds {agreement.low:+.2f} to {agreement.high:+.2f})"
            )
            + f"; Kendall's tau {agreement.kendall:+.2f}."
        )
    return found


def draw(results: Results, folder: Path) -> None:
    """Draw the accuracies of the variants."""
    rows = summarise(with_hosts(results), list(VARIANTS))
    title = "Variants of ARC on Tabletop, one of four siblings"
    dots(rows, folder / "tabletop_ablations.png", figure="inside", title=title, chance=1 / 4, baseline=PAPER)


def with_hosts(results: Results) -> list[Record]:
    """Return the records and those of `studies.tabletop_hosts` that are rows here, of the same seeds."""
    names = {variant.in_hosts: name for name, variant in VARIANTS.items() if variant.in_hosts}
    path = tabletop_hosts.STUDY.path
    hosts = Results.read(path).records if path.is_file() else ()
    taken = [replace(one, system=names[one.system]) for one in hosts if one.system in names and one.seed < SEEDS]
    return [*results.records, *taken]


def order(records: list[Record]) -> RankAgreement | None:
    """Compare the order of the variants with the paper's, over the seeds that all have; None where there is none."""
    published = {name: variant.published for name, variant in VARIANTS.items() if variant.published is not None}
    seeds = [seed for seed in range(SEEDS) if published.keys() <= {r.system for r in records if r.seed == seed}]
    found = {(record.system, record.seed): record.inside for record in records}
    values = {name: [found[name, seed] or 0.0 for seed in seeds] for name in published}
    return rank_agreement(values, published) if seeds else None


STUDY = Study(
    name="tabletop_ablations", about=(__doc__ or "").partition("\n")[0], trials=trials, blocks=blocks, draw=draw
)

if __name__ == "__main__":
    STUDY.main()
