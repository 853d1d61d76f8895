"""Tiny folders laid out like the real data sets: 2 clips a class to train on, 1 to evaluate on, noise in each."""

import csv
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tests.media import write_video

HEIGHT, WIDTH, FRAMES = 36, 48, 6
TRAIN, HELD_OUT = 2, 1


def images(folder: Path, seed: int, *, grey: bool = False) -> Path:
    """Write a folder of JPEG frames, numbered from 00001."""
    folder.mkdir(parents=True)
    shape = (FRAMES, HEIGHT, 2 * HEIGHT) if grey else (FRAMES, HEIGHT, WIDTH, 3)
    for number, frame in enumerate(np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8), 1):
        Image.fromarray(frame).save(folder / f"{number:05}.jpg")
    return folder


def video(path: Path, seed: int, codec: str) -> Path:
    noise = np.random.default_rng(seed).integers(256, size=(FRAMES, HEIGHT, WIDTH, 3), dtype=np.uint8)
    return write_video(path, list(noise), codec=codec)


def numbered(labels: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    """Return (number, label, split) of each clip."""
    number = 0
    for split, count in (("train", TRAIN), ("val", HELD_OUT)):
        for label in labels:
            for _ in range(count):
                number += 1
                yield number, label, split


def write_rows(path: Path, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


SOMETHING = (
    "Pushing something from left to right",
    "Pushing something from right to left",
    "Pretending to pour something out of something, but something is empty",
)


def something_v1(root: Path) -> Path:
    """Return a folder like that of Something-Something V1: folders of frames, and lists of `ID;label`."""
    lines: dict[str, list[str]] = {"train": [], "val": []}
    for number, label, split in numbered(SOMETHING):
        images(root / "20bn-something-something-v1" / str(number), number)
        lines[split].append(f"{number};{label}")
    for name, content in (("labels", [*SOMETHING]), ("train", lines["train"]), ("validation", lines["val"])):
        (root / f"something-something-v1-{name}.csv").write_text("\n".join(content) + "\n")
    return root


def something_v2(root: Path) -> Path:
    """Return a folder like that of Something-Something V2: webm files, and lists in JSON."""
    lists: dict[str, list[dict[str, str]]] = {"train": [], "val": []}
    for number, label, split in numbered(SOMETHING):
        video(root / "20bn-something-something-v2" / f"{number}.webm", number, "libvpx")
        lists[split].append({"id": str(number), "template": label.replace("something", "[something]")})
    numbers = {label: str(number) for number, label in enumerate(SOMETHING)}
    for name, content in (("labels", numbers), ("train", lists["train"]), ("validation", lists["val"])):
        (root / f"something-something-v2-{name}.json").write_text(json.dumps(content))
    return root


DIVES = ("Back+15som+05Twis+FREE", "Back+15som+NoTwis+PIKE", "Inward+35som+NoTwis+TUCK")


def diving48(root: Path, middle: str) -> Path:
    """Return a folder like that of Diving48: rgb/ID.mp4, the vocabulary, and the lists of a version."""
    lists: dict[str, list[dict[str, object]]] = {"train": [], "test": []}
    for number, label, split in numbered(DIVES):
        video(root / "rgb" / f"dive_{number:05}.mp4", number, "libx264")
        entry = {"vid_name": f"dive_{number:05}", "label": DIVES.index(label), "start_frame": 0, "end_frame": FRAMES}
        lists["train" if split == "train" else "test"].append(entry)
    for split, entries in lists.items():
        (root / f"Diving48_{middle}{split}.json").write_text(json.dumps(entries))
    (root / "Diving48_vocab.json").write_text(json.dumps([name.split("+") for name in DIVES]))
    return root


def kinetics400(root: Path) -> Path:
    """Return a folder like that of Kinetics-400: train/ID_START_END.mp4, val/..., and their lists."""
    lines = {split: ["label,youtube_id,time_start,time_end,split"] for split in ("train", "val")}
    for number, label, split in numbered(("abseiling", "zumba")):
        video(root / split / f"clip{number}_000001_000011.mp4", number, "libx264")
        lines[split].append(f"{label},clip{number},1,11,{split}")
    for split, content in lines.items():
        (root / f"{split}.csv").write_text("\n".join(content) + "\n")
    return root


def jester(root: Path) -> Path:
    """Return a folder like that of Jester: folders of frames, and lists of `ID;label`."""
    labels = ("Swiping Left", "Swiping Right")
    lines: dict[str, list[str]] = {"train": [], "val": []}
    for number, label, split in numbered(labels):
        images(root / "20bn-jester-v1" / str(number), number)
        lines[split].append(f"{number};{label}")
    for name, content in (("labels", [*labels]), ("train", lines["train"]), ("validation", lines["val"])):
        (root / f"jester-v1-{name}.csv").write_text("\n".join(content) + "\n")
    return root


def ucf101(root: Path) -> Path:
    """Return a folder like that of UCF101, with the lists of split 1."""
    lines: dict[str, list[str]] = {"train": [], "val": []}
    for number, label, split in numbered(("Archery", "YoYo")):
        name = f"{label}/v_{label}_g{number:02}_c01.avi"
        video(root / "UCF-101" / name, number, "mpeg4")
        lines[split].append(f"{name} 1" if split == "train" else name)
    for split, name in (("train", "trainlist01.txt"), ("val", "testlist01.txt")):
        path = root / "ucfTrainTestlist" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines[split]) + "\n")
    return root


