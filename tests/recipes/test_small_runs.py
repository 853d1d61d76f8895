"""Each recipe trains for a few steps on a tiny folder that is laid out like its data set."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.data.index import index_folder
from recircle.data.manifest import Manifest
from recircle.data.preprocessing import Preprocessing
from recircle.recipes.registry import get_recipe, list_recipes
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.training.journal import read_journal
from recircle.training.loop import train
from tests.recipes.layouts import LAYOUTS, data_set_of


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from a data set to the manifest of its tiny version, which is written once."""
    known: dict[str, Path] = {}

    def index(name: str) -> Path:
        if name not in known:
            root = tmp_path_factory.mktemp(name)
            known[name] = root / "manifest.csv"
            manifest = index_folder(LAYOUTS[name](root), output=known[name], workers=0)
            assert {clip.status for clip in manifest.clips} == {"ok"}
        return known[name]

    return index


def shrunk(config: TrainConfig, output: Path) -> TrainConfig:
    """Return a config whose steps take no time; what makes the recipe what it is stays."""
    sampling = replace(config.data.sampling, frames=min(4, config.data.sampling.frames))
    plain = config.data.preprocessing or Preprocessing()
    return replace(
        config,
        model=replace(config.model, width=8, pretrained=None),
        data=replace(config.data, sampling=sampling, preprocessing=replace(plain, resize=36, crop=32), workers=0),
        schedule=replace(config.schedule, warmup=min(0.5, config.schedule.warmup)),
        output=output,
        epochs=1,
        batch_size=2,
    )


@pytest.mark.parametrize("name", list_recipes())
def test_a_few_steps(name: str, indexed: Callable[[str], Path], tmp_path: Path) -> None:
    manifest = indexed(data_set_of(name))
    config = shrunk(get_recipe(name)(manifest), tmp_path / name)
    run = train(config, progress=False)

    lines = read_journal(run.metrics_path)
    steps = [line for line in lines if line["kind"] == "train"]
    train_clips, held_out = config.data.split(Manifest.read(manifest))
    assert len(steps) == len(train_clips) // 2 >= 2
    assert all(math.isfinite(line["loss"]) and line["lr"] > 0 for line in steps)
    (val,) = (line for line in lines if line["kind"] == "val")
    assert val["clips"] == len(held_out)
    opened = Run.open(run.path)
    assert opened.load_spec().labels == Manifest.read(manifest).labels
    assert opened.load_model().name == config.model.name


def test_ut_interaction_folds(indexed: Callable[[str], Path]) -> None:
    manifest = Manifest.read(indexed("ut_interaction"))
    config = get_recipe("ut_interaction_tsm_efficientnet_lite0")(indexed("ut_interaction"))
    train_clips, held_out = config.data.split(manifest)
    assert {clip.group for clip in held_out.clips} == {"set1/01"}
    assert {clip.group for clip in train_clips.clips} == {"set1/02", "set1/03"}


def test_real_miracl_words_are_split_by_speaker(shared_data: Path) -> None:
    from recircle.data.layouts import find_clips

    folder = shared_data / "miracl_words"
    manifest = Manifest(tuple(find_clips(folder)), folder)
    config = get_recipe("miracl_words_arc_tsm")(folder / "manifest.csv")
    train_clips, held_out = config.data.split(manifest)
    assert (len(train_clips), len(held_out)) == (1000, 500)
    assert not {clip.group for clip in train_clips.clips} & {clip.group for clip in held_out.clips}


def test_real_ut_interaction_leaves_a_sequence_out(shared_data: Path) -> None:
    from recircle.data.layouts import find_clips

    folder = shared_data / "ut_interaction"
    manifest = Manifest(tuple(find_clips(folder)), folder)
    config = get_recipe("ut_interaction_arc_tsm_efficientnet_lite0")(folder / "manifest.csv")
    train_clips, held_out = config.data.split(manifest)
    assert (len(train_clips), len(held_out)) == (54, 6)
    assert {clip.label for clip in held_out.clips} == set(manifest.labels)
