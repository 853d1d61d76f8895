import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from recircle.arc.config import ArcConfig
from recircle.arc.convolutions import ArcConv2d
from recircle.config import from_json, to_json
from recircle.errors import UserError
from recircle.models import ModelConfig, VideoModel, create_model, list_models, model_summary, register_model
from recircle.models import registry as registry_module
from recircle.models.registry import model_options, needed_options

NAMES = """
abm_iabp_resnet18
abm_iabp_resnet34
abm_iabp_resnet50
arc_gsm_inceptionv3
arc_msnet_resnet18
arc_msnet_resnet50
arc_r2plus1d_resnet18
arc_slowfast_resnet101
arc_slowfast_resnet50
arc_slowonly_resnet50
arc_timesformer_base
arc_tsm_efficientnet_lite0
arc_tsm_efficientnet_lite1
arc_tsm_efficientnet_lite2
arc_tsm_resnet101
arc_tsm_resnet18
arc_tsm_resnet34
arc_tsm_resnet50
arc_tsm_resnet50_8f_16f
arc_tsn_efficientnet_lite0
arc_tsn_efficientnet_lite1
arc_tsn_efficientnet_lite2
arc_tsn_resnet101
arc_tsn_resnet18
arc_tsn_resnet34
arc_tsn_resnet50
corrnet101
corrnet26
corrnet50
gsm_bninception
gsm_inceptionv3
i3d_inception
i3d_resnet50
i3d_resnet50_mmaction2
i3d_resnet50_nonlocal
i3d_resnet50_res5_stride1
msnet_resnet18
msnet_resnet50
r2plus1d_resnet18
rubiksnet_large
rubiksnet_medium
rubiksnet_small
rubiksnet_tiny
slowfast_resnet101
slowfast_resnet50
slowfast_resnet50_mmaction2
slowonly_resnet50
tea_res2net50
timesformer_base
timesformer_hr
timesformer_large
trn_bninception
tsm_efficientnet_lite0
tsm_efficientnet_lite1
tsm_efficientnet_lite2
tsm_resnet101
tsm_resnet18
tsm_resnet34
tsm_resnet50
tsm_resnet50_8f_16f
tsn_bninception
tsn_efficientnet_lite0
tsn_efficientnet_lite1
tsn_efficientnet_lite2
tsn_inceptionv3
tsn_resnet101
tsn_resnet18
tsn_resnet34
tsn_resnet50
"""


def test_names() -> None:
    assert list_models() == NAMES.split()
    assert list_models("arc_tsm_resnet*") == [f"arc_tsm_resnet{depth}" for depth in (101, 18, 34, 50, "50_8f_16f")]
    assert model_summary("tsm_resnet101") == "TSM with ResNet-101, shifted in every second block."


def test_unknown_name_lists_close_ones() -> None:
    with pytest.raises(UserError, match=r"no network is called 'tsm_resnet19'; did you mean tsm_resnet18"):
        create_model("tsm_resnet19", 2)
    with pytest.raises(UserError, match="`recircle models` lists the names"):
        model_summary("zzz")


def test_options() -> None:
    assert model_options("tsn_resnet18") == {"width", "dropout", "causal"}
    assert model_options("arc_tsn_resnet18") == {"width", "dropout", "causal", "arc", "steps", "stages", "stem"}
    with pytest.raises(UserError, match="tsn_resnet18 has no option depth, steps; it has causal, dropout, width"):
        create_model("tsn_resnet18", 2, steps=2, depth=3)


def arc_layers(model: Any) -> dict[str, ArcConv2d]:
    return {name: module for name, module in model.named_modules() if isinstance(module, ArcConv2d)}


