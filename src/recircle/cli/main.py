"""The command `recircle`: finds the command that was asked for, and turns errors into messages and exit codes."""

import difflib
import importlib
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

from recircle import __version__
from recircle.cli.console import err, error, out, print_lines, warning
from recircle.errors import UserError
from recircle.terminal import visible_lines

COMMANDS = {
    "fit": "make a network for your clips in the minutes given: index, train, evaluate and report",
    "index": "find the clips of a folder and write a manifest, with true frame counts and faults",
    "train": "train a recipe on a manifest, or go on with a run",
    "eval": "run a trained network over labelled clips and print its accuracy",
    "folds": "predict every clip of a run by networks that have not seen it",
    "suspects": "rank clips by how probably their label is wrong, and find near-duplicates",
    "fewshot": "recognise classes that a run was not trained on, from a few clips of each",
    "report": "write what is known of runs as one HTML page",
    "predict": "recognise video files or folders of frames",
    "timeline": "say what happens when in long videos: scores over time, segments, pages, and how well they fit",
    "watch": "recognise what a camera, a stream of the network or a pipe shows now",
    "app": "show a page on which people upload clips and see what a run says",
    "serve": "answer requests over HTTP with what a run recognises",
    "explain": "draw where a network finds evidence in a clip, and how its ARC states evolve",
    "ensemble": "put trained networks together as one that averages their scores",
    "export": "write a run as one ONNX or torch.export file for other programs",
    "push": "give a run to others by the hub, with a card made from its evaluation",
    "models": "list the networks, with their costs on request",
    "weights": "list published weights that networks can start from",
    "tables": "print the paper's tables with our costs beside the printed ones",
    "recipes": "list the training recipes",
    "tabletop": "generate the benchmark of moving objects on a table",
    "demo": "generate, train, compare and recognise, in a few minutes",
    "doctor": "show versions, devices and decoders, and what is missing",
}
"""Each command's module in this package, by its name, and what it does."""

WITHOUT_NETWORKS = frozenset({"index", "tables", "recipes", "tabletop", "demo", "doctor"})
"""Commands that build no networks but those of this package; all others take `--import`."""

IMPORT_HELP = """\
--import MODULE   import a module of yours first, whose networks get their names by @recircle.register_model; it is
                  looked for where Python finds modules, and in this folder; more than one may be given"""

RENAMED = {"join": "ensemble"}
"""Commands of earlier versions, and what they are called now."""

USER_ERROR, INTERRUPTED, BROKEN_PIPE = 2, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name; None takes the process's) and return the exit code.

    0: all is well. 1: some of the files given to `predict` could not be used, or none of the clips that `index` found;
    the rest is done. 2: nothing, or not all, was done, and the message says what the user can fix: a wrong argument,
    a wrong file, a full disk. 130: Ctrl-C, and in training SIGTERM. 141: the reader of the output has gone.
    """
    if arguments is None:
        _guard_terminal()
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
    except BrokenPipeError:
        _discard(sys.stdout)
        return BROKEN_PIPE
    return code


def _run(arguments: list[str]) -> int:
    """Run a command line; turn all but the end of a pipe and defects of this program into a message and a code."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            code = _dispatch(arguments)
        sys.stdout.flush()
    except UserError as problem:
        _say(str(problem))
        return USER_ERROR
    except KeyboardInterrupt as interrupt:
        _say(str(interrupt) or "interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as problem:
        sentence = _refused(problem)
        if sentence is None:
            raise
        _say(sentence)
        return USER_ERROR
    return code


def _refused(problem: Exception) -> str | None:
    """Return what the system refused (a full disk, no more memory or file handles) as a sentence; None for a defect."""
    from recircle.decode.limits import is_out_of_memory
    from recircle.files import WriteError, remedy, system_error

    number = system_error(problem)
    if number is None and is_out_of_memory(problem):
        return "this needs more memory than there is; smaller sizes or batches, or fewer workers, need less"
    if number is None:
        return None
    if not isinstance(problem, OSError):
        return f"a file cannot be used: {os.strerror(number)}; {remedy(number)}"
    if problem.filename is not None:
        return f"{problem.filename} cannot be used: {os.strerror(number)}; {remedy(number)}"
    # what writes files names them; so this is standard output, which would fail again at the end
    _discard(sys.stdout)
    return str(WriteError.of("the output", number))


def _say(message: str) -> None:
    # where even this cannot be written, the exit code is all that is left
    try:
        error(message)
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Let a stream that takes nothing more lead nowhere: the interpreter flushes it at its end, and must not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print_lines(_help())
        return 0
    if arguments[0] == "--version":
        out.print(__version__)
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        if name in RENAMED:
            raise UserError(
                f"there is no command {name!r} any more: it is called {RENAMED[name]!r}, with the same arguments"
            )
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(COMMANDS)}"
        raise UserError(f"there is no command {name!r}; {hint}")
    if name not in WITHOUT_NETWORKS:
        rest = _import_networks(rest)
    command: Callable[[list[str]], int] = importlib.import_module(f"recircle.cli.{name}").main
    try:
        code = command(rest)
    except SystemExit as end:
        # how the parser of arguments ends after --help or a wrong argument
        code = end.code if isinstance(end.code, int) else 0
    if name not in WITHOUT_NETWORKS and {"-h", "--help"} & {*rest}:
        print_lines(f"\n{IMPORT_HELP}")
    return code


def _import_networks(arguments: list[str]) -> list[str]:
    """Import the modules that `--import` names, and return the other arguments.

    Raises:
        UserError: one cannot be imported.
    """
    if not any(argument.partition("=")[0] == "--import" for argument in arguments):
        return arguments
    from recircle.cli.arguments import take_options
    from recircle.models.discovery import import_networks

    modules, rest = take_options(arguments, "--import")
    # the user says so; behind all other places, so that no file here is taken for a module of Python or a package
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    for module in modules:
        import_networks(module)
    return rest


def _guard_terminal() -> None:
    """Have what Python itself prints for this process made visible too, and no name end it that cannot be encoded."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = _show_exception
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_VisibleFormatter())


class _VisibleFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible_lines(super().format(record))


def _show_exception(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(visible_lines("".join(traceback.format_exception(kind, problem, trace))))


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001  (the signature that `warnings` calls)
    line: str | None = None,
) -> None:
    """Print what we warn of as a sentence, and what a library warns of as Python does."""
    if issubclass(category, UserWarning):
        warning(str(message))
    else:
        err.print(warnings.formatwarning(message, category, filename, lineno, line).rstrip())


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            f"recircle {__version__}: fine-grained action recognition in video, with ARC layers",
            "",
            "usage: recircle COMMAND [...]; `recircle COMMAND --help` explains one",
            "",
            *lines,
            "",
            "Those that build networks also take:",
            *(f"  {line}" for line in IMPORT_HELP.splitlines()),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
