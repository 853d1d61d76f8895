"""Each recipe trains for a few steps on a tiny folder that is laid out like its data set."""

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.layouts.index import index_folder
from recircle.manifest.manifest import Manifest
from recircle.recipes.registry import check_version, get_recipe, list_recipes
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.training.loop import train
from recircle.training.metrics_log import read_metrics_log
from recircle.views.preprocessing import Preprocessing
from tests.models.small import small_form
from tests.recipes.layouts import LAYOUTS, data_set_of


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from a data set to the manifest of its tiny version, which is written once."""
    known: dict[str, Path] = {}

    def index(name: str) -> Path:
        if name not in known:
            root = tmp_path_factory.mktemp(name)
            known[name] = root / "manifest.csv"
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "[^\n]* is not a complete copy")
                manifest = index_folder(LAYOUTS[name](root), output=known[name], workers=0)
            assert {clip.status for clip in manifest.clips} == {"ok"}
        return known[name]

    return index


def shrunk(config: TrainConfig, output: Path) -> TrainConfig:
    """Return a config whose steps take no time; what makes the recipe what it is stays."""
    form = small_form(config.model.name)
    own_size = config.model.name not in ("tsm_resnet18", "arc_tsm_resnet18", "tsn_resnet18")
    crop = form.size if own_size and form.size > 33 else 32
    sampling = config.data.sampling
    frames = min(sampling.frames, max(4, form.frames[-1]) * sampling.snippet)
    plain = config.data.preprocessing or Preprocessing()
    return replace(
        config,
        model=replace(config.model, width=form.options["width"], pretrained=None),
        data=replace(
            config.data,
            sampling=replace(sampling, frames=frames - frames % sampling.snippet),
            preprocessing=replace(plain, resize=crop + 4, crop=crop),
            workers=0,
        ),
        schedule=replace(config.schedule, warmup=min(0.5, config.schedule.warmup), milestones=()),
        output=output,
        epochs=1,
        batch_size=2,
        accumulate=1,
    )


@pytest.mark.parametrize("name", list_recipes())
def test_a_few_steps(name: str, indexed: Callable[[str], Path], tmp_path: Path) -> None:
    manifest = indexed(data_set_of(name))
    config = shrunk(get_recipe(name)(manifest), tmp_path / name)
    run = train(config, progress=False)

    lines = read_metrics_log(run.metrics_path)
    steps = [line for line in lines if line["kind"] == "train"]
    train_clips, held_out = config.data.split(Manifest.read(manifest))
    assert len(steps) == len(train_clips) // 2 >= 2
    assert all(math.isfinite(line["loss"]) and line["lr"] > 0 for line in steps)
    (val,) = (line for line in lines if line["kind"] == "val")
    assert val["clips"] == len(held_out)
    datasets = {clip.dataset for clip in Manifest.read(manifest).clips}
    check_version(get_recipe(name), config)
    assert all(f"--layout {dataset}" in get_recipe(name).description for dataset in datasets - {""})
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
    from recircle.layouts import find_clips

    folder = shared_data / "miracl_words"
    manifest = Manifest(tuple(find_clips(folder)), folder)
    config = get_recipe("miracl_words_arc_tsm")(folder / "manifest.csv")
    train_clips, held_out = config.data.split(manifest)
    assert (len(train_clips), len(held_out)) == (1000, 500)
    assert not {clip.group for clip in train_clips.clips} & {clip.group for clip in held_out.clips}


def test_real_ut_interaction_leaves_a_sequence_out(shared_data: Path) -> None:
    from recircle.layouts import find_clips

    folder = shared_data / "ut_interaction"
    manifest = Manifest(tuple(find_clips(folder)), folder)
    config = get_recipe("ut_interaction_arc_tsm_efficientnet_lite0")(folder / "manifest.csv")
    train_clips, held_out = config.data.split(manifest)
    assert (len(train_clips), len(held_out)) == (54, 6)
    assert {clip.label for clip in held_out.clips} == set(manifest.labels)


def test_a_version_refuses_the_clips_of_the_other(indexed: Callable[[str], Path], tmp_path: Path) -> None:
    first = get_recipe("diving48_v1_arc_tsm_resnet18_16f")
    with pytest.raises(UserError, match=r"is of diving48_v2, and diving48_v1_arc_tsm_resnet18_16f is of diving48_v1"):
        check_version(first, first(indexed("diving48_v2")))
    check_version(first, first(indexed("diving48_v1")))
    check_version(first, first(indexed("jester")))
    (tmp_path / "own.csv").write_text("path,frames,label\na.mp4,3,x\n")
    check_version(first, first(tmp_path / "own.csv"))
