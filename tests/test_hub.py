"""Repositories of the hub: their names, and how they come here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.hub import HubReference, is_reference, parse_reference, snapshot
from tests.hub_stand_in import TOKEN, Hub, pointed_at, serve


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve() as served, pointed_at(served.endpoint, monkeypatch, str(tmp_path / "cache")):
        yield served


@pytest.mark.parametrize(
    ("text", "repository", "revision"),
    [
        ("hf:ann/net", "ann/net", None),
        ("ann/net", "ann/net", None),
        ("hf:ann/net@v1.0", "ann/net", "v1.0"),
        (Path("hf:ann/net_2.5@refs/pr/1"), "ann/net_2.5", "refs/pr/1"),
    ],
)
def test_a_reference_names_a_repository_and_a_revision(text: str, repository: str, revision: str | None) -> None:
    reference = parse_reference(text)
    assert reference == HubReference(repository, revision)
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(
    "text", ["hf:net", "hf:a/b/c", "hf:ann/", "hf:../net", "hf:ann/net@", "hf:a--b/c", "hf:a/b@-x"]
)
def test_another_name_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="names no repository of the hub; give hf:OWNER/NAME"):
        parse_reference(text)


def test_folders_are_no_references() -> None:
    assert is_reference("hf:ann/net")
    assert is_reference(Path("hf:ann/net"))
    assert not is_reference("runs/hf")


def test_a_repository_comes_at_its_revisions(hub: Hub) -> None:
    first = hub.add("ann/net", {"model.json": b"1", "model.safetensors": b"old"})
    second = hub.add("ann/net", {"model.json": b"2", "model.safetensors": b"new"})
    newest = snapshot(HubReference("ann/net"))
    assert newest.name == second
    assert (newest / "model.safetensors").read_bytes() == b"new"
    older = snapshot(HubReference("ann/net", first))
    assert older.name == first
    assert (older / "model.json").read_bytes() == b"1"


def test_only_the_files_that_are_wanted_come(hub: Hub) -> None:
    hub.add("ann/net", {"model.json": b"1", "model.safetensors": b"old"})
    folder = snapshot(HubReference("ann/net"), ["*.json"])
    assert [file.name for file in folder.iterdir()] == ["model.json"]


def test_what_is_in_the_cache_needs_no_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub.add("ann/net", {"model.json": b"1"})
    there = snapshot(HubReference("ann/net"))
    with pointed_at("http://127.0.0.1:9", monkeypatch, str(tmp_path / "cache")):
        assert snapshot(HubReference("ann/net")) == there
        with pytest.raises(UserError, match=r"cannot be reached, and hf:ann/other is not.*--local-dir FOLDER"):
            snapshot(HubReference("ann/other"))


def test_the_client_may_be_told_to_stay_offline(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    hub.add("ann/net", {"model.json": b"1"})
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="may not be asked, since HF_HUB_OFFLINE is set"):
        snapshot(HubReference("ann/net"))


def test_what_is_refused_is_one_sentence(hub: Hub) -> None:
    with pytest.raises(UserError, match=r"there is no repository ann/none at http.*or none that you may read"):
        snapshot(HubReference("ann/none"))
    hub.add("ann/net", {"model.json": b"1"})
    with pytest.raises(UserError, match=r"ann/net at http.* has no revision v7; "):
        snapshot(HubReference("ann/net", "v7"))
    hub.repositories["ann/net"].gated = True
    with pytest.raises(UserError, match="open only to who accepts its conditions"):
        snapshot(HubReference("ann/net"))


def test_a_private_repository_comes_with_the_users_token(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("ann/net", {"model.json": b"1"})
    hub.repositories["ann/net"].private = True
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    with pytest.raises(UserError, match="there is no repository"):
        snapshot(HubReference("ann/net"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert snapshot(HubReference("ann/net")).is_dir()
