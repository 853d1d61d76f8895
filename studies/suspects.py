"""Does `recircle suspects` find labels that are wrong? 5 % of them are flipped, and the ranking is looked at.

    OMP_NUM_THREADS=1 nice -n 10 python -m studies.suspects --miracl MIRACL

Of each data set and seed, one clip in twenty gets another class, drawn with the seed. Two folds by group (persons)
are trained as `recircle folds` does, by small networks for few epochs, and all clips are ranked by confident learning.
With as many clips looked at as labels were flipped, precision and recall are one figure: the share of the flipped among
them.

Then near-duplicates: copies that were coded again at a low quality, made smaller or robbed of their first frame,
against other clips of the same person and of others.

What is done is in docs/figures/suspects.json and is not done again.
"""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from benchmarks.machine import run_main
from recircle import TrainConfig
from recircle.config import parse_json, read_bytes
from recircle.decode.frames import decode
from recircle.decode.pool import DecoderPool
from recircle.decode.probe import probe
from recircle.decode.resize import Resize
from recircle.evaluation.machine import processor
from recircle.evaluation.metrics import top_k_accuracy
from recircle.files import atomic_write
from recircle.manifest.manifest import Clip, Manifest
from recircle.suspects.duplicates import THRESHOLD, distances_between, read_thumbnails
from recircle.suspects.labels import doubt_labels
from recircle.tabletop import TabletopConfig, generate
from recircle.training.folds import train_folds
from studies import miracl, tabletop
from studies.command import RESULTS
from studies.datasets import manifest as manifest_of
from studies.pages import markdown, write_block
from studies.trial import current_commit

FLIPPED = 0.05
FOLDS = 2
SEEDS = (0, 1, 2)
SIZE = TabletopConfig(train=16, test=1, pixels=80, frames=16, fps=8)
"""384 clips of five persons to train on; the test clips are not looked at."""
COPIES = 40
KINDS = {"coded again": (1, 0), "half the size": (2, 0), "first frame cut off": (1, 1)}
"""Copies: by how much they are smaller, and how many of the first frames they lack; all are x264 at crf 30."""
RESULT = RESULTS.parent / "figures" / "suspects.json"
PAGE = RESULTS / "suspects.md"


@dataclass(frozen=True, kw_only=True)
class Flips:
    """What came of one data set and seed.

    Attributes:
        data: the name of the data set.
        seed: of the flips, the folds and the trainings.
        clips: that were ranked.
        flipped: labels that were changed.
        hits: flipped labels among as many clips from the top of the ranking.
        hits_by_margin: likewise, of the ranking by the label's probability less that of the likeliest other class.
        suspected: clips that confident learning takes for wrong.
        suspected_hits: flipped labels among those.
        estimated: wrong labels, as confident learning estimates.
        top1: accuracy out of sample, by the true labels.
        epochs: of each training.
        machine: on which.
        threads: of PyTorch.
        commit: of this repository.
        date: when it was finished.
    """

    data: str
    seed: int
    clips: int
    flipped: int
    hits: int
    hits_by_margin: int
    suspected: int
    suspected_hits: int
    estimated: float
    top1: float
    epochs: int
    machine: str
    threads: int
    commit: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Distances:
    """How far clips of one kind of pairs are apart, in parts of the change within them.

    Attributes:
        data: the name of the data set.
        kind: of the pairs.
        copies: whether one is a copy of the other.
        pairs: how many.
        nearest: the smallest distance.
        median: likewise.
        largest: likewise.
        below: pairs below the threshold.
        date: when it was measured.
    """

    data: str
    kind: str
    copies: bool
    pairs: int
    nearest: float
    median: float
    largest: float
    below: int
    date: str


def flip_labels(clips: Manifest, seed: int) -> tuple[Manifest, np.ndarray]:
    """Return the clips with 5 % of their labels changed to another class, and which were changed."""
    rng = np.random.default_rng(seed)
    families = clips.families
    chosen = np.zeros(len(clips), bool)
    chosen[rng.permutation(len(clips))[: round(FLIPPED * len(clips))]] = True
    changed: list[Clip] = []
    for clip, is_chosen in zip(clips.clips, chosen):
        others = [label for label in clips.labels if label != clip.label]
        label = others[rng.integers(len(others))] if is_chosen else clip.label
        changed.append(replace(clip, label=label, parent=families.get(label, "")))
    return replace(clips, clips=tuple(changed)), chosen