def test_arc_options() -> None:
    both = arc_layers(create_model("arc_tsm_resnet18", 2, width=8))
    assert len(both) == 16
    assert "conv1" not in both
    assert all(layer.config.steps == 4 for layer in both.values())
    assert len(arc_layers(create_model("arc_tsm_resnet50", 2, width=8))) == 16
    two = create_model("arc_tsm_resnet18", 2, width=8, steps=2, stages=["layer3"])
    assert {name.split(".")[0] for name in arc_layers(two)} == {"layer3"}
    assert all(layer.config.steps == 2 for layer in arc_layers(two).values())
    assert "conv1" in arc_layers(create_model("arc_tsn_resnet18", 2, width=8, stem=True))
    config = ArcConfig.published(steps=2, fusion=False)
    layer = arc_layers(create_model("arc_tsn_resnet18", 2, width=8, arc=config))["layer1.0.conv1"]
    assert replace(layer.config, signed_input=False) == config


def test_residual_trunks_need_no_correction_of_the_sign() -> None:
    """Every input of an ARC layer is known to be >= 0, so nothing is computed to preserve negative values."""
    for name in ("arc_tsm_resnet18", "arc_tsn_resnet50"):
        assert not any(layer.config.signed_input for layer in arc_layers(create_model(name, 2, width=8)).values())


def test_activations_are_fed_back() -> None:
    report: Any = create_model("arc_tsm_resnet18", 2, width=8).arc_report
    fed = {entry.name: entry.feedback for entry in report.converted}
    assert fed["layer1.0.conv1"] == "convolution + BatchNorm + ReLU"
    assert fed["layer1.0.conv2"] == "convolution + BatchNorm"
    report = create_model("arc_tsm_resnet50", 2, width=8).arc_report
    assert all(entry.feedback == "convolution + BatchNorm + ReLU" for entry in report.converted)


