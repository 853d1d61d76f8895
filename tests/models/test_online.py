"""Networks frame by frame compute what they compute for whole clips, at every frame."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor, nn

from recircle import ArcConfig, UserError, convert, create_model, prepare_for_inference
from recircle.models import ModelConfig, VideoModel, list_models
from recircle.models.checkpoints import load_weights
from recircle.models.registry import model_options
from recircle.run import Run
from tests.small_run import SPEC

CAUSAL = [name for name in list_models() if "causal" in model_options(name)]
SIZE = (34, 33)


def make(name: str, **options: Any) -> VideoModel:
    """Return a small causal network whose ARC matrices and logits are not at their initial values."""
    torch.manual_seed(0)
    model = create_model(name, 5, **{"width": 8, "dropout": 0.5, "causal": True} | options).double().eval()
    with torch.no_grad():
        for key, value in [*model.named_parameters(), *model.named_buffers()]:
            if value.is_floating_point() and (key.startswith("fc.") or not value.any()):
                value.normal_(0, 0.1)
    return model


def clips(batch: int, frames: int, size: tuple[int, int] = SIZE) -> Tensor:
    return torch.randn(batch, frames, 3, *size, generator=torch.Generator().manual_seed(frames), dtype=torch.float64)


def steps(model: VideoModel, x: Tensor, state: Mapping[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the logits after each frame, [B, T, K], and the last state."""
    now = dict(model.initial_state(len(x), (x.shape[-2], x.shape[-1])) if state is None else state)
    found: list[Tensor] = []
    with torch.no_grad():
        for frame in x.unbind(1):
            logits, now = model.forward_step(frame, now)
            found.append(logits)
    return torch.stack(found, 1), now


@contextmanager
def unchanged(state: Mapping[str, Tensor]) -> Iterator[None]:
    before = {name: value.clone() for name, value in state.items()}
    yield
    assert all(torch.equal(before[name], value) for name, value in state.items())


variants = st.builds(
    ArcConfig,
    steps=st.sampled_from([1, 2, 4, 8]),
    attention=st.booleans(),
    fusion=st.booleans(),
    aggregation=st.sampled_from(["S", "T", "ST", "S+T"]),
    pooling=st.sampled_from(["max", "mean"]),
    interaction=st.sampled_from(["additive", "multiplicative"]),
    attention_module=st.sampled_from(["fc", "gru"]),
    negative_slope=st.sampled_from([0.0, 0.01, 1.0]),
    feedback=st.sampled_from(["norm_act", "operator"]),
)


@settings(max_examples=15, deadline=None)
@given(
    arc=st.one_of(st.none(), st.just(ArcConfig.paper()), st.just(ArcConfig.temporal()), variants),
    frames=st.integers(1, 5),
    batch=st.integers(1, 2),
    width=st.sampled_from([8, 16]),
    shifts=st.booleans(),
    prepared=st.booleans(),
)
def test_every_prefix_gives_the_logits_of_that_clip(
    arc: ArcConfig | None, frames: int, batch: int, width: int, shifts: bool, prepared: bool
) -> None:
    host = "tsm_resnet18" if shifts else "tsn_resnet18"
    model = make(host, width=width) if arc is None else make(f"arc_{host}", width=width, arc=arc)
    model = prepare_for_inference(model) if prepared else model
    x = clips(batch, frames)
    found, state = steps(model, x)
    with torch.no_grad():
        expected = model.forward_prefixes(x)
        whole = torch.stack([model(x[:, : frame + 1]) for frame in range(frames)], 1)
    torch.testing.assert_close(expected, whole, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(found, whole, rtol=1e-8, atol=1e-9)
    assert state["frames"].tolist() == [frames] * batch


@pytest.mark.parametrize("name", CAUSAL)
def test_every_causal_network(name: str) -> None:
    model, x = make(name), clips(1, 3)
    found, _ = steps(model, x)
    with torch.no_grad():
        torch.testing.assert_close(found, model.forward_prefixes(x), rtol=1e-8, atol=1e-9)
        torch.testing.assert_close(found[:, -1], model(x), rtol=1e-8, atol=1e-9)


def test_in_single_precision_too() -> None:
    model, x = make("arc_tsm_resnet18").float(), clips(2, 6).float()
    for network in (model, prepare_for_inference(model)):
        with torch.no_grad():
            expected = network.forward_prefixes(x)
        torch.testing.assert_close(steps(network, x)[0], expected, rtol=1e-4, atol=1e-5)


def test_the_state_is_explicit() -> None:
    model, x = make("arc_tsm_resnet18", arc=ArcConfig.temporal()).float(), clips(2, 5).float()
    start = model.initial_state(2, SIZE)
    assert {value.shape[0] for value in start.values()} == {2}
    assert {"frames", "logits", "layer1.0.shift.frame", "layer1.0.conv1.step1.maximum"} <= start.keys()
    assert set(start) == set(prepare_for_inference(model).initial_state(2, SIZE))
    expected, _ = steps(model, x)
    first, middle = steps(model, x[:, :2])
    with unchanged(middle), unchanged(start):
        rest, _ = steps(model, x[:, 2:], load(save({name: v.contiguous() for name, v in middle.items()})))
        assert torch.equal(torch.cat((first, rest), 1), expected)
        again, _ = steps(model, x[:, 2:], middle)
        assert torch.equal(again, rest)
    # each video of a batch stands for itself, wherever it is
    mixed = {name: torch.cat((middle[name][1:], start[name][:1])) for name in middle}
    found, after = steps(model, torch.stack((x[1, 2:], x[0, :3])), mixed)
    torch.testing.assert_close(found[0], expected[1, 2:], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1], expected[0, :3], rtol=1e-4, atol=1e-5)
    assert after["frames"].tolist() == [5, 3]


