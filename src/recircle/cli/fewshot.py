"""`recircle fewshot`: how well a run tells classes apart of which it knows a few clips."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import out, print_json, print_table, progress
from recircle.cli.eval import count_views

if TYPE_CHECKING:
    from recircle.evaluation.episodes import Features, FewShotAccuracy


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(fewshot, "fewshot", arguments)


def fewshot(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    data: Annotated[Path, tyro.conf.arg(metavar="MANIFEST")],
    split: str | None = None,
    ways: int = 5,
    shots: int = 1,
    queries: int = 1,
    episodes: int = 10_000,
    seed: int = 0,
    views: str | None = None,
    skip_broken: bool = False,
    json: bool = False,
    batch_size: int = 4,
    workers: int = 2,
    seconds: float = 300.0,
    cache: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
    device: str = "auto",
) -> int:
    """Recognise classes that a run need not have been trained on, from a few known clips of each.

    The network is used as it is, up to its classifier. Each episode draws classes, and of each some clips that are
    known and others to recognise; a clip is of the class whose known clips have the nearest mean feature (cosine).

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        data: manifest of the clips, or its folder.
        split: train, val, test or all; by default all clips.
        ways: classes of an episode.
        shots: clips of each that are known.
        queries: clips of each to recognise.
        episodes: how many.
        seed: of the draws.
        views: clips in time and crops, such as 10x3, whose features are averaged; by default those of training.
        skip_broken: leave out clips that cannot be decoded, instead of stopping with their list.
        json: print one JSON object.
        batch_size: clips decoded together.
        workers: processes that decode; 0 decodes in this one, which a hostile clip can crash and hold up.
        seconds: after how long a process gives up a clip.
        cache: folder in which decoded, resized frames are kept for the next time, as by --data.cache of training.
        device: auto, cpu, cuda, cuda:1, mps.
    """
    from recircle.api.evaluate import override
    from recircle.evaluation.episodes import check_classes, extract_features, few_shot, labelled_clips
    from recircle.evaluation.evaluate import training_protocol
    from recircle.loading.options import Loading
    from recircle.manifest.find import find_manifest
    from recircle.run import Run

    at_least(2, ways=ways, episodes=episodes)
    at_least(1, shots=shots, queries=queries, batch_size=batch_size)
    at_least(0, seed=seed, workers=workers)
    above_zero(seconds=seconds)
    opened, manifest = Run.open(run), find_manifest(data)
    clips, crops = count_views(views)
    protocol = override(training_protocol(opened), clips=clips, crops=crops)
    clips, _ = labelled_clips(manifest, split, skip_broken=skip_broken)
    # what the manifest tells already need not wait until all clips are decoded
    counts = Counter(clip.label for clip in clips.clips if clip.status != "broken")
    check_classes(counts.values(), ways=ways, shots=shots, queries=queries)
    with progress("extracting features") as show:
        features = extract_features(
            opened,
            manifest,
            split=split,
            protocol=protocol,
            skip_broken=skip_broken,
            loading=Loading(batch_size=batch_size, workers=workers, seconds=seconds, cache=cache),
            device=device,
            progress=show,
        )
    found = few_shot(
        features.values, features.labels, ways=ways, shots=shots, queries=queries, episodes=episodes, seed=seed
    )
    trained_on = len(set(features.classes) & set(opened.load_spec().labels))
    if json:
        print_json(
            {
                **asdict(found),
                "classes_left_out": len(features.classes) - found.classes,
                "trained_on": trained_on,
                "data": features.data,
                "clips": len(features.values),
                "left_out": len(features.left_out),
                "protocol": features.protocol,
                "provenance": features.provenance.to_dict(),
            }
        )
        return 0
    show_few_shot(found, features, trained_on)
    return 0


def show_few_shot(found: "FewShotAccuracy", features: "Features", trained_on: int) -> None:
    """Print the accuracy with its interval, chance and protocol, and what was left out.

    Args:
        found: the accuracy.
        features: that it comes from.
        trained_on: number of their classes that the run was trained on.
    """
    classes = len(features.classes)
    out.print(f"{features.data}: {len(features.values)} clips of {classes} classes")
    if features.left_out:
        out.print(f"clips left out, since they cannot be decoded: {len(features.left_out)}", style="red")
    if classes > found.classes:
        needed = found.shots + found.queries
        out.print(f"classes left out, since they have fewer than {needed} clips: {classes - found.classes}")
    out.print(f"classes that the run was trained on: {trained_on} of {classes}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("metric", "%", "95% interval", "chance", "protocol"):
        table.add_column(title, no_wrap=True)
    accuracy = found.accuracy
    table.add_row(
        f"{found.ways}-way {found.shots}-shot",
        f"{100 * accuracy.value:.1f}",
        f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}",
        f"{100 * found.chance:.1f}",
        features.protocol,
    )
    print_table(table)
    out.print(
        f"{found.episodes} episodes, clips of each class: {found.shots} known and {found.queries} to recognise; seed "
        f"{found.seed}"
    )
    out.print("interval: 1.96 standard errors over the episodes; other clips may move it farther")
