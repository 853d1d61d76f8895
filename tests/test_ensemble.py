from dataclasses import replace
from pathlib import Path

import pytest
import torch

from recircle.arc import set_steps
from recircle.cli.main import main
from recircle.ensemble import make_ensemble
from recircle.errors import UserError
from recircle.models.registry import ModelConfig
from recircle.run import ModelSpec, Run
from recircle.views.sampling import Sampling
from tests.small_run import SPEC, write_run

MEMBER = replace(SPEC, model=ModelConfig(name="arc_tsm_resnet50", width=8))


def with_frames(frames: int, spec: ModelSpec = MEMBER) -> ModelSpec:
    return replace(spec, sampling=Sampling(frames=frames))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    eight, sixteen = write_run(folder / "8", with_frames(8)), write_run(folder / "16", with_frames(16))
    model = sixteen.load_model()
    torch.nn.init.normal_(model.get_parameter("fc.weight"))
    sixteen.save_model(model, with_frames(16))
    return eight.path, sixteen.path


def test_scores_are_averaged(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """The order of the runs does not matter; a member sees the middles of as many parts as it has frames."""
    eight, sixteen = runs
    joint = make_ensemble([sixteen, eight], tmp_path / "joint")
    model = joint.load_model()
    assert (model.name, joint.load_spec().sampling.frames) == ("arc_tsm_resnet50_8f_16f", 16)
    clips = torch.randn(2, 16, 3, 33, 33)
    with torch.no_grad():
        of_eight = Run(eight).load_model()(clips[:, 1::2]).softmax(-1)
        of_sixteen = Run(sixteen).load_model()(clips).softmax(-1)
        torch.testing.assert_close(model(clips).softmax(-1), (of_eight + of_sixteen) / 2)
        # at 48 frames the middles are 1, 4, 7, ... for 16 and 3, 9, 15, ... for 8
        clips = torch.randn(1, 48, 3, 33, 33)
        of_eight = Run(eight).load_model()(clips[:, 3::6]).softmax(-1)
        of_sixteen = Run(sixteen).load_model()(clips[:, 1::3]).softmax(-1)
        torch.testing.assert_close(model(clips).softmax(-1), (of_eight + of_sixteen) / 2)
    with pytest.raises(ValueError, match="a clip of 8 frames: arc_tsm_resnet50_8f_16f takes 16 frames or more"):
        model(torch.randn(1, 8, 3, 33, 33))


def test_members_keep_the_statistics_of_each_number_of_steps(tmp_path: Path) -> None:
    written: list[Run] = []
    for frames in (8, 16):
        spec = replace(with_frames(frames), drawn_steps=(2, 4))
        run = write_run(tmp_path / str(frames), spec)
        model = run.load_model(steps=2)
        torch.nn.init.normal_(model.get_parameter("fc.weight"))
        for mean in (value for name, value in model.named_buffers() if name.endswith("running_mean")):
            mean.normal_()
        set_steps(model, 4)
        run.save_model(model, spec)
        written.append(run)
    joint = make_ensemble([run.path for run in written], tmp_path / "joint")
    clips = torch.randn(2, 16, 3, 33, 33)
    with torch.no_grad():
        for steps in (2, 4):
            eight, sixteen = (run.load_model(steps=steps) for run in written)
            expected = (eight(clips[:, 1::2]).softmax(-1) + sixteen(clips).softmax(-1)) / 2
            torch.testing.assert_close(joint.load_model(steps=steps)(clips).softmax(-1), expected)


def test_command(runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["ensemble", str(runs[0]), str(runs[1]), "--output", str(tmp_path / "joint")]
    assert main(arguments) == 0
    assert "arc_tsm_resnet50_8f_16f, 3 classes, clips of 16 frames" in capsys.readouterr().out.replace("\n", " ")
    assert main(arguments) == 2
    assert "a trained network already" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (with_frames(16, replace(MEMBER, labels=("lift", "push right", "push left"))), "differ in the classes"),
        (with_frames(16, replace(MEMBER, model=ModelConfig(name="tsm_resnet18", width=8))), "differ in the network"),
        (replace(with_frames(16), drawn_steps=(2, 4)), "differ in the numbers of steps"),
        (with_frames(12), "no network is called arc_tsm_resnet50_8f_12f"),
        (replace(MEMBER, sampling=Sampling(frames=16, mode="dense")), "differ in the kind of sampling"),
    ],
)
def test_what_does_not_fit(runs: tuple[Path, Path], other: ModelSpec, message: str, tmp_path: Path) -> None:
    second = write_run(tmp_path / "other", other)
    with pytest.raises(UserError, match=message):
        make_ensemble([runs[0], second.path], tmp_path / "joint")
    assert not (tmp_path / "joint").exists()


def test_one_run_is_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two runs or more"):
        make_ensemble(runs[:1], tmp_path / "joint")