def hmdb51(root: Path) -> Path:
    """Return a folder like that of HMDB51, with the lists of split 1."""
    for number, label, split in numbered(("chew", "wave")):
        video(root / "hmdb51_org" / label / f"clip_{number}.avi", number, "mpeg4")
        path = root / "testTrainMulti_7030_splits" / f"{label}_test_split1.txt"
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(f"clip_{number}.avi {1 if split == 'train' else 2} \n")
    return root


def finegym(root: Path, kind: str, classes: int) -> Path:
    """Return a folder like that of FineGym's elements, with their lists and categories."""
    lines: dict[str, list[str]] = {"train": [], "val": []}
    for number, label, split in numbered(("0", "1")):
        name = f"0LtLS9wROrk_E_002407_002435_A_{number:04}_{number + 2:04}"
        video(root / "subactions" / f"{name}.mp4", number, "libx264")
        lines[split].append(f"{name} {label}")
    for split, name in (("train", "train_element_v1.1"), ("val", "val_element")):
        (root / f"{kind}_{name}.txt").write_text("\n".join(lines[split]) + "\n")
    categories = (f"Clabel: {number}; set: 1; Glabel: {number}; (VT) move {number}\n" for number in range(classes))
    (root / f"{kind}_categories.txt").write_text("".join(categories))
    return root


def miracl_words(root: Path) -> Path:
    """Return a folder like that of MIRACL words: clips/SPEAKER_CLASS_INSTANCE, and their list."""
    rows: list[tuple[object, ...]] = [("kind", "clip", "speaker", "label", "label_name", "instance", "frames")]
    for number, label, split in numbered(("Begin", "Web")):
        speaker = "F01" if split == "train" else "F10"
        name = f"{speaker}_{label}_{number:02}"
        images(root / "clips" / name, number, grey=True)
        rows.append(("words", name, speaker, 0, label, number, FRAMES))
    write_rows(root / "labels.csv", rows)
    return root


def ut_interaction(root: Path) -> Path:
    """Return a folder like that of UT-Interaction: an AVI a clip in set1 and set2, and their list."""
    rows: list[tuple[object, ...]] = [("path", "set", "sequence", "label_name", "frames")]
    for number, (in_set, sequence) in enumerate(((1, 1), (1, 2), (1, 3), (2, 11))):
        for kind, label in enumerate(("hugging", "kicking")):
            name = f"set{in_set}/{number}_{sequence}_{kind}.avi"
            video(root / name, 2 * number + kind, "mpeg4")
            rows.append((name, in_set, sequence, label, FRAMES))
    write_rows(root / "labels.csv", rows)
    return root


def tabletop(root: Path) -> Path:
    """Return a folder a class, like the generated benchmark in little."""
    for number, label, split in numbered(("abseiling", "zumba")):
        video(root / split / label / f"clip{number}.mp4", number, "libx264")
    return root


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "something_v1": something_v1,
    "something_v2": something_v2,
    "diving48_v1": partial(diving48, middle=""),
    "diving48_v2": partial(diving48, middle="V2_"),
    "kinetics400": kinetics400,
    "jester": jester,
    "ucf101": ucf101,
    "hmdb51": hmdb51,
    "finegym_gym99": partial(finegym, kind="gym99", classes=99),
    "finegym_gym288": partial(finegym, kind="gym288", classes=288),
    "miracl_words": miracl_words,
    "ut_interaction": ut_interaction,
    "tabletop": tabletop,
    "finetune": tabletop,
}
"""What writes the data of a recipe, by the beginning of the recipe's name."""


def data_set_of(recipe: str) -> str:
    """Return the key in LAYOUTS of a recipe."""
    return next(name for name in LAYOUTS if recipe.startswith(name))