def test_norms_learn_nothing_from_the_first_state() -> None:
    model = make("arc_tsm_resnet18").train()
    before = copy.deepcopy(model.state_dict())
    model.initial_state(1, SIZE)
    assert model.training
    assert model.layer1.training  # pyright: ignore[reportAttributeAccessIssue]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_gradients_reach_every_parameter() -> None:
    model = make("arc_tsm_resnet18").train()
    model(clips(2, 3)).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_weights_of_an_ordinary_network_fit() -> None:
    causal = make("arc_tsm_resnet18")
    ordinary = create_model("arc_tsm_resnet18", 5, width=8).double().eval()
    ordinary.load_state_dict(causal.state_dict())
    x = clips(1, 3)
    with torch.no_grad():
        assert torch.equal(causal.forward_features(x).isfinite(), ordinary.forward_features(x).isfinite())
        assert not torch.allclose(causal(x), ordinary(x))


def test_it_is_told_where_the_weights_come_from_a_network_that_looks_ahead(tmp_path: Path) -> None:
    causal = make("tsm_resnet18").float()
    published = {
        "base_model." + name.replace(".conv1.", ".conv1.net.") if name.startswith("layer") else f"base_model.{name}": v
        for name, v in causal.state_dict().items()
        if not name.startswith("fc.")
    }
    published |= {f"new_{name}": v for name, v in causal.state_dict().items() if name.startswith("fc.")}
    torch.save({"state_dict": published}, tmp_path / "tsm.pth")
    with pytest.warns(
        UserWarning, match="tsm.pth fits, but is of a network that looks at later frames, and tsm_resnet18"
    ):
        load_weights(causal, tmp_path / "tsm.pth")
    load_weights(create_model("tsm_resnet18", 5, width=8), tmp_path / "tsm.pth")


