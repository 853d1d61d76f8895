"""Networks of other libraries from the hub: the real clients, and a stand-in on 127.0.0.1."""

from pathlib import Path

import pytest
import torch

from recircle.errors import UserError
from recircle.models.registry import ModelConfig
from tests.hub_stand_in import pointed_at, serve
from tests.models.hosts.saved import SIDE, load_with_transformers, save_clip_network


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_network_is_fetched_at_the_revision_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = save_clip_network(tmp_path / "first", "videomae")
    with serve() as hub, pointed_at(hub.endpoint, monkeypatch, str(tmp_path / "cache")):
        commit = hub.add("someone/network", files(first))
        hub.add("someone/network", files(save_clip_network(tmp_path / "second", "vivit")))
        config = ModelConfig(name=f"hf:someone/network@{commit}")
        assert config.host is not None
        assert config.host.revision == commit
        assert config.host.network == "videomae"
        latest = ModelConfig(name="hf:someone/network").host
        assert latest is not None
        assert latest.network == "vivit"
        model = config.build(3, ("lift", "push left", "push right")).eval()
        with pytest.raises(UserError, match="cannot be had from the hub"):
            ModelConfig(name="hf:someone/other")
    clips = torch.randn(1, 4, 3, SIDE, SIDE)
    with torch.no_grad():
        assert torch.allclose(model(clips), load_with_transformers(first)(clips).logits, atol=1e-6)
