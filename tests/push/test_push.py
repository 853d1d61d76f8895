"""A run is pushed to a hub on 127.0.0.1, and used from there."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file, save

from recircle import Recognizer, create_model, evaluate
from recircle.checksums import SUMS, sha256_of
from recircle.cli.main import main
from recircle.ensemble import make_ensemble
from recircle.errors import UserError
from recircle.evaluation.calibration import Calibration
from recircle.hub import HubReference
from recircle.models import measure_cost
from recircle.push import push_run, write_folder
from recircle.push.private import is_place
from recircle.run import Run
from tests.hub_stand_in import READ_ONLY, Hub, pointed_at, serve
from tests.small_run import SPEC, write_clips, write_run

# the client of the hub spells an argument of its HTTP client the old way
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
ANN = HubReference("ann/net")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve() as served, pointed_at(served.endpoint, monkeypatch, str(tmp_path / "home" / "hub")):
        yield served


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a manifest."""
    folder = tmp_path_factory.mktemp("clips")
    write_clips(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return write_run(tmp_path / "runs" / "mine")


@pytest.fixture
def evaluated(run: Run, clips: Path) -> Run:
    for order in (None, "shuffled"):
        evaluate(run, clips, order=order, name="all", split="all", workers=0)
    return run


def metadata(card: str) -> dict[str, object]:
    return yaml.safe_load(card.split("---\n")[1])


def test_the_card_says_what_was_measured(evaluated: Run, tmp_path: Path) -> None:
    made = write_folder(evaluated, tmp_path / "out", ANN, licence="mit")
    assert made.missing == ()
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    found = evaluate(evaluated, clips_of(evaluated), name="all", split="all", workers=0)
    top1 = found.metrics.top1
    interval = f"{100 * top1.low:.1f} to {100 * top1.high:.1f}"
    protocol = "4 frames by time x 1 clip x 1 crop of 32 px from 36 px, softmax mean"
    assert f"| top-1 | {100 * top1.value:.1f} | {interval} | 33.3 | {protocol} |" in card
    assert "On clips of its own, all clips: 6 clips." in card
    assert "Clips left out, since they cannot be decoded: 0." in card
    assert re.search(r"in random order, top-1 is [\d.]+ % \[.*frames shuffled \(seed 0\)\)", card)
    assert "### Families" in card
    cost = measure_cost(evaluated.load_model(), 4, 32)
    assert f"| parameters | {cost.params / 1e6:.2f} M |" in card
    assert f"| GMACs x views | {cost.gmacs:.3g} x 1 |" in card
    assert 'recognizer = recircle.Recognizer.load("hf:ann/net")' in card
    assert f"`{sha256_of(evaluated.weights_path)}`" in card
    told = metadata(card)
    assert told["license"] == "mit"
    assert told["library_name"] == "recircle"
    assert told["pipeline_tag"] == "video-classification"
    assert protocol in json.dumps(told["model-index"])


def clips_of(run: Run) -> Path:
    from recircle.evaluation.predictions import Predictions

    source = Predictions.load(run.predictions_path / "all.npz").provenance.clips
    assert source is not None
    return Path(source.manifest)


def test_what_is_missing_is_told_with_its_command(run: Run, tmp_path: Path) -> None:
    made = write_folder(run, tmp_path / "out", ANN)
    assert made.files == ("README.md", "model.safetensors", "model.json", "SHA256SUMS")
    assert made.missing == (
        f"figures: `recircle eval {run.path}`",
        f"accuracy with shuffled frames: `recircle eval {run.path} --order shuffled`",
        "a licence: --licence, such as mit or cc-by-4.0",
    )
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "## Evaluation\n\nNot measured.\n" in card
    assert card.endswith("## Licence\n\nnot stated\n")
    assert "license" not in metadata(card)
    assert "model-index" not in metadata(card)


def test_nothing_written_names_a_place_here(evaluated: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # as after a training from a file in the user's home
    monkeypatch.setenv("HOME", str(tmp_path))
    secret = tmp_path / "secret.pth"
    spec = replace(SPEC, model=replace(SPEC.model, pretrained=str(secret)))
    evaluated.save_model(spec.model.__class__(name="tsm_resnet18", width=8).build(3), spec)
    write_folder(evaluated, tmp_path / "out", ANN)
    for file in (tmp_path / "out").iterdir():
        content = file.read_bytes()
        assert str(tmp_path).encode() not in content, file
        assert b"secret" not in content, file
    assert "a file of weights of its author" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    named = replace(SPEC, families={"lift": str(tmp_path / "lifts")})
    evaluated.save_model(SPEC.model.build(3), named)
    with pytest.raises(UserError, match="stands in what would be pushed; take it out of the names"):
        write_folder(evaluated, tmp_path / "out", ANN)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/home/ann/net", True),
        ("~/net", True),
        ("C:\\nets\\one", True),
        ("../net", True),
        ("hf:/home/ann/net", True),
        ("hf:net", True),
        ("hf:ann/net", False),
        ("hf:ann/net@v1", False),
        ("timm:resnet18.a1_in1k", False),
        ("tsm_resnet18", False),
        ("relu", False),
    ],
)
def test_places_are_told_from_names(text: str, place: bool) -> None:
    assert is_place(text) is place


