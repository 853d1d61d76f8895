"""Names of networks of other libraries: what is read, and what is said where there is nothing."""

import json
from pathlib import Path

import pytest

import recircle
from recircle.errors import UserError
from recircle.models.hosts import libraries
from recircle.models.hosts.source import Host, read_host
from recircle.models.registry import ModelConfig
from tests.models.hosts.saved import save_clip_network, save_image_network


def test_where_it_comes_from_is_remembered(tmp_path: Path) -> None:
    host = read_host(f"hf:{save_clip_network(tmp_path, 'videomae')}")
    assert (host.library, host.network, host.place) == ("transformers", "videomae", str(tmp_path))
    assert "id2label" not in host.config
    shifted = Host(
        name="timm:tsm/hf_hub:timm/resnet18.a1_in1k",
        library="timm",
        network="resnet18",
        config={},
        preprocessing=recircle.Preprocessing(),
    )
    assert shifted.shifted
    assert shifted.place == "hf_hub:timm/resnet18.a1_in1k"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf:", "'hf:' names no network"),
        ("hf:nowhere", "there is no folder nowhere; give one with config.json, or OWNER/NAME"),
        ("hf:./a/b", r"there is no folder \./a/b"),
        ("timm:resnet19", "timm .* has no network 'resnet19'; did you mean resnet"),
        ("timm:resnet18.nothing", "has no network 'resnet18.nothing'"),
    ],
)
def test_a_name_of_nothing_is_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ModelConfig(name=name)


def test_the_other_library_is_named(tmp_path: Path) -> None:
    clips, images = save_clip_network(tmp_path / "a", "vivit"), save_image_network(tmp_path / "b", "resnet18")
    with pytest.raises(UserError, match=f"so name it hf:{clips}"):
        read_host(f"timm:{clips}")
    with pytest.raises(UserError, match=f"so name it timm:{images}"):
        read_host(f"hf:{images}")


def test_kinds_without_a_video_classifier_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(UserError, match=r"of the kind 'bert', of which transformers .* has no video classifier"):
        recircle.create_model(f"hf:{tmp_path}", 3)


@pytest.mark.parametrize("content", ["[]", "{", '{"model_type": 3}', "{}"])
def test_a_broken_config_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=r"config\.json"):
        read_host(f"hf:{tmp_path}")


def test_a_config_with_wrong_values_is_refused(tmp_path: Path) -> None:
    folder = save_clip_network(tmp_path, "videomae")
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | {"hidden_size": "many"}))
    with pytest.raises(UserError, match="its config cannot be used"):
        recircle.create_model(f"hf:{folder}", 3)


def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(libraries.importlib, "import_module", missing)
    with pytest.raises(UserError, match=r'this needs the package peft: pip install "recircle\[hf\]"'):
        libraries.import_peft.__wrapped__()
