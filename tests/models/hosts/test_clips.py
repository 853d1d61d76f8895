"""Video networks of transformers as networks of this package: the same numbers, their own frames and preprocessing."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import recircle
from recircle.config import from_json, to_json
from recircle.errors import UserError
from recircle.models.hosts.clips import ClipHost
from recircle.models.registry import ModelConfig
from tests.models.hosts.saved import FRAMES, LABELS, SIDE, load_with_transformers, save_clip_network


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hosts")
    return {kind: save_clip_network(root / kind, kind) for kind in FRAMES}


def clips_for(kind: str) -> torch.Tensor:
    return torch.randn(2, FRAMES[kind], 3, SIDE, SIDE)


@pytest.mark.parametrize("kind", FRAMES)
def test_the_logits_are_those_of_transformers(kind: str, folders: dict[str, Path]) -> None:
    config = ModelConfig(name=f"hf:{folders[kind]}")
    # the same classes in another order
    order = [2, 0, 1]
    model = config.build(3, [LABELS[index] for index in order]).eval()
    clips = clips_for(kind)
    with torch.no_grad():
        wanted = load_with_transformers(folders[kind])(clips).logits
        assert torch.allclose(model(clips), wanted[:, order], atol=1e-6)
        features = model.forward_features(clips)
        assert torch.equal(model.forward_head(features, pre_logits=True), features)
    assert features.shape == (2, model.num_features)
    assert "its classifier was kept: its classes are those of the clips" in str(model.load_report)


@pytest.mark.parametrize("kind", FRAMES)
def test_other_classes_get_a_new_classifier(kind: str, folders: dict[str, Path]) -> None:
    model = ModelConfig(name=f"hf:{folders[kind]}").build(3, ["a", "b", "c"])
    assert str(model.load_report).endswith("its classifier, of other classes, was left out")
    asked = ModelConfig(name=f"hf:{folders[kind]}", options={"keep_head": True}).build(3, ["a", "b", "c"])
    assert "kept: as asked for" in str(asked.load_report)
    with pytest.raises(UserError, match=r"keep_head: the weights of .* have one of 3 classes, and the clips have 4"):
        ModelConfig(name=f"hf:{folders[kind]}", options={"keep_head": True}).build(4)


@pytest.mark.parametrize("kind", FRAMES)
def test_a_config_builds_the_network_without_its_folder(kind: str, tmp_path: Path) -> None:
    folder = save_clip_network(tmp_path / kind, kind)
    config = ModelConfig(name=f"hf:{folder}")
    trained = config.build(5)
    folder.rename(tmp_path / "elsewhere")
    again = from_json(ModelConfig, to_json(config))
    assert again == config
    empty = again.build_empty(5)
    empty.load_state_dict(trained.state_dict())
    clips = clips_for(kind)
    with torch.no_grad():
        assert torch.equal(empty.eval()(clips), trained.eval()(clips))
    with pytest.raises(UserError, match=r"there is no folder .*; give one"):
        again.build(5)


@pytest.mark.parametrize("kind", FRAMES)
def test_backbones_without_a_classifier_are_hosts_too(kind: str, tmp_path: Path) -> None:
    model = ModelConfig(name=f"hf:{save_clip_network(tmp_path, kind, backbone=True)}").build(3)
    stored = load_file(tmp_path / "model.safetensors")
    assert model.load_report is not None
    assert not model.load_report.left_out
    own = list(model.state_dict().values())
    blocks = [value for name, value in stored.items() if ".0." in name and "predictor" not in name]
    assert all(any(torch.equal(value, other) for other in own) for value in blocks)


def test_preprocessing_is_that_of_its_own_files(folders: dict[str, Path]) -> None:
    model = recircle.create_model(f"hf:{folders['videomae']}", 3)
    assert model.preprocessing == recircle.Preprocessing(
        resize=40, crop=SIDE, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3)
    )


def test_the_offset_of_vivit_is_in_the_mean(tmp_path: Path) -> None:
    folder = save_clip_network(tmp_path, "vivit")
    values = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "offset": True, "rescale_factor": 1 / 127.5}
    (folder / "preprocessor_config.json").write_text(json.dumps(values | {"size": {"shortest_edge": SIDE}}))
    frames = torch.randint(256, (2, 3, 4, 4), dtype=torch.uint8)
    wanted = ((frames / 127.5 - 1) - 0.5) / 0.5
    found = recircle.create_model(f"hf:{folder}", 3).preprocessing.normalise(frames)
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", FRAMES)
def test_wrong_frames_and_sizes_are_refused(kind: str, folders: dict[str, Path]) -> None:
    model = recircle.create_model(f"hf:{folders[kind]}", 3)
    assert isinstance(model, ClipHost)
    assert model.usual_frames == FRAMES[kind]
    with pytest.raises(UserError, match=r"a clip of 5 frames: hf:.* takes \d frames"):
        model(torch.randn(1, 5, 3, SIDE, SIDE))
    with pytest.raises(UserError, match=r"frames of 48 x 32 pixels: hf:.* takes 32 x 32"):
        model(torch.randn(1, FRAMES[kind], 3, 48, 32))


def test_vjepa2_takes_longer_clips(folders: dict[str, Path]) -> None:
    model = recircle.create_model(f"hf:{folders['vjepa2']}", 3).eval()
    assert model(torch.randn(1, 8, 3, SIDE, SIDE)).shape == (1, 3)


def test_positions_that_are_computed_allow_other_frames_and_those_that_are_learned_do_not(
    folders: dict[str, Path],
) -> None:
    other = recircle.create_model(f"hf:{folders['videomae']}", 3, frames=6, size=48).eval()
    assert other.usual_frames == 6
    assert other(torch.randn(1, 6, 3, 48, 48)).shape == (1, 3)
    with pytest.raises(UserError, match="positions that were learned are for the frames and the size of its config"):
        recircle.create_model(f"hf:{folders['vivit']}", 3, frames=6)


@pytest.mark.parametrize("kind", FRAMES)
def test_arc_leaves_the_function_as_it_was(kind: str, folders: dict[str, Path]) -> None:
    whole = kind in ("vivit", "timesformer")
    arc = recircle.ArcConfig(aggregation="ST" if whole else "S+T")
    model = recircle.create_model(f"hf:{folders[kind]}", 3, arc=arc, keep_head=True).eval()
    clips = clips_for(kind)
    with torch.no_grad():
        wanted = load_with_transformers(folders[kind])(clips).logits
        assert torch.allclose(model(clips), wanted, atol=1e-5)
    report = recircle.arc_report(model)
    assert len(report.converted) == 2
    assert all("dense" in one.name or "fc1" in one.name for one in report.converted)


@pytest.mark.parametrize("kind", ["videomae", "vjepa2"])
def test_tokens_are_pooled_over_space_and_over_time_apart(kind: str, folders: dict[str, Path]) -> None:
    """Where attention pools over time alone, each place of the layer's output depends on that place alone."""
    arc = recircle.ArcConfig(aggregation="T", fusion=False, attention_init=0.5)
    model = recircle.create_model(f"hf:{folders[kind]}", 3, arc=arc).eval()
    layer = next(module for module in model.modules() if isinstance(module, recircle.ArcLinear))
    tokens = torch.randn(1, 8, 24)  # two points in time of four places each
    changed = tokens.clone()
    changed[:, 1] += 1
    with torch.no_grad():
        differs = (layer(tokens) - layer(changed)).abs().amax((0, 2)) > 0
    assert differs.tolist() == [False, True, False, False, False, True, False, False]


