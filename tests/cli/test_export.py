"""`recircle export`: what it prints, and where it stops."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from recircle.cli.main import main
from recircle.export.network import ExportedNetwork
from recircle.models.registry import ModelConfig
from recircle.run import Run
from tests.small_run import SPEC, write_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    spec = replace(SPEC, model=ModelConfig(name="tsn_resnet18", width=8))
    return write_run(tmp_path_factory.mktemp("runs") / "run [1]", spec)


def test_it_says_where_the_file_is_what_it_takes_and_how_it_compares(run: Run, capsys: Capture) -> None:
    assert main(["export", str(run.path), "--format", "torch"]) == 0
    printed = capsys.readouterr()
    path = run.path / "model.pt2"
    where, what, how = printed.out.splitlines()
    assert where == f"{path}: {path.stat().st_size / 1e6:.1f} MB"
    assert what == "frames uint8 [B, T, 3, 32, 32] -> logits float32 [B, 3]"
    assert "1 x 4, 2 x 4, 1 x 8, 3 x 1" in how
    assert printed.err == ""


def test_a_file_that_differs_exits_with_2(
    run: Run, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(self: ExportedNetwork, frames: torch.Tensor) -> torch.Tensor:
        return self.model(self.preprocessing.normalise(frames)) + 0.1

    monkeypatch.setattr(ExportedNetwork, "forward", forward)
    output = tmp_path / "mine.pt2"
    assert main(["export", str(run.path), "--format", "torch", "--output", str(output)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {output} is not written: its logits differ")
    assert "by up to 0.1," in printed.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "RUN"), (["--format", "caffe"], "caffe"), (["gone"], "gone is not a run's folder")],
)
def test_wrong_arguments_exit_with_2(arguments: list[str], words: str, capsys: Capture) -> None:
    assert main(["export", *arguments]) == 2
    assert words in capsys.readouterr().err
