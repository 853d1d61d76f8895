"""`recircle fit`: from a folder of clips to a report, by commands that can be repeated, and on after a kill."""

import contextlib
import io
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from recircle.cli import folds as folds_command
from recircle.cli import train as train_command
from recircle.cli.fit import divide
from recircle.cli.main import main
from recircle.run import Run
from recircle.training.config import TrainConfig
from tests.small_run import write_clips, write_frames

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).resolve().parents[2]
TINY = [
    *("--model", "tsm_resnet18", "--model.width", "8", "--epochs", "2", "--data.sampling.frames", "2"),
    *("--data.preprocessing.resize", "36", "--data.preprocessing.crop", "32", "--data.workers", "0", "--minutes", "60"),
]


@dataclass(frozen=True)
class Done:
    """A finished fit.

    Attributes:
        clips: the folder.
        run: what was trained.
        printed: by the command.
    """

    clips: Path
    run: Run
    printed: str

    def command(self, name: str) -> list[str]:
        """Return a command as it was printed."""
        (line,) = [line for line in self.printed.splitlines() if line.startswith(f"    recircle {name} ")]
        return shlex.split(line)[1:]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    root = tmp_path_factory.mktemp("fit")
    clips = root / "my clips"
    for number in range(8):
        write_frames(clips / "ab"[number % 2] / f"{number}", 4, seed=number)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["fit", str(clips), "--output", str(root / "run"), "--holdout", "0.25", *TINY]) == 0
    return Done(clips, Run(root / "run"), printed.getvalue())


def test_a_folder_becomes_a_run_with_a_report_and_advice(done: Done) -> None:
    assert done.command("index") == ["index", str(done.clips), "--holdout", "0.25"]
    assert done.command("eval") == ["eval", str(done.run.path), "--skip-broken"]
    assert done.command("report") == ["report", str(done.run.path)]
    assert (done.run.path / "report.html").is_file()
    config = done.run.load_config(TrainConfig)
    assert (config.epochs, config.model.width, config.seed, config.batch_size) == (2, 8, 0, 3)
    assert "it starts from scratch" in done.printed
    assert "top-1 " in done.printed
    assert "all classes have fewer than 20 clips to learn from ('a': 3)" in done.printed
    assert f"next: recircle predict {done.run.path} NEW_CLIPS" in done.printed


def test_the_training_that_is_printed_is_the_one_that_was_run(done: Done, tmp_path: Path) -> None:
    words = done.command("train")
    words[words.index("--output") + 1] = str(tmp_path / "again")
    assert main(words) == 0
    again = Run(tmp_path / "again")
    assert again.load_config(TrainConfig) == replace(done.run.load_config(TrainConfig), output=again.path)
    assert again.weights_path.read_bytes() == done.run.weights_path.read_bytes()


def test_after_a_kill_the_same_command_goes_on(done: Done, tmp_path: Path, capsys: Capture) -> None:
    script = """
import os, signal, sys
from recircle.cli.main import main
from recircle.training.metrics_log import MetricsLog

write = MetricsLog.write
def write_and_die(self, kind, **values):
    line = write(self, kind, **values)
    if kind == "train" and values["step"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return line

MetricsLog.write = write_and_die
main(sys.argv[1:])
"""
    command = ["fit", str(done.clips), "--output", str(tmp_path / "run"), *TINY]
    killed = subprocess.run([sys.executable, "-c", script, *command], cwd=ROOT, capture_output=True, timeout=240)
    assert killed.returncode == -signal.SIGKILL
    assert b"manifest.csv is taken as it is" in killed.stdout
    assert main(command) == 0
    printed = capsys.readouterr()
    assert f"recircle train --resume {tmp_path / 'run'} --minutes" in printed.out
    assert "going on after step 2" in printed.err
    run = Run(tmp_path / "run")
    assert run.weights_path.read_bytes() == done.run.weights_path.read_bytes()
    assert (run.path / "report.html").is_file()


