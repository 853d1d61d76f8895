"""What the commands share to read their arguments."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path

import tyro

from recircle.errors import UserError


def call(function: Callable[..., int], command: str, arguments: Sequence[str]) -> int:
    """Parse the arguments by the function's signature and docstring, call it, and return what it returns.

    Switches have no `--no-` twin, and a wrong argument ends the process with 2 (SystemExit).
    """
    return tyro.cli(
        function,
        prog=f"recircle {command}",
        description=(inspect.getdoc(function) or "").partition("\n\nArgs:")[0],
        args=list(arguments),
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
    )


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
    value: str | None = None
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        key, equals, given = argument.partition("=")
        if key != name:
            rest.append(argument)
            continue
        if value is not None:
            raise UserError(f"{name} is there twice; give it once")
        value = given if equals else next(remaining, "")
        if not value or value.startswith("--"):
            raise UserError(f"{name} needs a value")
    return value, rest


def find_manifest(path: Path) -> Path:
    """Return the manifest at a path, which may be the folder that it lies in.

    Raises:
        UserError: there is none; the message says how to write one.
    """
    if path.is_dir():
        for name in ("manifest.csv", "manifest.parquet"):
            if (path / name).is_file():
                return path / name
        raise UserError(f"{path} has no manifest; write one with `recircle index {path}`")
    if not path.is_file():
        raise UserError(f"{path} is not there; give a manifest, which `recircle index FOLDER` writes")
    return path
