"""The parsing that the commands share."""

from pathlib import Path

import pytest

from recircle.cli.arguments import at_least, take_option
from recircle.errors import UserError
from recircle.manifest.find import find_manifest


def test_a_manifest_is_found_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "manifest.parquet").touch()
    assert find_manifest(tmp_path) == tmp_path / "manifest.parquet"
    (tmp_path / "manifest.csv").touch()
    assert find_manifest(tmp_path) == tmp_path / "manifest.csv"
    assert find_manifest(tmp_path / "manifest.parquet") == tmp_path / "manifest.parquet"


def test_an_option_below_its_least_value_is_named() -> None:
    at_least(1, workers=1)
    with pytest.raises(UserError, match="--batch-size 0 must be 1 or more"):
        at_least(1, workers=1, batch_size=0)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["r", "--data", "m", "--epochs", "3"], ("m", ["r", "--epochs", "3"])),
        (["r", "--data=m=n", "-x"], ("m=n", ["r", "-x"])),
        (["r", "--data.workers", "3"], (None, ["r", "--data.workers", "3"])),
        (["r", "--data.workers=3", "--data", "m"], ("m", ["r", "--data.workers=3"])),
    ],
)
def test_an_option_is_taken_out(arguments: list[str], expected: tuple[str | None, list[str]]) -> None:
    assert take_option(arguments, "--data") == expected


@pytest.mark.parametrize("arguments", [["--data"], ["--data="], ["--data", "--epochs"], ["--data", "a", "--data=b"]])
def test_an_option_without_one_value_is_refused(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="--data"):
        take_option(arguments, "--data")
