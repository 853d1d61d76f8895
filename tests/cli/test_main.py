"""The program: its help, its exit codes, and what it does with errors."""

import errno
import importlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from recircle import __version__
from recircle.cli import models
from recircle.cli.main import COMMANDS, main
from recircle.errors import UserError


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_the_help_has_a_line_for_each_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, summary in COMMANDS.items():
        assert sum(line.split()[:1] == [name] and line.endswith(summary) for line in lines) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(importlib.import_module(f"recircle.cli.{name}").main)
    if name != "train":  # which lists the recipes
        assert main([name, "--help"]) == 0
        assert f"usage: recircle {name}" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("evals", "did you mean 'eval'?"),
        ("join", "it is called 'ensemble'"),
        ("xyz", "there are fit, index, train"),
        ("console", "there are"),
    ],
)
def test_an_unknown_command_is_named(name: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: there is no command {name!r}")
    assert hint in printed.err


def test_a_wrong_option_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--bogus"]) == 2
    assert "--bogus" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("problem", "code", "words"),
    [
        (UserError("the [red] folder x is empty; fill it"), 2, "error: the [red] folder x is empty; fill it\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (KeyboardInterrupt("stopped after step 3"), 130, "error: stopped after step 3\n"),
        (SystemExit(7), 7, ""),
    ],
)
def test_what_ends_a_command_becomes_a_message_and_a_code(
    problem: BaseException,
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(arguments: list[str]) -> int:
        raise problem

    monkeypatch.setattr(models, "main", fail)
    assert main(["models"]) == code
    assert capsys.readouterr().err == words


@pytest.mark.parametrize("problem", [RuntimeError("a defect"), ValueError("a defect")])
def test_a_defect_keeps_its_traceback(problem: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: list[str]) -> int:
        raise problem

    monkeypatch.setattr(models, "main", fail)
    with pytest.raises(type(problem), match="a defect"):
        main(["models"])


def test_a_warning_is_a_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(arguments: list[str]) -> int:
        warnings.simplefilter("always")
        warnings.warn("the flip is off", stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(models, "main", warn)
    before = warnings.showwarning
    assert main(["models"]) == 0
    assert warnings.showwarning is before
    first, second = capsys.readouterr().err.splitlines()[:2]
    assert first == "warning: the flip is off"
    assert "DeprecationWarning: old" in second


def test_the_help_does_not_wait_for_torch() -> None:
    code = "import sys; from recircle.cli.main import main; main([]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_reader_that_leaves_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "recircle.cli.main"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.parametrize("command", [["--help"], ["recipes"], ["tables", "--help"], ["--version"]])
def test_results_that_nothing_takes_are_one_sentence(command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "recircle.cli.main", *command], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert ended.returncode == 2
    assert ended.stderr.decode() == (
        "error: the output cannot be written: No space left on device; free some space, or choose another place\n"
    )


def test_nothing_takes_the_error_either() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([sys.executable, "-m", "recircle.cli.main", "xyz"], stderr=full, check=False)
    assert ended.returncode == 2


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (OSError(errno.EMFILE, "", "a.mp4"), "a.mp4 cannot be used: Too many open files; raise the limit"),
        (OSError(errno.EDQUOT, "", "b.csv"), "b.csv cannot be used: Disk quota exceeded; your quota is used up: "),
        (RuntimeError("write failed: No space left on device"), "a file cannot be used: No space left on device; "),
        (MemoryError(), "this needs more memory than there is; "),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "this needs more memory than there is"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(
    problem: Exception, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(arguments: list[str]) -> int:
        raise problem

    monkeypatch.setattr(models, "main", fail)
    assert main(["models"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {words}")
    assert told.count("\n") == 1
