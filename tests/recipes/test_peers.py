"""The rows of other systems: the settings of their published code, written down here again, and the printed figures."""

import importlib
from pathlib import Path

import pytest

from recircle.models.registry import list_models
from recircle.recipes.registry import get_recipe
from recircle.training.config import TrainConfig
from recircle.views.sampling import Sampling

MODELS = (
    *("abm", "corrnet", "gsm", "i3d", "i3d_inception", "msnet", "rubiksnet", "slowfast", "slowonly", "tea"),
    *("timesformer", "trn", "tsn_inception"),
)

# of each row: learning rate, decay, epochs, clips of a step, gradient norm, dropout
PUBLISHED = {
    "something_v1_trn_bninception_8f": (0.001, 5e-4, 120, 64, 20.0, 0.8),
    "something_v1_gsm_inceptionv3_16f": (0.01, 5e-4, 60, 32, 20.0, 0.5),
    "something_v1_msnet_resnet50_16f": (0.01, 5e-4, 40, 48, 200.0, 0.5),
    "kinetics400_msnet_resnet50_8f": (0.01, 1e-4, 40, 48, 200.0, 0.5),
    "something_v1_tea_res2net50_16f": (0.02, 5e-4, 50, 64, 20.0, 0.5),
    "something_v1_abm_iabp_resnet18_8x3": (0.001, 5e-4, 50, 24, 20.0, 0.5),
    "something_v1_abm_iabp_resnet50_16x3": (0.001, 5e-4, 50, 24, 20.0, 0.5),
    "kinetics400_tsm_resnet50_8f": (0.02, 1e-4, 50, 128, 20.0, 0.5),
    "kinetics400_slowonly_resnet50_8f": (0.1, 1e-4, 196, 64, None, 0.5),
    "diving48_v2_timesformer_large_96f": (0.005, 1e-4, 15, 64, None, None),
}
# of each row: its accuracy in the paper, and its frames
PRINTED = {
    "something_v1_tsn_resnet50_8f": ("19.7", Sampling(frames=8)),
    "something_v1_trn_bninception_8f": ("34.4", Sampling(frames=8)),
    "something_v1_tsm_resnet50_16f": ("47.3", Sampling(frames=16)),
    "something_v1_gsm_inceptionv3_16f": ("51.7", Sampling(frames=16)),
    "something_v1_corrnet101_32f": ("50.9", Sampling(frames=32)),
    "something_v1_msnet_resnet50_16f": ("52.1", Sampling(frames=16)),
    "something_v1_i3d_resnet50_res5_stride1_32f": ("41.6", Sampling(frames=32)),
    "something_v1_tea_res2net50_16f": ("52.3", Sampling(frames=16)),
    "something_v1_rubiksnet_large_8f": ("46.4", Sampling(frames=8)),
    "something_v1_abm_iabp_resnet18_8x3": ("45.1", Sampling(frames=24, snippet=3)),
    "something_v1_abm_iabp_resnet50_16x3": ("49.8", Sampling(frames=48, snippet=3)),
    "diving48_v1_corrnet101_32f": ("38.2", Sampling(frames=32)),
    "diving48_v1_gsm_inceptionv3_16f": ("40.3", Sampling(frames=16)),
    "diving48_v2_slowfast_resnet101_64f": ("77.6", Sampling(frames=64, mode="dense", stride=2)),
    "diving48_v2_timesformer_large_96f": ("81.0", Sampling(frames=96)),
    "kinetics400_tsn_inceptionv3_25f": ("72.5", Sampling(frames=25)),
    "kinetics400_msnet_resnet50_8f": ("75.0", Sampling(frames=8, mode="dense", stride=8)),
    "kinetics400_tsm_resnet50_8f": ("74.1", Sampling(frames=8, mode="dense", stride=8)),
    "kinetics400_i3d_inception_64f": ("72.1", Sampling(frames=64, mode="dense", stride=1)),
    "kinetics400_slowonly_resnet50_8f": ("74.8", Sampling(frames=8, mode="dense", stride=8)),
    "kinetics400_tea_res2net50_8f": ("75.0", Sampling(frames=8)),
}


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    for name in MODELS:
        importlib.import_module(f"recircle.models.{name}")


def make(name: str) -> TrainConfig:
    return get_recipe(name)(Path("clips.csv"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_settings(name: str) -> None:
    config = make(name)
    rate = (config.optimiser.lr, config.optimiser.weight_decay)
    step = config.batch_size * config.accumulate
    assert (*rate, config.epochs, step, config.clip_norm, config.model.dropout) == PUBLISHED[name]
    assert config.optimiser.kind == "sgd"
    assert (config.freeze_norms == "all_but_first") == ("trn" in name)
    assert (config.data.augmentation.flip == "off") == ("abm" in name)


@pytest.mark.parametrize(
    ("name", "milestones"),
    [
        ("something_v1_trn_bninception_8f", (50, 100)),
        ("something_v1_msnet_resnet50_16f", (20, 30)),
        ("something_v1_tea_res2net50_16f", (30, 40, 45)),
        ("something_v1_abm_iabp_resnet18_8x3", (25, 40)),
        ("diving48_v2_timesformer_large_96f", (11, 14)),
    ],
)
def test_schedule(name: str, milestones: tuple[int, ...]) -> None:
    assert make(name).schedule.milestones == milestones


@pytest.mark.parametrize("name", PRINTED)
def test_figures_and_frames(name: str) -> None:
    accuracy, sampling = PRINTED[name]
    text, config = " ".join(get_recipe(name).description.split()), make(name)
    assert f"{accuracy} % top-1 in the paper" in text
    assert "Not reproduced here" in text
    assert config.data.sampling == sampling
    assert config.model.name in list_models()
    assert config.model.name in name
    assert config.output == Path("runs", name)