def test_model_config_builds() -> None:
    config = ModelConfig(name="arc_tsm_resnet18", arc=ArcConfig(steps=2), width=16, dropout=0.25)
    model = config.build(3)
    assert (model.num_classes, model.num_features, model.dropout.p) == (3, 128, 0.25)
    assert arc_layers(model)["layer1.0.conv1"].config.steps == 2
    assert from_json(ModelConfig, to_json(config)) == config
    assert ModelConfig(name="tsn_resnet18", width=8).build(2).num_features == 64
    assert ModelConfig(name="abm_iabp_resnet18", width=8, options={"snippet": 1}).build(2).frame_multiple == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "tsm_resnet18", "arc": ArcConfig()}, "use arc_tsm_resnet18"),
        ({"name": "tsm_resnet18", "width": 4}, "width=4"),
        ({"name": "tsm_resnet18", "dropout": 1.0}, "dropout=1.0"),
        ({"name": "tsm_resnet"}, "did you mean"),
        ({"name": "abm_iabp_resnet18", "options": {"snipet": 1}}, "has no option snipet; it has snippet"),
        ({"name": "tsm_resnet18", "options": {"width": 8}}, "width has a field of its own; give width=8"),
    ],
)
def test_model_config_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**options)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget afterwards what a test registers."""
    monkeypatch.setattr(registry_module, "_BUILDERS", dict(registry_module._BUILDERS))


def small_network(num_classes: int, width: int = 8, *, dropout: float = 0.5) -> VideoModel:
    return create_model("tsn_resnet18", num_classes, width=width, dropout=dropout)


@pytest.mark.usefixtures("registry")
def test_an_own_function_is_a_network_like_others() -> None:
    assert register_model(small_network) is small_network
    assert "small_network" in list_models()
    assert "small_network" in model_summary("small_network")
    assert model_options("small_network") == {"width", "dropout"}
    model = create_model("small_network", 3, width=16, dropout=0.0)
    assert model.fc.out_features == 3
    assert ModelConfig(name="small_network", width=16).build(2).num_classes == 2
    with pytest.raises(UserError, match="no option depth; it has dropout, width"):
        create_model("small_network", 3, depth=18)
    with pytest.raises(UserError, match="did you mean small_network"):
        create_model("smal_network", 3)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("takes_any", [lambda n, **options: small_network(n, **options), lambda *a, **k: 0])
def test_a_function_that_takes_anything_is_given_anything(takes_any: Callable[..., VideoModel]) -> None:
    register_model(takes_any, name="anything")
    assert model_options("anything") == set()
    assert ModelConfig(name="anything", options={"depth": 3}).options == {"depth": 3}


@pytest.mark.usefixtures("registry")
def test_a_name_is_registered_once_unless_replaced() -> None:
    register_model(small_network)
    for taken in ("small_network", "tsm_resnet18"):
        with pytest.raises(UserError, match=rf"there is a network '{taken}' already, built by .*replace=True"):
            register_model(name=taken)(small_network)
    register_model(small_network, replace=True)
    register_model(lambda n: small_network(n, 16), name="small_network", replace=True)
    assert create_model("small_network", 2).num_features == 128


def no_classes() -> VideoModel: ...
def only_options(*, num_classes: int = 3) -> VideoModel: ...
def by_place(num_classes: int, depth: int, /) -> VideoModel: ...
def needs_two(num_classes: int, depth: int, *, width: int, wide: bool = False) -> VideoModel:
    return create_model("tsn_resnet18", num_classes, width=width * depth * (1 + wide))


@pytest.mark.usefixtures("registry")
def test_options_without_a_default_have_to_be_given() -> None:
    register_model(needs_two)
    assert needed_options("needs_two") == {"depth", "width"}
    assert model_options("needs_two") == {"depth", "width", "wide"}
    for build in (
        functools.partial(create_model, "needs_two", 3, width=8),
        functools.partial(ModelConfig(name="needs_two", width=8).build, 3),
    ):
        with pytest.raises(
            UserError, match=r"needs_two needs depth, .* options=\{'depth': \.\.\.\} from Python, --model"
        ):
            build()
    with pytest.raises(UserError, match=r"needs width, .* option: width=\.\.\. from Python, --model\.width"):
        create_model("needs_two", 3, depth=2)
    config = ModelConfig(name="needs_two", width=8, options={"depth": 2, "wide": True})
    assert config.build(3).num_features == 256
    assert from_json(ModelConfig, to_json(config)) == config


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (no_classes, "no_classes takes no number of classes as its first argument; a network is built by no_classes"),
        (only_options, "only_options takes no number of classes"),
        (by_place, "by_place takes 'depth' by its position alone"),
        (lambda n: None, "'<lambda>' cannot be the name of a network"),
        (functools.partial(small_network, width=8), "'' cannot be the name of a network"),
        ("tsm_resnet18", "takes the function that builds a network, not 'tsm_resnet18'"),
    ],
)
def test_what_cannot_build_a_network_is_refused_in_a_sentence(builder: Any, message: str) -> None:
    before = list_models()
    with pytest.raises(UserError, match=message):
        register_model(builder)
    assert list_models() == before


@pytest.mark.usefixtures("registry")
def test_a_function_that_builds_something_else_is_named() -> None:
    wrong: list[tuple[Any, str]] = [
        (
            lambda n: torch.nn.Linear(2, n),
            r"returned a Linear and no recircle\.VideoModel; register it with takes=.*NCHW",
        ),
        (lambda n: "tsm", r"returned a str and no network"),
        (lambda n: create_model("tsn_resnet18", n + 1, width=8), "of 4 classes, when it was to build one of 3"),
    ]
    for builder, message in wrong:
        register_model(builder, name="wrong", replace=True)
        with pytest.raises(UserError, match=f"registered as wrong, {message}|registered as wrong, returned.*{message}"):
            create_model("wrong", 3)
    with pytest.raises(UserError, match="takes='CHW' is not one of NCHW, BTCHW, BCTHW"):
        register_model(lambda n: torch.nn.Linear(2, n), name="line", takes="CHW")  # pyright: ignore


def test_a_title_tells_the_variant_of_arc() -> None:
    assert ModelConfig(name="arc_tsm_resnet18").title == "arc_tsm_resnet18"
    assert ModelConfig(name="arc_tsm_resnet18", arc=ArcConfig.temporal()).title == "arc_tsm_resnet18 (temporal, n = 2)"
    own = ModelConfig(name="arc_tsm_resnet18", arc=ArcConfig(pooling="soft"))
    assert own.title == "arc_tsm_resnet18 (ARC of its own kind, n = 4)"