def test_runs_say_whether_their_network_looks_ahead(tmp_path: Path) -> None:
    def save_run(name: str, causal: bool) -> Path:
        config = ModelConfig(name=name, width=8, causal=causal)
        run = Run.create(tmp_path / f"{name} {causal}")
        run.save_model(config.build(5), replace(SPEC, model=config, labels=tuple("abcde"), families={}))
        return run.weights_path

    causal, ordinary, frames = save_run("tsm_resnet18", True), save_run("tsm_resnet18", False), "tsn_resnet18"
    with pytest.warns(UserWarning, match="of a network that looks at later frames, and arc_tsm_resnet18 as it is"):
        create_model("arc_tsm_resnet18", 5, width=8, causal=True, pretrained=ordinary)
    with pytest.warns(UserWarning, match="of a network that does not look at later frames, and tsm_resnet18 .* does"):
        create_model("tsm_resnet18", 5, width=8, pretrained=causal)
    # nothing to tell
    create_model("tsm_resnet18", 5, width=8, causal=True, pretrained=causal)
    create_model("tsm_resnet18", 5, width=8, causal=True, pretrained=save_run(frames, False))
    create_model(frames, 5, width=8, causal=True, pretrained=ordinary)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("arc_slowonly_resnet50", {"causal": True}),
        ("trn_bninception", {"causal": True}),
        ("arc_msnet_resnet18", {"width": 16, "arc": ArcConfig(causal=True)}),
        ("arc_timesformer_base", {"width": 32, "depth": 1, "arc": ArcConfig(causal=True)}),
    ],
)
def test_networks_that_look_ahead_refuse(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="looks at later frames and has no causal form; TSN and TSM with"):
        create_model(name, 5, **options)


def test_configs() -> None:
    config = ModelConfig(name="arc_tsm_resnet18", arc=ArcConfig.temporal(), width=8, causal=True)
    assert config.title == "arc_tsm_resnet18 (temporal, n = 2, causal)"
    assert config.build(5).causal
    assert ModelConfig(name="tsm_resnet18", causal=True).title == "tsm_resnet18 (causal)"
    # the layers alone do not make a causal network
    assert ModelConfig(name="arc_tsm_resnet18", arc=ArcConfig.temporal(causal=True)).causal
    with pytest.raises(ValueError, match="causal=True: msnet_resnet18 looks at later frames and has no causal form"):
        ModelConfig(name="msnet_resnet18", causal=True)
    with pytest.raises(ValueError, match="running maximum"):
        create_model("arc_tsm_resnet18", 5, width=8, causal=True, arc=ArcConfig(pooling="soft"))
    assert not create_model("msnet_resnet18", 5, width=16, causal=False).causal


def test_what_is_no_step() -> None:
    ordinary = create_model("tsm_resnet18", 5, width=8)
    with pytest.raises(UserError, match="tsm_resnet18 was not created, and trained, with causal=True"):
        ordinary.initial_state()
    with pytest.raises(UserError, match="tsm_resnet18 was not created"):
        ordinary.forward_prefixes(clips(1, 2).float())
    mixed = convert(create_model("tsm_resnet18", 5, width=8, causal=True))
    with pytest.raises(UserError, match=r"layer1.0.conv1 of tsm_resnet18 looks at later frames"):
        mixed.initial_state(1, SIZE)

    model, x = make("arc_tsm_resnet18"), clips(2, 1)[:, 0]
    state = model.initial_state(2, SIZE)
    with pytest.raises(ValueError, match=r"the shape wanted is \[B, T, 3, H, W\]"):
        model.forward_step(x[:, :2], state)
    with pytest.raises(
        UserError, match=r"'frames' has the shape \[2\] and should have \[1\].*begin with .* initial_state"
    ):
        model.forward_step(x[:1], state)
    with pytest.raises(UserError, match="of other frames"):
        model.forward_step(x[..., :20], state)
    with pytest.raises(UserError, match=r"has no entry 'layer1.0.conv1.step1.maximum', so it is that of another"):
        model.forward_step(x, make("tsm_resnet18").initial_state(2, SIZE))
    with pytest.raises(UserError, match="that of another network"):
        make("tsm_resnet18").forward_step(x, state)


def test_what_is_compiled_cannot_remember() -> None:
    model = make("tsm_resnet18")
    state = model.initial_state(1, SIZE)
    torch._dynamo.reset()
    model.layer1.compile(backend="eager")  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    with torch.no_grad(), pytest.raises(UserError, match="parts of this one are compiled, which cannot remember"):
        model.forward_step(clips(1, 1)[:, 0], state)


def test_a_causal_layer_in_a_network_of_ones_own() -> None:
    config = replace(ArcConfig.temporal(), causal=True)
    net = convert(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()), config=config)
    x = torch.rand(2, 3, 8, 8)
    for layer in net.modules():
        if hasattr(layer, "frames"):
            layer.frames = 2  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        first = net(x)[0].clone()
        torch.testing.assert_close(net(torch.stack((x[0], x[1] * 3)))[0], first)