def measure_flips(data: str, clips: Manifest, config: TrainConfig, seed: int, runs: Path) -> Flips:
    """Flip labels, train the folds, and count what the ranking finds."""
    flipped, chosen = flip_labels(clips, seed)
    folder = runs / f"{data}-seed-{seed}".replace(" ", "-")
    predictions = train_folds(replace(config, seed=seed), flipped, FOLDS, folder, seed=seed, progress=False)
    rows = {path: row for row, path in enumerate(predictions.paths)}
    order = [rows[clip.name] for clip in flipped.clips]
    scores, labels = predictions.scores()[order], predictions.labels[order]
    found = doubt_labels(scores, labels)
    true = np.array([predictions.classes.index(clip.label) for clip in clips.clips])
    count = int(chosen.sum())
    return Flips(
        data=data,
        seed=seed,
        clips=len(clips),
        flipped=count,
        hits=int(chosen[found.order[:count]].sum()),
        hits_by_margin=int(chosen[np.argsort(found.margin, kind="stable")[:count]].sum()),
        suspected=int(found.suspected.sum()),
        suspected_hits=int(chosen[found.suspected].sum()),
        estimated=round(found.estimated, 1),
        top1=round(top_k_accuracy(scores, true), 4),
        epochs=config.epochs,
        machine=f"{processor()}, {os.cpu_count()} cores, torch {torch.__version__}, Python {platform.python_version()}",
        threads=torch.get_num_threads(),
        commit=current_commit(),
        date=datetime.now(UTC).isoformat(timespec="minutes"),
    )


def measure_distances(data: str, clips: Manifest, folder: Path) -> list[Distances]:
    """Compare copies with their clips, and other clips with each other."""

    def said(kind: str, distances: np.ndarray, *, copies: bool) -> Distances:
        return Distances(
            data=data,
            kind=kind,
            copies=copies,
            pairs=distances.size,
            nearest=round(float(distances.min()), 3),
            median=round(float(np.median(distances)), 3),
            largest=round(float(distances.max()), 3),
            below=int((distances < THRESHOLD).sum()),
            date=datetime.now(UTC).isoformat(timespec="minutes"),
        )

    chosen = [clips.clips[row] for row in np.random.default_rng(0).permutation(len(clips))[:COPIES]]
    found: list[Distances] = []
    with DecoderPool() as decoders:
        own = read_thumbnails([(clips.address(clip), clip) for clip in chosen], decoders)
        for kind, (scale, first) in KINDS.items():
            made = [_copy(clips, clip, scale, first, folder / kind / f"{n}.mp4") for n, clip in enumerate(chosen)]
            distances = distances_between(own, read_thumbnails(made, decoders))
            found.append(said(kind, np.diag(distances), copies=True))
        every = read_thumbnails([(clips.address(clip), clip) for clip in clips.clips], decoders)
    groups = np.array([clip.group for clip in clips.clips])
    distances = distances_between(every, every)
    same = groups[:, None] == groups
    found.append(said("other clips of one person", distances[np.triu(same, 1)], copies=False))
    found.append(said("clips of two persons", distances[np.triu(~same, 1)], copies=False))
    return found


