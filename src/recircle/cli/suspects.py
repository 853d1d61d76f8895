"""`recircle suspects`: clips whose label is probably wrong, and near-duplicates across a run's division."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from recircle.cli.arguments import at_least, call
from recircle.cli.console import out, plain, print_table, progress, warning

if TYPE_CHECKING:
    from recircle.suspects.find import Suspects


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(suspects, "suspects", arguments)


def suspects(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    output: Path | None = None,
    page: Path | None = None,
    data: Path | None = None,
    most: int = 20,
    no_duplicates: bool = False,
) -> int:
    """Rank clips by how probably their label is wrong, and find near-duplicates between the sides of a run's division.

    Labels are judged by networks that have not seen the clip: those of `recircle folds RUN` for all clips, or else the
    run itself for the clips that it held out, as `recircle eval RUN` saved it. Nothing is changed: correct the labels
    where they come from, and index again.

    Args:
        run: folder of a run.
        output: also write all clips, the most doubtful first, to this .csv or .json file.
        page: the page with a few frames of each; by default suspects.html in the run's folder.
        data: manifest, or its folder, where the clips are now; by default the one that training had.
        most: how many clips and pairs the tables here show; the page shows up to 48 of each.
        no_duplicates: do not look for near-duplicates, for which a few frames of every clip are decoded.
    """
    from recircle.loading.config import DataConfig
    from recircle.manifest.find import find_manifest
    from recircle.manifest.manifest import Manifest
    from recircle.report.suspects import write_suspects_page
    from recircle.run import Run
    from recircle.suspects.files import check_suspects, write_suspects
    from recircle.suspects.find import describe, find_suspects

    at_least(1, most=most)
    if output is not None:
        check_suspects(output)
    opened = Run.open(run)
    manifest = find_manifest(data) if data is not None else None
    with progress("comparing") as show:
        found = find_suspects(opened, manifest=manifest, duplicates=not no_duplicates, progress=show)
    for line in describe(found):
        out.print(line)
    if not found.all_clips:
        warning(f"only the clips that were held out are looked at; `recircle folds {run}` predicts all of them")
    _print(found, most)
    if output is not None:
        write_suspects(output, found)
        out.print(f"{output}: {len(found.doubts)} clips, {len(found.duplicates)} pairs")
    table = Manifest.read(manifest or opened.load_config(DataConfig, "data").manifest)
    target = page or opened.path / "suspects.html"
    written = write_suspects_page(target, opened.path.resolve().name, found, table, only_inside=data is None)
    out.print(f"look at: {written}")
    return 0


def _print(found: "Suspects", most: int) -> None:
    if found.suspected:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("clip", overflow="fold")
        for name, justify in (("label", "left"), ("%", "right"), ("likelier", "left"), ("%", "right")):
            table.add_column(name, justify="right" if justify == "right" else "left")
        for doubt in found.suspected[:most]:
            shares = f"{100 * doubt.confidence:.1f}", f"{100 * doubt.likely_confidence:.1f}"
            table.add_row(plain(doubt.clip), plain(doubt.label), shares[0], plain(doubt.likely), shares[1])
        print_table(table)
    if found.duplicates:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("evaluated", overflow="fold")
        table.add_column("near to, trained on", overflow="fold")
        table.add_column("distance", justify="right")
        for pair in found.duplicates[:most]:
            table.add_row(plain(pair.clip), plain(pair.other), f"{pair.distance:.2f}")
        print_table(table)