def test_a_folder_with_other_things_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match=r"holds other things, such as thesis\.tex"):
        write_folder(run, tmp_path / "out", ANN)
    write_folder(run, tmp_path / "new", ANN)
    write_folder(run, tmp_path / "new", ANN)


def test_two_revisions_are_two_networks(run: Run, hub: Hub, clips: Path) -> None:
    first = push_run(run, ANN, tag="v1")
    state = load_file(run.weights_path)
    run.weights_path.write_bytes(save({**state, "fc.weight": -state["fc.weight"]}))
    second = push_run(run, ANN)
    assert second.commit != first.commit
    opened = {name: Run.open(f"hf:ann/net{name}") for name in ("", "@v1", f"@{first.commit}", f"@{second.commit}")}
    assert opened["@v1"].path == opened[f"@{first.commit}"].path
    assert opened[""].path == opened[f"@{second.commit}"].path
    assert opened[""].path.name == f"net@{second.commit[:8]}"
    own = sha256_of(run.weights_path)
    assert sha256_of(opened[""].weights_path) == own != sha256_of(opened["@v1"].weights_path)
    clip = clips / "lift" / "val"
    with (
        Recognizer.load("hf:ann/net@v1") as old,
        Recognizer.load("hf:ann/net") as new,
        Recognizer.load(run.path) as own,
    ):
        assert new(clip).top(3) == own(clip).top(3)
        assert old(clip).top(3) != new(clip).top(3)


def test_a_temperature_goes_with_the_run_and_away_with_it(evaluated: Run, hub: Hub, clips: Path) -> None:
    evaluate(evaluated, clips, split="all", calibrate=True, workers=0)
    made = push_run(evaluated, ANN)
    assert "calibration.json" in made.files
    there = Run.open("hf:ann/net")
    pushed, local = Calibration.load(there.calibration_path), Calibration.load(evaluated.calibration_path)
    assert pushed.temperature == local.temperature
    assert str(clips) in local.data
    assert pushed.data == "manifest.csv, all clips"
    assert str(clips) not in there.calibration_path.read_text(encoding="utf-8")
    # what is fitted to it here stays, and changes nothing of the cache
    replace(Calibration.load(there.calibration_path), temperature=2.5).save(there.calibration_path)
    assert Calibration.load(Run.open("hf:ann/net").calibration_path).temperature == 2.5
    evaluated.calibration_path.unlink()
    push_run(evaluated, ANN)
    assert "calibration.json" not in (hub.repositories["ann/net"].files("main") or {})


def test_a_damaged_file_is_refused_by_its_checksum(run: Run, hub: Hub) -> None:
    push_run(run, ANN)
    folder = Run.open("hf:ann/net").path
    blob = (folder / "model.safetensors").resolve()
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"model\.safetensors is damaged: its SHA-256 is not the one in SHA256SUMS"):
        Recognizer.load("hf:ann/net")
    with pytest.raises(UserError, match="is damaged"):
        create_model("tsm_resnet18", 3, width=8, pretrained="hf:ann/net")


def test_a_folder_that_was_fetched_by_hand_is_checked_too(run: Run, tmp_path: Path) -> None:
    write_folder(run, tmp_path / "out", ANN)
    assert Run.open(tmp_path / "out").load_model().num_classes == 3
    with (tmp_path / "out" / "model.json").open("a", encoding="utf-8") as file:
        file.write(" ")
    with pytest.raises(UserError, match=r"model\.json is damaged: .* delete .*SHA256SUMS"):
        Run.open(tmp_path / "out")
    (tmp_path / "out" / SUMS).write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(UserError, match="is no SHA-256 and the name of a file"):
        Run.open(tmp_path / "out")


