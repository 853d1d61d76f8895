"""Networks of other libraries from the command line: trained, with ARC and with LoRA, to a run like any other."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from recircle.cli.main import main
from recircle.inference.recognizer import Recognizer
from recircle.run import Run
from recircle.training.checkpoint import Checkpoints
from tests.models.hosts.saved import save_clip_network, save_image_network
from tests.small_run import write_clips

ONCE = ["--epochs", "1", "--data.workers", "0"]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    write_clips(tmp_path / "clips")
    return tmp_path / "clips"


@pytest.mark.filterwarnings("ignore:.*fewer than a batch")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("videomae", ["--model.arc-preset", "paper", "--trainable", "lora", "--lora.rank", "2"]),
        pytest.param("tsm/resnet18", ["--model.arc-preset", "light"], marks=pytest.mark.slow),
        pytest.param("timesformer", ["--model.arc.steps", "2", "--trainable", "last-1"], marks=pytest.mark.slow),
        pytest.param("vit_tiny_patch16_224", ["--trainable", "lora"], marks=pytest.mark.slow),
    ],
)
def test_from_a_folder_to_a_run_that_every_command_takes(
    kind: str, options: list[str], clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, bare = tmp_path / "network", kind.rpartition("/")[2]
    if bare in ("videomae", "timesformer"):
        name = f"hf:{save_clip_network(folder, bare)}"
    else:
        name = f"timm:{kind.removesuffix(bare)}{save_image_network(folder, bare)}"
    run = tmp_path / "run"
    train = ["train", "finetune", "--data", str(clips), "--model.name", name, "--output", str(run), *ONCE, *options]
    assert main(train) == 0
    told = capsys.readouterr().err
    assert f"tensors loaded from the weights {name}" in told.replace("\n", " ")
    # what it was made from is not needed any more
    folder.rename(tmp_path / "gone")
    assert not any("lora" in key for key in load_file(run / "model.safetensors"))
    clip = str(clips / "lift" / "val")
    assert main(["predict", str(run), clip, "--workers", "1"]) == 0
    assert main(["explain", str(run), clip]) == 0
    assert (run / "explained" / "lift" / "val" / "activation.png").is_file()
    assert bool(list(run.rglob("states_*.png"))) == ("arc" in "".join(options))
    assert main(["eval", str(run), "--workers", "0"]) == 0
    assert main(["report", str(run)]) == 0
    assert name in (run / "report.html").read_text()
    assert main(["export", str(run), "--format", "torch"]) == 0
    # from its own config alone
    assert main(["train", "--resume", str(run), "--epochs", "2"]) == 0


@pytest.mark.filterwarnings("ignore:.*fewer than a batch")
def test_lora_goes_on_exactly_where_it_stopped(clips: Path, tmp_path: Path) -> None:
    name = f"hf:{save_clip_network(tmp_path / 'network', 'vivit')}"

    def train(run: str, epochs: int) -> None:
        options = ["--data.workers", "0", "--trainable", "lora", "--lora.dropout", "0.1", "--keep", "9"]
        options += ["--output", str(tmp_path / run), "--schedule.kind", "step", "--schedule.warmup-share", "0"]
        assert main(["train", name, "--data", str(clips), "--epochs", str(epochs), *options]) == 0

    train("whole", 2)
    train("parts", 1)
    assert main(["train", "--resume", str(tmp_path / "parts"), "--epochs", "2"]) == 0
    whole, parts = (Checkpoints(Run(tmp_path / run).checkpoints_path).latest() for run in ("whole", "parts"))
    assert whole is not None
    assert parts is not None
    assert any(".lora_A." in key for key in whole["model"])
    assert all(torch.equal(value, parts["model"][key]) for key, value in whole["model"].items())
    saved = [load_file(tmp_path / run / "model.safetensors") for run in ("whole", "parts")]
    assert all(torch.equal(value, saved[1][key]) for key, value in saved[0].items())
    Recognizer.load(tmp_path / "parts")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data.sampling.frames", "5"], "data.sampling.frames=5 cannot be: a clip of 5 frames: hf:"),
        (["--data.preprocessing.crop", "24"], "data.preprocessing.crop cannot be: frames of 24 x 24 pixels: hf:"),
        (["--trainable", "last-7"], "has 2 stages"),
        (["--trainable", "tail"], "is not one of all, head, lora, or last-N"),
        (["--model.options", "depth", "3"], "has no option depth"),
        (["--model.pretrained", "imagenet"], "starts from its own weights"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_written(
    options: list[str], words: str, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"hf:{save_clip_network(tmp_path / 'network', 'videomae')}"
    command = ["train", "finetune", "--data", str(clips), "--model.name", name, "--output", str(tmp_path / "run")]
    assert main([*command, *ONCE, *options]) == 2
    assert words in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (tmp_path / "run").exists()
