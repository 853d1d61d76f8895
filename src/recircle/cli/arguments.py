"""What the commands share to read their arguments."""

import functools
import inspect
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

import tyro

from recircle.errors import UserError
from recircle.terminal import visible_lines


def call(function: Callable[..., int], command: str, arguments: Sequence[str]) -> int:
    """Parse the arguments by the function's signature and docstring, call it, and return what it returns.

    Switches have no `--no-` twin, and a wrong argument ends the process with 2 (SystemExit).
    """

    @functools.wraps(function)
    def bind(*given: Any, **named: Any) -> Callable[[], int]:
        return functools.partial(function, *given, **named)

    with parser_output():
        bound = tyro.cli(
            bind,
            prog=f"recircle {command}",
            description=(inspect.getdoc(function) or "").partition("\n\nArgs:")[0],
            args=list(arguments),
            config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
        )
    return bound()


@contextmanager
def parser_output() -> Iterator[None]:
    """Make visible what the parser prints of arguments and of defaults that were read from a file."""
    streams = sys.stdout, sys.stderr
    printed = _Captured(streams[0]), _Captured(streams[1])
    try:
        with redirect_stdout(printed[0]), redirect_stderr(printed[1]):
            yield
    finally:
        for text, stream in zip(printed, streams):
            stream.write(visible_lines(text.getvalue()))


class _Captured(io.StringIO):
    """What is printed, in the encoding of a stream, by which the parser chooses its borders; it is without colours."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._encoding = stream.encoding

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._encoding


def at_least(least: int, **values: int) -> None:
    """Insist that options, given by their names in Python, are not below a number.

    Raises:
        UserError: one is.
    """
    for name, value in values.items():
        if value < least:
            raise UserError(f"--{name.replace('_', '-')} {value} must be {least} or more")


def above_zero(**values: float) -> None:
    """Insist that options, given by their names in Python, are above zero.

    Raises:
        UserError: one is not.
    """
    for name, value in values.items():
        if not value > 0:
            raise UserError(f"--{name.replace('_', '-')} {value:g} must be above 0")


def take_option(arguments: Sequence[str], name: str) -> tuple[str | None, list[str]]:
    """Take `name VALUE` or `name=VALUE` out of the arguments; return the value (None if it is not there) and the rest.

    Raises:
        UserError: the value is missing, or the option is there twice.
    """
    values, rest = take_options(arguments, name)
    if len(values) > 1:
        raise UserError(f"{name} is there twice; give it once")
    return (values[0] if values else None), rest


def take_options(arguments: Sequence[str], name: str) -> tuple[list[str], list[str]]:
    """Take each `name VALUE` or `name=VALUE` out of the arguments; return the values and the rest.

    Raises:
        UserError: a value is missing.
    """
    values: list[str] = []
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        key, equals, given = argument.partition("=")
        if key != name:
            rest.append(argument)
            continue
        value = given if equals else next(remaining, "")
        if not value or value.startswith("--"):
            raise UserError(f"{name} needs a value")
        values.append(value)
    return values, rest