def test_ctrl_c_says_how_all_of_it_goes_on(
    done: Done, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> int:
        raise KeyboardInterrupt("stopped after step 1 of 4; go on with `recircle train --resume x`")

    monkeypatch.setattr(train_command, "main", stop)
    command = ["fit", str(done.clips), "--output", str(tmp_path / "run"), *TINY]
    assert main(command) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"error: stopped after step 1 of 4; the same command goes on: {shlex.join(['recircle', *command])}"


def test_a_run_on_other_clips_or_of_another_network_is_left_alone(done: Done, tmp_path: Path, capsys: Capture) -> None:
    other = write_clips(tmp_path / "other").root
    assert main(["fit", str(other), "--output", str(done.run.path)]) == 2
    assert f"was begun on the clips of {done.clips / 'manifest.csv'}, not of" in capsys.readouterr().err
    assert main(["fit", str(done.clips), "--output", str(done.run.path), "--model", "tsn_resnet18"]) == 2
    assert "was begun with tsm_resnet18, not tsn_resnet18; give another --output" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("do not touch")
    assert main(["fit", str(done.clips), "--output", str(tmp_path / "full"), *TINY]) == 2
    assert "full is not empty; choose another output" in capsys.readouterr().err
    assert main(["fit", str(done.clips), "--output", str(tmp_path / "full" / "thesis.txt" / "run"), *TINY]) == 2
    assert "thesis.txt is not a folder; choose another output" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "CLIPS"),
        (["none"], "none is not there; give a folder of clips, a list of them, or a manifest"),
        (["none", "--minutes", "0"], "--minutes 0 must be above 0"),
        (["none", "--holdout", "2"], "--holdout 2 must lie between 0 and 1"),
        (["none", "--seed", "-1"], "--seed -1 must be 0 or more"),
        (["none", "--epoch", "3"], "--epoch"),
        (["none", "--epochs", "0"], "epochs=0 must be 1 or more"),
        (["none", "--model", "tsm_resnet17"], "tsm_resnet1"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(
    words: list[str], message: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["fit", *words, "--output", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_options_go_where_they_belong() -> None:
    assert divide(["a", "--minutes", "5", "--epochs", "3"]) == (["a", "--minutes", "5"], ["--epochs", "3"])
    assert divide(["--seed=1", "a", "--freeze", "b", "c"]) == (["--seed=1", "a"], ["--freeze", "b", "c"])
    assert divide(["a", "--model.name", "b", "--output", "c"]) == (["a", "--model", "b", "--output", "c"], [])
    assert divide(["a", "--model.name=b", "--model.width", "8"]) == (["a", "--model=b"], ["--model.width", "8"])
    assert divide(["--help"]) == (["--help"], [])
    assert divide(["a", "--minutes"]) == (["a", "--minutes"], [])


def test_one_class_is_refused_after_its_index(tmp_path: Path, capsys: Capture) -> None:
    for number in range(2):
        write_frames(tmp_path / "clips" / "only" / f"{number}", 3, seed=number)
    command = ["fit", str(tmp_path / "clips"), "--output", str(tmp_path / "run"), "--holdout", "0.5"]
    assert main(command) == 2
    assert "has the one class 'only'; a network tells two or more apart" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_folds_follow_the_report(done: Done, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def note(words: list[str]) -> int:
        asked.append(words)
        return 0

    monkeypatch.setattr(train_command, "main", note)
    monkeypatch.setattr(folds_command, "main", note)
    assert main(["fit", str(done.clips), "--output", str(done.run.path), *TINY, "--folds", "2"]) == 0
    training, folds = asked
    # three trainings share an hour
    assert 15 < float(training[training.index("--minutes") + 1]) < 20
    assert folds[:3] == [str(done.run.path), "--folds", "2"]
    assert 55 < float(folds[folds.index("--minutes") + 1]) <= 60
    printed = capsys.readouterr().out
    assert "the 60 minutes are shared by 3 trainings" in printed
    assert "5/5 predictions of all clips, by folds" in printed
    assert f"next: recircle suspects {shlex.quote(str(done.run.path))}" in printed