def test_offline_a_run_comes_from_the_cache(
    run: Run, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_run(run, ANN)
    there = Run.open("hf:ann/net")
    with pointed_at("http://127.0.0.1:9", monkeypatch, str(tmp_path / "home" / "hub")):
        assert Run.open("hf:ann/net") == there
        with pytest.raises(UserError, match="cannot be reached"):
            Run.open("hf:ann/other")
        with pytest.raises(UserError, match=r"the way to ann/net at .* broke off"):
            push_run(run, ANN)


def test_what_is_no_run_is_told(hub: Hub) -> None:
    hub.add("ann/host", {"config.json": b'{"model_type": "videomae"}', "model.safetensors": b"x" * 10_000})
    with pytest.raises(UserError, match=r"holds no run of recircle: .* trains as a host by --model.name hf:ann/host"):
        Run.open("hf:ann/host")
    assert not any("model.safetensors" in asked for asked in hub.asked)
    hub.add("ann/other", {"README.md": b"?"})
    with pytest.raises(UserError, match="give a repository that `recircle push` wrote"):
        Run.open("hf:ann/other")
    hub.add("ann/part", {"model.json": b"{}"})
    with pytest.raises(UserError, match=r"holds no weights: it has no model\.safetensors"):
        Run.open("hf:ann/part")


def test_who_may_not_write_is_told(run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", READ_ONLY)
    with pytest.raises(UserError, match=r"answers 403 \(you have no right to write here\); log in by `hf auth login`"):
        push_run(run, ANN)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"answers 401 .*set HF_TOKEN"):
        push_run(run, ANN)
    assert not hub.repositories


def test_training_starts_from_a_run_of_the_hub(run: Run, hub: Hub) -> None:
    push_run(run, ANN)
    model = create_model("tsm_resnet18", 7, width=8, pretrained="hf:ann/net")
    assert model.load_report is not None
    assert model.load_report.left_out == ("fc.weight", "fc.bias")
    wanted = load_file(run.weights_path)["layer3.0.conv1.weight"]
    assert model.get_parameter("layer3.0.conv1.weight").equal(wanted)


def test_a_private_repository_is_made_private(run: Run, hub: Hub) -> None:
    push_run(run, ANN, private=True)
    assert hub.repositories["ann/net"].private
    assert Run.open("hf:ann/net").load_spec().labels == SPEC.labels


def test_commands_take_a_run_of_the_hub(
    run: Run, hub: Hub, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(run.path), "ann/net", "--licence", "mit", "--tag", "v1"]) == 0
    printed = capsys.readouterr().out
    assert f"not in the card, figures: `recircle eval {run.path}`" in printed
    assert printed.endswith("use: recircle predict hf:ann/net@v1 CLIPS\n")
    monkeypatch.chdir(tmp_path)
    clip = str(clips / "lift" / "val")
    assert main(["predict", "hf:ann/net@v1", clip]) == 0
    data = ["--data", str(clips), "--split", "all", "--workers", "0"]
    assert main(["eval", "hf:ann/net@v1", *data]) == 0
    assert main(["eval", str(run.path), *data, "--against", "hf:ann/net@v1"]) == 0
    assert main(["report", "hf:ann/net", "--no-clips", "--resamples", "10"]) == 0
    capsys.readouterr()
    assert main(["train", "--resume", "hf:ann/net"]) == 2
    assert "start from its weights by --model.pretrained hf:ann/net" in capsys.readouterr().err
    assert main(["push", str(run.path), "ann/net@v2"]) == 2
    assert "name it by --tag v2" in capsys.readouterr().err
    assert main(["push", str(run.path), "net"]) == 2
    assert main(["push", str(run.path), "ann/net", "--dry-run", "out"]) == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "README.md",
        SUMS,
        "model.json",
        "model.safetensors",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("explain", "hf:ann/net", "{clips}/lift/val", "--output", "drawn"),
        ("fewshot", "hf:ann/net", "--data", "{clips}", "--ways", "2", "--episodes", "2", "--workers", "0"),
        ("export", "hf:ann/net", "--output", "net.onnx"),
    ],
    ids=lambda command: command[0],
)
def test_other_commands_take_it_too(
    command: tuple[str, ...], run: Run, hub: Hub, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_run(run, ANN)
    monkeypatch.chdir(tmp_path)
    assert main([word.format(clips=clips) for word in command]) == 0


def test_members_of_an_ensemble_may_come_from_the_hub(hub: Hub, tmp_path: Path) -> None:
    for name, frames in (("eight", 2), ("sixteen", 4)):
        spec = replace(SPEC, sampling=replace(SPEC.sampling, frames=frames))
        push_run(write_run(tmp_path / name, spec), HubReference(f"ann/{name}"))
    with pytest.raises(UserError, match="8"):
        # of networks that have no ensemble, which is said after they are read
        make_ensemble([Path("hf:ann/eight"), Path("hf:ann/sixteen")], tmp_path / "both")
