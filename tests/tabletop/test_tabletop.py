import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recircle.decode.frames import decode, probe
from recircle.errors import UserError
from recircle.files import atomic_write
from recircle.manifest.manifest import Manifest
from recircle.tabletop import CLASSES, FAMILIES, SIZES, TabletopConfig, generate
from recircle.tabletop.looks import CATALOGUES, Split
from recircle.tabletop.render import Scene, render_clip
from recircle.views.flip import FlipPolicy

SMALLEST = TabletopConfig(train=1, test=1, pixels=32, frames=8, fps=5)


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return generate(tmp_path_factory.mktemp("tabletop") / "a", SMALLEST, workers=1)


def contents(manifest: Manifest) -> dict[str, bytes]:
    return {clip.path: manifest.path(clip).read_bytes() for clip in manifest.clips}


def test_every_class_of_every_family_is_in_both_splits(benchmark: Manifest) -> None:
    assert len(FAMILIES) == 6
    assert all(len(labels) == 4 for labels in FAMILIES.values())
    assert benchmark.labels == tuple(sorted(CLASSES))
    assert benchmark.families == {label: family for family, labels in FAMILIES.items() for label in labels}
    for split in ("train", "test"):
        assert sorted(clip.label for clip in benchmark.select(split).clips) == sorted(CLASSES)


def test_the_manifest_tells_the_truth_about_the_files(benchmark: Manifest) -> None:
    assert Manifest.read(benchmark.root / "manifest.csv") == benchmark
    for clip in benchmark.clips[::7]:
        found = probe(benchmark.path(clip))
        assert (found.status, found.fault, found.frames, found.fps) == ("ok", None, clip.frames, clip.fps)
        assert (found.width, found.height) == (clip.width, clip.height) == (32, 32)


def test_files_show_what_was_rendered(benchmark: Manifest) -> None:
    clip = benchmark.select("test").clips[0]
    rendered = render_clip(SMALLEST, 0, "test", clip.label, 0)
    decoded = decode(benchmark.path(clip), range(8)).permute(0, 2, 3, 1).numpy()
    # halved chroma blurs coloured edges in so small a frame
    assert np.abs(rendered.astype(int) - decoded).mean() < 6


def test_a_seed_gives_the_same_bytes_on_any_number_of_workers(benchmark: Manifest, tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    again = generate(tmp_path / "b", SMALLEST, workers=2, progress=lambda *args: done.append(args))
    assert again.clips == benchmark.clips
    assert contents(again) == contents(benchmark)
    assert done == [(number, 48) for number in range(1, 49)]


def test_another_seed_gives_other_clips() -> None:
    label = next(iter(CLASSES))
    frames = [render_clip(SMALLEST, seed, "train", label, 0) for seed in (0, 0, 1)]
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], frames[2])


def test_a_complete_benchmark_is_left_alone(benchmark: Manifest) -> None:
    before = {path: path.stat().st_mtime_ns for path in benchmark.root.rglob("*")}
    assert generate(benchmark.root, SMALLEST, workers=1) == benchmark
    assert {path: path.stat().st_mtime_ns for path in benchmark.root.rglob("*")} == before


def test_what_a_killed_run_left_is_completed(tmp_path: Path) -> None:
    killed = tmp_path / "killed"

    def stop(done: int, _total: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(killed, SMALLEST, workers=1, progress=stop)
    kept = sorted(killed.rglob("*.mp4"))
    assert len(kept) == 20
    times = [path.stat().st_mtime_ns for path in kept]
    folder = killed / "train" / "turning-something-to-the-left"
    folder.mkdir(parents=True, exist_ok=True)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    parts: list[Path] = []
    atomic_write(folder / "000.mp4", lambda part: (parts.append(part), part.touch()))
    (folder / "000.mp4").unlink()
    torn = folder / parts[0].name.replace(f"-{os.getpid()}-", f"-{ended.pid}-")
    torn.write_bytes(b"half a file")

    finished = generate(killed, SMALLEST, workers=1)
    assert [path.stat().st_mtime_ns for path in kept] == times
    assert len(finished) == 48
    assert not list(killed.rglob("*.part"))
    assert all(probe(finished.path(clip)).status == "ok" for clip in finished.clips)


def test_files_that_vanished_or_were_cut_are_written_again(tmp_path: Path) -> None:
    whole = generate(tmp_path / "c", SMALLEST, workers=1)
    expected = contents(whole)
    whole.path(whole.clips[0]).unlink()
    whole.path(whole.clips[1]).write_bytes(b"short")
    assert contents(generate(tmp_path / "c", SMALLEST, workers=1)) == expected


def test_other_folders_are_refused(benchmark: Manifest, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another tabletop benchmark"):
        generate(benchmark.root, SMALLEST, seed=1)
    with pytest.raises(UserError, match="another tabletop benchmark"):
        generate(benchmark.root, "tiny")
    (tmp_path / "holiday.mp4").touch()
    with pytest.raises(UserError, match="not empty"):
        generate(tmp_path, SMALLEST)
    (tmp_path / "tabletop.json").write_text("{")
    with pytest.raises(UserError, match="another tabletop benchmark"):
        generate(tmp_path, SMALLEST)
    assert json.loads((benchmark.root / "tabletop.json").read_text())["pixels"] == 32


@pytest.mark.parametrize(
    ("field", "value"), [("train", 0), ("test", 0), ("pixels", 30), ("pixels", 65), ("frames", 7), ("fps", 0)]
)
def test_wrong_sizes_are_refused(field: str, value: int) -> None:
    numbers = {"train": 1, "test": 1, "pixels": 64, "frames": 8, "fps": 5} | {field: value}
    with pytest.raises(ValueError, match=f"{field}={value}: "):
        TabletopConfig(**numbers)


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tiny, small, full"):
        generate(tmp_path / "d", "huge")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="workers=0"):
        generate(tmp_path / "d", "tiny", workers=0)
    assert not (tmp_path / "d").exists()
    assert set(SIZES) == {"tiny", "small", "full"}


def test_the_splits_have_no_look_in_common(benchmark: Manifest) -> None:
    train, test = CATALOGUES["train"], CATALOGUES["test"]
    for kind in train.__dataclass_fields__:
        shown, held_out = getattr(train, kind), getattr(test, kind)
        assert shown
        assert held_out
        assert not set(shown) & set(held_out), kind
    assert not set(train.colours.values()) & set(test.colours.values())
    people = [{clip.group for clip in benchmark.select(split).clips} for split in ("train", "test")]
    assert not people[0] & people[1]


def test_clips_show_the_looks_of_their_split_alone() -> None:
    def drawn(split: Split) -> set[str]:
        scenes = (Scene.draw(SMALLEST, 0, split, label, number) for label in CLASSES for number in range(4))
        return set().union(*(scene.look.used for scene in scenes))

    for split, catalogue in CATALOGUES.items():
        own = {name for kind in catalogue.__dataclass_fields__ for name in getattr(catalogue, kind)}
        assert drawn(split) == own


def test_a_flip_swaps_the_classes_that_name_a_side() -> None:
    policy = FlipPolicy.from_labels(tuple(CLASSES))
    assert policy.enabled
    assert policy.pairs == (
        ("pushing something from left to right", "pushing something from right to left"),
        ("turning something to the left", "turning something to the right"),
        ("turning something to the left and back", "turning something to the right and back"),
    )