def _copy(clips: Manifest, clip: Clip, scale: int, first: int, path: Path) -> tuple[Path, Clip]:
    """Write a copy of a clip without its first frames, and return it with what decoding needs to know."""
    size = Resize((clip.height // (2 * scale) * 2, clip.width // (2 * scale) * 2))
    frames = decode(clips.address(clip), range(first, clip.frames), resize=size).permute(0, 2, 3, 1).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_video(path, frames)
    found = probe(path)
    return path, replace(clip, frames=found.frames, fps=found.fps, durations="")


def _write_video(path: Path, frames: np.ndarray) -> None:
    """Write frames [T, H, W, 3] as H.264 of a low quality."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "30"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def tabletop_clips(folder: Path) -> tuple[Manifest, TrainConfig]:
    """Return the clips of Tabletop, which are drawn first where they are not there, and the training."""
    generate(folder, SIZE)
    file = folder.absolute() / "manifest.csv"
    return Manifest.read(file).select("train"), tabletop.config(file, "tsm_resnet18", width=8, epochs=24)


def miracl_clips(data: Path, folder: Path) -> tuple[Manifest, TrainConfig]:
    """Return the clips of the ten training speakers of MIRACL words, and the training."""
    file = manifest_of(data, "miracl_words", folder)
    clips = Manifest.read(file).select(groups=miracl.TRAIN_SPEAKERS)
    return clips, miracl.config(file, "tsm_resnet18", lr=miracl.LR, width=8, epochs=10)


def wilson(hits: int, count: int) -> tuple[float, float, float]:
    """Return a share and its 95 % interval (Wilson)."""
    z, share = 1.959964, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return share, float(middle - half), float(middle + half)


def tables(flips: Sequence[Flips], distances: Sequence[Distances]) -> dict[str, str]:
    """Return the texts of the page's marked places."""

    def share(hits: int, count: int) -> str:
        if not count:
            return ""
        value, low, high = wilson(hits, count)
        return f"{100 * value:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"

    lines: list[list[str]] = []
    for data in dict.fromkeys(one.data for one in flips):
        ours = [one for one in flips if one.data == data]
        total = {name: sum(getattr(one, name) for one in ours) for name in ("flipped", "hits", "hits_by_margin")}
        suspected, right = sum(one.suspected for one in ours), sum(one.suspected_hits for one in ours)
        lines.append(
            [
                data,
                str(len(ours)),
                f"{ours[0].clips}",
                f"{100 * np.mean([one.top1 for one in ours]):.1f} %",
                f"{total['hits']} of {total['flipped']}: {share(total['hits'], total['flipped'])}",
                share(total["hits_by_margin"], total["flipped"]),
                f"{suspected}: {share(right, suspected)}",
                share(right, total["flipped"]),
                " / ".join(f"{one.estimated:.0f}" for one in ours),
            ]
        )
    heads = ["data", "seeds", "clips", "top-1 out of sample", "found at the number flipped", "by margin"]
    heads += ["taken for wrong: precision", "recall of that", "estimated wrong"]
    apart = [
        [
            one.data,
            one.kind,
            f"{one.pairs:,}",
            f"{one.nearest:.2f}",
            f"{one.median:.2f}",
            f"{one.largest:.2f}",
            f"{one.below:,}",
        ]
        for one in distances
    ]
    titles = ["data", "kind", "pairs", "nearest", "median", "largest", f"below {THRESHOLD:g}"]
    found = {"flips": markdown(heads, lines), "distances": markdown(titles, apart)}
    if flips:
        one = flips[-1]
        dates = sorted(record.date[:10] for record in flips)
        found["made"] = (
            f"`python -m studies.suspects`, {dates[0]}{'' if dates[0] == dates[-1] else f' to {dates[-1]}'}, "
            f"{one.machine}, {one.threads} thread{'' if one.threads == 1 else 's'}; seeds "
            f"{', '.join(map(str, sorted({record.seed for record in flips})))}."
        )
    return found


def read(path: Path) -> tuple[list[Flips], list[Distances]]:
    """Return the records that are there."""
    content: Any = parse_json(read_bytes(path), path) if path.is_file() else {}
    flips, distances = content.get("flips", []), content.get("distances", [])
    return [Flips(**one) for one in flips], [Distances(**one) for one in distances]


def write(path: Path, flips: Sequence[Flips], distances: Sequence[Distances]) -> None:
    """Write the records."""
    content = {"flips": [asdict(one) for one in flips], "distances": [asdict(one) for one in distances]}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, json.dumps(content, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is missing, one after the other, and write the tables into the page."""
    parser = argparse.ArgumentParser(prog="python -m studies.suspects", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--miracl", type=Path, help="folder of MIRACL words; without it only Tabletop is looked at")
    parser.add_argument("--runs", type=Path, default=Path("runs/studies/suspects"), help="folder for clips and runs")
    parser.add_argument("--results", type=Path, default=RESULT, help="result file, which is completed")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of flips, folds and trainings")
    parser.add_argument("--report-only", action="store_true", help="train nothing; write the tables of what is there")
    options = parser.parse_args(arguments)
    flips, distances = read(options.results)
    if not options.report_only:
        sources = {"Tabletop": tabletop_clips(options.runs / "tabletop")}
        if options.miracl is not None:
            sources["MIRACL words"] = miracl_clips(options.miracl, options.runs)
        for data, (clips, _) in sources.items():
            if all(one.data != data for one in distances):
                distances += measure_distances(data, clips, options.runs / f"copies of {data}")
                write(options.results, flips, distances)
        for seed in options.seeds:
            for data, (clips, config) in sources.items():
                if all((one.data, one.seed) != (data, seed) for one in flips):
                    flips.append(measure_flips(data, clips, config, seed, options.runs))
                    flips.sort(key=lambda one: (list(sources).index(one.data), one.seed))
                    write(options.results, flips, distances)
                    print(flips[-1])
    found = tables(flips, distances)
    for name, text in found.items():
        if options.results == RESULT and PAGE.is_file():
            write_block(PAGE, name, text)
        else:
            print(text, end="\n\n")


if __name__ == "__main__":
    run_main(main)
