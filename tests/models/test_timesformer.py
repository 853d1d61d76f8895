import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.export import Dim

from recircle.arc import ArcConfig, ArcLayer
from recircle.errors import UserError
from recircle.models import create_model, load_weights, measure_cost
from recircle.models.timesformer import TimeSformer
from recircle.surgery import arc_report, convert, prepare_for_inference
from tests.torchvision_oracle import import_torchvision

K, WIDTH, DEPTH, FRAMES, SIZE = 5, 16, 2, 4, 32


def small(name: str = "timesformer_base", **options: Any) -> TimeSformer:
    """Return a small network in evaluation mode with no parameter at zero."""
    options = {"width": WIDTH, "depth": DEPTH, "frames": FRAMES, "size": SIZE, **options}
    model = create_model(name, K, **options)
    assert isinstance(model, TimeSformer)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return model.eval()


def clips(frames: int = FRAMES, height: int = SIZE, width: int = SIZE, batch: int = 2) -> Tensor:
    return torch.randn(batch, frames, 3, height, width)


def saved(state: dict[str, Tensor], folder: Path, container: str | None = "model_state") -> Path:
    path = folder / "checkpoint.pyth"
    torch.save({container: state} if container else state, path)
    return path


@pytest.mark.parametrize(
    ("name", "frames", "size", "classes", "params", "gmacs"),
    [
        ("timesformer_base", 8, 224, 48, 121.3, 195.8),
        ("timesformer_large", 96, 224, 48, 121.36, 2380),
        ("timesformer_hr", 16, 448, 400, 122.02, 1703),
    ],
)
def test_published_costs_and_embeddings(
    name: str, frames: int, size: int, classes: int, params: float, gmacs: float
) -> None:
    """The paper says 0.59, 7.14 and 5.11 TFLOPs for three crops."""
    with torch.device("meta"):
        model = create_model(name, classes).eval()
    assert model.get_parameter("time_embed").shape == (1, frames, 768)
    assert model.get_parameter("pos_embed").shape == (1, 1 + (size // 16) ** 2, 768)
    cost = measure_cost(model, frames, size)
    assert cost.params / 1e6 == pytest.approx(params, abs=0.005)
    assert cost.gmacs == pytest.approx(gmacs, rel=2e-4)


def test_preprocessing_is_the_published_one() -> None:
    base, hr = (
        create_model("timesformer_base", K, width=8, depth=1),
        create_model("timesformer_hr", K, width=8, depth=1),
    )
    for model, resize, crop in ((base, 256, 224), (hr, 448, 448)):
        assert (model.preprocessing.resize, model.preprocessing.crop) == (resize, crop)
        assert (model.preprocessing.mean, model.preprocessing.std) == ((0.45,) * 3, (0.225,) * 3)
        assert (model.preprocessing.channels, model.preprocessing.scale) == ("rgb", 1 / 255)


def test_initial_values() -> None:
    model = create_model("timesformer_base", K, width=64, depth=3)
    assert isinstance(model, TimeSformer)
    state = model.state_dict()
    zero = {key for key, value in state.items() if not value.any()}
    assert zero == {key for key in state if key.endswith("bias") and "patch_embed" not in key} | {
        "time_embed",
        *(f"blocks.{i}.temporal_fc.weight" for i in range(3)),
    }
    for key in ("pos_embed", "blocks.2.mlp.fc2.weight", "blocks.0.temporal_attn.qkv.weight", "fc.weight"):
        assert state[key].std().item() == pytest.approx(0.02, rel=0.15), key
    rates = [module.rate for name, module in model.named_modules() if name.endswith(".drop_path")]
    assert rates == pytest.approx([0, 0.05, 0.1])
    assert model.dropout.p == 0


def test_tokens_are_ordered_frame_by_frame_and_the_first_classifies() -> None:
    model = small()
    x = clips(3, 32, 48)
    with torch.no_grad():
        tokens = model.forward_features(x)
        assert tokens.shape == (2, 1 + 3 * 6, WIDTH)
        assert torch.equal(model.forward_head(tokens, pre_logits=True), tokens[:, 0])
        assert torch.equal(model.fc(tokens[:, 0]), model(x))
        # without blocks each token depends on its own patch only
        model.blocks = torch.nn.ModuleList()
        before = model.forward_features(x)
        x[:, 1, :, 16:, :16] += 1
        changed = (model.forward_features(x) - before).abs().amax((0, 2))
    assert changed.nonzero().flatten().tolist() == [1 + 6 + 3]


def test_embeddings_of_other_clips_are_nearest() -> None:
    """A clip of each frame twice and each patch at four times the area finds each embedding twice or four times."""
    model = small()
    with torch.no_grad():
        model.patch_embed.proj.weight.zero_()
        model.blocks = torch.nn.ModuleList()
        own = model.forward_features(clips())[:, 1:].unflatten(1, (FRAMES, 2, 2))
        other = model.forward_features(clips(2 * FRAMES, 64, 64))[:, 1:].unflatten(1, (2 * FRAMES, 4, 4))
        one = model.forward_features(clips(1))[:, 1:].unflatten(1, (1, 2, 2))
    expected = own.repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(other, expected)
    torch.testing.assert_close(one, own[:, :1])


def vit(classes: int = K) -> torch.nn.Module:
    import_torchvision()
    from timm.models.vision_transformer import VisionTransformer

    net = VisionTransformer(
        img_size=SIZE, patch_size=16, num_classes=classes, embed_dim=WIDTH, depth=DEPTH, num_heads=1
    )
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return net.eval()


def test_an_image_network_on_static_clips(tmp_path: Path) -> None:
    """With what it adds at its initial values the network is timm's on an image, whatever the number of frames."""
    image_network = vit()
    model = create_model("timesformer_base", K, width=WIDTH, depth=DEPTH, frames=FRAMES, size=SIZE)
    report = load_weights(model, saved(image_network.state_dict(), tmp_path, None))
    assert set(report.kept) == {"time_embed"} | {
        f"blocks.{i}.temporal_fc.{part}" for i in range(DEPTH) for part in ("weight", "bias")
    }
    state = model.state_dict()
    assert torch.equal(state["blocks.1.temporal_attn.qkv.weight"], state["blocks.1.attn.qkv.weight"])
    assert torch.equal(state["blocks.1.temporal_norm1.bias"], state["blocks.1.norm1.bias"])
    image = clips(1)
    with torch.no_grad():
        expected = image_network(image[:, 0])
        assert expected.std() > 0.01
        torch.testing.assert_close(model.eval()(image), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(image.repeat(1, 3, 1, 1, 1)), expected, rtol=1e-4, atol=1e-5)


def test_imagenet_classifiers_are_left_out(tmp_path: Path) -> None:
    model = create_model("timesformer_base", K, width=WIDTH, depth=DEPTH, frames=FRAMES, size=SIZE)
    assert load_weights(model, saved(vit(1000).state_dict(), tmp_path)).left_out == ("fc.weight", "fc.bias")
    state = vit(21).state_dict()
    state |= {"pre_logits.fc.weight": torch.zeros(WIDTH, WIDTH), "pre_logits.fc.bias": torch.zeros(WIDTH)}
    path = saved(state, tmp_path)
    with pytest.raises(UserError, match=r"a classifier of 21 classes, .*new_classifier=True"):
        load_weights(model, path)
    assert load_weights(model, path, new_classifier=True).left_out == ("fc.weight", "fc.bias")


def authors(key: str) -> str:
    return "model." + re.sub("^fc", "head", key)


def mmaction(key: str) -> str:
    for ours, theirs in {
        r"^fc": "cls_head.fc_cls",
        r"^(?!cls_head)": "backbone.",
        r"patch_embed\.proj": "patch_embed.projection",
        r"\.blocks\.": ".transformer_layers.layers.",
        r"temporal_norm1": "attentions.0.norm",
        r"temporal_fc": "attentions.0.temporal_fc",
        r"temporal_attn": "attentions.0.attn",
        r"(?<=layers\.\d\.)attn": "attentions.1.attn",
        r"norm1": "attentions.1.norm",
        r"norm2": "ffns.0.norm",
        r"mlp\.fc1": "ffns.0.layers.0.0",
        r"mlp\.fc2": "ffns.0.layers.1",
        r"qkv\.": "in_proj_",
        r"attn\.proj": "attn.out_proj",
    }.items():
        key = re.sub(ours, theirs, key)
    return key


def transformers(key: str) -> str:
    for ours, theirs in {
        r"^fc": "classifier",
        r"^(?!classifier)": "timesformer.",
        r"cls_token": "embeddings.cls_token",
        r"pos_embed": "embeddings.position_embeddings",
        r"time_embed": "embeddings.time_embeddings",
        r"patch_embed\.proj": "embeddings.patch_embeddings.projection",
        r"blocks": "encoder.layer",
        r"temporal_norm1": "temporal_layernorm",
        r"temporal_fc": "temporal_dense",
        r"temporal_attn": "temporal_attention",
        r"(?<=\d\.)attn": "attention",
        r"attention\.qkv": "attention.attention.qkv",
        r"attention\.proj": "attention.output.dense",
        r"norm1": "layernorm_before",
        r"norm2": "layernorm_after",
        r"mlp\.fc1": "intermediate.dense",
        r"mlp\.fc2": "output.dense",
        r"timesformer\.norm": "timesformer.layernorm",
    }.items():
        key = re.sub(ours, theirs, key)
    return key


EXAMPLES = {
    authors: "model.blocks.1.temporal_attn.qkv.weight",
    mmaction: "backbone.transformer_layers.layers.1.attentions.0.attn.in_proj_weight",
    transformers: "timesformer.encoder.layer.1.temporal_attention.attention.qkv.weight",
}


@pytest.mark.parametrize("naming", EXAMPLES)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_published_checkpoints(naming: Any, prefix: str, tmp_path: Path) -> None:
    trained = small().state_dict()
    theirs = {prefix + naming(key): value for key, value in trained.items()}
    assert prefix + EXAMPLES[naming] in theirs
    assert len({key for key in theirs if key.removeprefix(prefix) in trained}) == 0
    model = small()
    report = load_weights(model, saved(theirs, tmp_path))
    assert (report.loaded, report.left_out, report.kept) == (len(trained), (), ())
    assert all(torch.equal(value, trained[key]) for key, value in model.state_dict().items())


def test_own_file_and_its_embeddings_in_another_size(tmp_path: Path) -> None:
    """Embeddings resized when they are loaded are those resized when they are used."""
    trained = small()
    save_file(trained.state_dict(), tmp_path / "model.safetensors")
    other = small("timesformer_large", frames=6, size=64)
    assert load_weights(other, tmp_path / "model.safetensors").loaded == len(trained.state_dict())
    assert other.get_parameter("pos_embed").shape == (1, 17, WIDTH)
    x = clips(6, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(other(x), trained(x))


def test_checkpoints_of_other_networks(tmp_path: Path) -> None:
    state = small().state_dict()
    with pytest.raises(UserError, match=r"missing: blocks\.2\.temporal_norm1\.weight"):
        load_weights(small(depth=3), saved(state, tmp_path))
    with pytest.raises(UserError, match=r"left over: blocks\.1\.temporal_norm1\.weight"):
        load_weights(small(depth=1), saved(state, tmp_path))
    with pytest.raises(UserError, match=r"of another shape: cls_token \[1, 1, 16\] instead of \[1, 1, 24\]"):
        load_weights(small(width=24), saved(state, tmp_path))
    joint = {key: value for key, value in state.items() if ".temporal_" not in key}
    space_only = {f"model.{key}": value for key, value in joint.items() if key != "time_embed"}
    for other in (joint, space_only):
        with pytest.raises(UserError, match="no attention over time, which timesformer_base has"):
            load_weights(small(), saved(other, tmp_path))
    with pytest.raises(UserError, match=r"left over: .*dist_token"):
        load_weights(small(), saved(vit().state_dict() | {"dist_token": torch.zeros(1, 1, WIDTH)}, tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 40}, "size=40: frames consist of patches"),
        ({"size": 0}, "size=0: frames consist of patches"),
        ({"frames": 0}, "frames=0"),
        ({"depth": 0}, "depth=0"),
        ({"width": 4}, "width=4 is too narrow"),
        ({"width": 200}, "3 heads do not divide 200 channels"),
        ({"drop_path": 1.0}, r"drop_path=1\.0"),
        ({"dropout": 1.0}, r"dropout=1\.0"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**{"width": 8, "depth": 1, **options})


def test_frames_of_parts_of_patches_are_refused() -> None:
    with pytest.raises(ValueError, match=r"frames of 32 x 40 pixels: .* multiples of 16"):
        small()(clips(2, 32, 40))


def test_stochastic_depth_in_training_only() -> None:
    model = small(drop_path=0.5)
    x = clips()
    with torch.no_grad():
        assert torch.equal(model(x), model(x))
        model.train()
        assert not torch.equal(model(x), model(x))


@pytest.mark.parametrize("where", ["blocks.*.mlp.fc1", "blocks.*.temporal_fc"])
def test_arc_in_the_blocks(where: str) -> None:
    model = small().double()
    x = clips(3).double()
    expected = model(x).detach()
    arc = convert(model, where=where, config=ArcConfig(aggregation="ST")).train()
    fed = "linear + GELU" if where.endswith("fc1") else "linear"
    assert [c.feedback for c in arc_report(arc).converted] == [fed] * DEPTH
    arc.eval()
    torch.testing.assert_close(arc(x), expected)
    torch.testing.assert_close(prepare_for_inference(arc)(x), expected)
    layers = [layer for layer in arc.modules() if isinstance(layer, ArcLayer)]
    assert all(layer.config.signed_input for layer in layers)
    with torch.no_grad():
        for matrix in (m for layer in layers for m in (layer.embedding, layer.attention, layer.fusion)):
            assert matrix is not None
            matrix.normal_(0, 0.1)
    assert (arc(x) - expected).abs().max() > 1e-4
    torch.testing.assert_close(arc(x)[1:], arc(x[1:]))
    assert arc(x[:, :1]).shape == (2, K)
    arc.train()(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in arc.parameters())


def test_export_at_any_number_of_frames() -> None:
    model = small()
    dims = {"clips": {0: Dim("B", min=1), 1: Dim("T", min=1)}}
    captured: Any = torch.export.export(model, (clips(3),), dynamic_shapes=dims, strict=False).module()
    with torch.no_grad():
        for batch, frames in ((1, 1), (2, 1), (1, 2), (3, 6)):
            x = clips(frames, batch=batch)
            torch.testing.assert_close(captured(x), model(x))


def test_compiles_whole() -> None:
    model = small(depth=1)
    x = clips(3)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), model(x))


def test_autocast_keeps_close() -> None:
    model = small()
    x = clips()
    with torch.no_grad():
        expected = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(x)
    assert logits.dtype == torch.bfloat16
    torch.testing.assert_close(logits.float(), expected, rtol=0.1, atol=0.1)
