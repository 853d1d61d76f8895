"""JSON of configs: everything comes back, and what is wrong is named."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from recircle.config import from_json, read_json, to_json
from recircle.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.5
    size: int | tuple[int, int] = 4

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise ValueError(f"rate={self.rate} must be 0 or more")


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    path: Path
    kind: Literal["a", "b"] = "a"
    inner: Inner = field(default_factory=Inner)
    maybe: Inner | None = None
    many: tuple[Inner, ...] = ()
    table: dict[str, int] = field(default_factory=dict)


VALUE = Outer(
    name="é ✓",
    path=Path("a folder/b.csv"),
    kind="b",
    inner=Inner(size=(3, 5), rate=0.1 + 0.2),
    maybe=Inner(),
    many=(Inner(size=1), Inner(size=(1, 2))),
    table={"x": 1},
)


@pytest.mark.parametrize("value", [VALUE, Outer(name="", path=Path()), Inner(size=7)])
def test_what_is_written_is_read_back(value: Outer | Inner) -> None:
    again = from_json(type(value), to_json(value))
    assert again == value
    assert repr(again) == repr(value), "tuples stay tuples, paths stay paths"


def test_fields_left_out_take_their_defaults() -> None:
    assert from_json(Outer, '{"name": "n", "path": "p"}') == Outer(name="n", path=Path("p"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"name": "n"}', ["path", "missing"]),
        ('{"name": 3, "path": "p"}', ["name", "string"]),
        ('{"name": "n", "path": "p", "kind": "c"}', ["kind", "'a' or 'b'"]),
        ('{"name": "n", "path": "p", "inner": {"rate": "fast"}}', ["inner.rate", "number"]),
        ('{"name": "n", "path": "p", "inner": {"rate": -1}}', ["inner", "rate=-1.0 must be 0 or more"]),
        ('{"name": "n", "path": "p", "nmae": 1}', ["no field", "nmae"]),
        ('{"name": "n", "path": "p", "many": [{}, {"sise": 1}]}', ["no field", "many.1.sise"]),
        ('{"name": "n", "path": "p", "maybe": {"sise": 1}}', ["maybe.sise"]),
        ('{"name": "n",', ["JSON"]),
        ("[]", ["object"]),
    ],
)
def test_an_error_names_the_field_and_the_file(text: str, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_json(Outer, path)
    for word in [*words, str(path)]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.json cannot be read"):
        read_json(Outer, tmp_path / "none.json")


def test_json_that_is_nested_too_deeply_is_told() -> None:
    with pytest.raises(UserError, match=r"given\.json is not JSON that can be read: it is nested too deeply"):
        from_json(Inner, "[" * 200_000, source="given.json")
