"""Which window and stride find actions in long videos, for TSM and for ARC-TSM?

    python -m studies.timeline_windows

Both networks are trained on the few clips of the generated benchmark's size "small", for as many epochs, and then look
for the same actions in long videos of things, tables and people that they have not seen.
"""

from dataclasses import replace
from pathlib import Path

from benchmarks.machine import run_main
from recircle import ArcConfig, TrainConfig
from recircle.tabletop import generate
from studies import tabletop
from studies.command import RESULTS, Study
from studies.pages import table, write_block
from studies.results import Results
from studies.summary import summarise
from studies.timeline_sweep import blocks as windows_blocks
from studies.timeline_sweep import draw, sweep
from studies.trial import Trial, folder_of

SEEDS = 2
WIDTH, EPOCHS, BATCH = 8, 8, 16
PAGE, PICTURE = RESULTS / "timeline.md", RESULTS / "timeline_windows.png"
SWEEPS = RESULTS.parent / "figures" / "timeline_windows.json"
HOST, ARC = "TSM-R18 w8", "ARC-TSM-R18 w8, temporal"


def trials(data: Path) -> list[Trial]:
    """Return both networks of the first seed, then those of the next."""
    small = data.with_name(f"{data.name}_small")
    generate(small, "small")
    manifest = small.absolute() / "manifest.csv"
    return [
        Trial(system=system, seed=seed, config=config(manifest, system))
        for seed in range(SEEDS)
        for system in (HOST, ARC)
    ]


def config(manifest: Path, system: str) -> TrainConfig:
    """Return the training of a network."""
    model, arc = ("tsm_resnet18", None) if system == HOST else ("arc_tsm_resnet18", ArcConfig.temporal())
    made = tabletop.config(manifest, model, width=WIDTH, epochs=EPOCHS, arc=arc)
    return replace(made, batch_size=BATCH)


def blocks(results: Results) -> dict[str, str]:
    """Return the table of the networks on clips."""
    rows = summarise(results.records, [HOST, ARC])
    return {"networks": table(rows, ("repetitions", "top1", "inside", "gmacs", "params"))}


STUDY = Study(
    name="timeline_windows",
    about=(__doc__ or "").partition("\n")[0],
    trials=trials,
    blocks=blocks,
    page="timeline",
)


def look(runs: Path = Path("runs/studies"), data: Path = Path("runs/studies/tabletop_long")) -> None:
    """Sweep the windows with the networks that are trained, and write the table and the picture."""
    records = Results.read(STUDY.path).records if STUDY.path.is_file() else ()
    folders = {
        (one.system, one.seed): folder
        for one in records
        if (folder := runs / STUDY.name / folder_of(one.system, one.seed)).is_dir()
    }
    found = sweep(SWEEPS, f"python -m studies.{STUDY.name}", folders, data)
    for name, text in windows_blocks(found, (HOST, ARC)).items():
        write_block(PAGE, name, text)
    draw(found, (HOST, ARC), PICTURE)


if __name__ == "__main__":
    STUDY.main()
    run_main(look)