@pytest.mark.parametrize("kind", ["vivit", "timesformer"])
def test_tokens_that_cannot_be_told_apart_are_pooled_together_or_refused(kind: str, folders: dict[str, Path]) -> None:
    with pytest.raises(UserError, match=r"aggregation='S\+T': .* use aggregation='ST'"):
        recircle.create_model(f"hf:{folders[kind]}", 3, arc=recircle.ArcConfig())


def test_convolutions_of_transformers_are_not_for_arc(folders: dict[str, Path]) -> None:
    with pytest.raises(UserError, match=r"where=convolutions: .* cuts the clip into patches"):
        recircle.create_model(f"hf:{folders['videomae']}", 3, arc=recircle.ArcConfig(), where="convolutions")


def test_wrong_weights_are_refused(tmp_path: Path) -> None:
    folder = save_clip_network(tmp_path, "videomae")
    state = load_file(folder / "model.safetensors")
    name = next(name for name in state if name.endswith("query.weight"))
    save_file(
        {key: value for key, value in state.items() if key != name}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(UserError, match=f"do not fit: {name} is missing"):
        recircle.create_model(f"hf:{folder}", 3)
    state[name][0, 0] = torch.nan
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="infinite or NaN"):
        recircle.create_model(f"hf:{folder}", 3)
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"the weights of hf:.* cannot be loaded"):
        recircle.create_model(f"hf:{folder}", 3)
