"""The golden vectors of the published code, and the command that checks them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.golden.check import check_file, main
from tests.golden.rule import draw_input, weight
from tests.models.oracle import TsnOracle

FOLDER = Path(__file__).resolve().parent
DEEPER = ("slowfast_r101", "tsm_r101", "abm_r50", "corrnet50", "rubiksnet_small")
"""Of networks that have no parts that shallower ones have not."""
FILES = [
    pytest.param(path, marks=pytest.mark.slow if path.stem in DEEPER else (), id=path.stem)
    for path in sorted(FOLDER.glob("*.json"))
]


@pytest.mark.parametrize("path", FILES)
def test_golden(path: Path) -> None:
    outcomes = list(check_file(path))
    assert len(outcomes) == 2 * len(json.loads(path.read_text())["cases"])
    assert [str(outcome) for outcome in outcomes if not outcome.passed] == []


def content(name: str = "arc_layer", cases: int = 1) -> dict[str, Any]:
    loaded = json.loads((FOLDER / f"{name}.json").read_text())
    loaded["cases"] = loaded["cases"][:cases]
    return loaded


def write(path: Path, value: Any) -> str:
    path.write_text(json.dumps(value))
    return str(path)


def test_command_prints_each_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([write(tmp_path / "a.json", content(cases=2))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["arc_layer/main_n4_s1", "float64"],
        ["arc_layer/main_n4_s1", "float32"],
        ["arc_layer/main_n2_s1", "float64"],
        ["arc_layer/main_n2_s1", "float32"],
    ]
    assert all("tolerance" in line and line.endswith("ok") for line in lines)


def test_an_error_over_the_tolerance_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = content(cases=2)
    changed["cases"][0]["output"]["values"][3] += 1e-4
    assert main([write(tmp_path / "a.json", changed)]) == 1
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["OVER", "OVER", "ok", "ok"]


def test_not_a_number_fails(tmp_path: Path) -> None:
    changed = content()
    changed["cases"][0]["output"]["values"][3] = float("nan")
    assert main([write(tmp_path / "a.json", changed)]) == 1


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format",), "golden-vectors/2", "is not of the format"),
        (("system",), "warp_r18", "the system 'warp_r18' is not known"),
        (("cases",), [], "has no cases"),
        (("cases", 0, "config", "interacter"), "PWI3", "is not known"),
        (("cases", 0, "config", "op"), "T", "is not known"),
        (("cases", 0, "params"), "absent", "malformed"),
        (("cases", 0, "output", "values"), [1.0], "reshape"),
        (("cases", 0, "tolerance"), {}, "malformed"),
        (("cases", 0), 3, "malformed"),
        (("param_sets", "main_n4_s1", 5, "rule"), "twice", "the rule 'twice' is not known"),
        (("param_sets", "main_n4_s1", 5, "key"), "layer.9.block.0.weight", "have no place"),
        (("cases", 0, "input", "shape"), [2, 3, 5, 5, 6], "case 0"),
        (("cases", 0, "config", "stride"), 2, "the output has the shape"),
    ],
)
def test_what_cannot_be_checked_fails(
    path: tuple[str | int, ...], value: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed: Any = content()
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert main([write(tmp_path / "a.json", changed)]) == 1
    assert message in capsys.readouterr().out


def test_one_bad_case_does_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = content(cases=2)
    changed["cases"][0]["config"]["op"] = "T"
    assert main([write(tmp_path / "a.json", changed), str(tmp_path / "absent.json")]) == 1
    out = capsys.readouterr().out
    assert out.count(" ok\n") == 2
    assert "absent.json: cannot be read as JSON" in out


def test_no_file_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert "check.py FILE..." in capsys.readouterr().out


@pytest.mark.parametrize(("family", "depth", "shifted"), [("tsm", 34, range(6)), ("tsn", 18, ())])
def test_files_it_has_never_seen(family: str, depth: int, shifted: range, tmp_path: Path) -> None:
    """Another backbone, seed, T, size and number of classes, with torchvision's network as the original."""
    oracle = TsnOracle(depth, 7, shifted).double().eval()
    rules = {"running_var": "running_var", "running_mean": "running_mean", "num_batches_tracked": "zero"}
    entries = []
    for key, value in oracle.state_dict().items():
        norm = "bn_weight*0.5" if value.dim() == 1 else "conv"
        rule = rules.get(key.rpartition(".")[2], "bias" if key.endswith("bias") else norm)
        entries.append({"key": key, "shape": list(value.shape), "rule": rule})
    oracle.load_state_dict({e["key"]: torch.tensor(weight(e["key"], e["shape"], e["rule"])) for e in entries})
    shape = [2, 5, 3, 40, 33]
    with torch.no_grad():
        values = oracle(torch.from_numpy(draw_input(977, shape)))
    assert values.std() > 0.1
    case = {
        "name": "new",
        "config": {"num_classes": 7, "T": 5, "backbone": f"resnet{depth}"},
        "params": "p",
        "input": {"seed": 977, "shape": shape},
        "output": {"shape": [2, 7], "values": values.flatten().tolist()},
        "tolerance": {"float32_atol": 1e-3, "float64_atol": 1e-9},
    }
    file = {"format": "golden-vectors/1", "system": f"{family}_r50", "param_sets": {"p": entries}, "cases": [case]}
    outcomes = list(check_file(Path(write(tmp_path / "new.json", file))))
    assert [str(outcome) for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == 2


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("conv", lambda n: n * (2 / 6) ** 0.5),
        ("conv*0.5", lambda n: 0.5 * n * (2 / 6) ** 0.5),
        ("bn_weight", lambda n: 1 + 0.1 * n),
        ("bn_weight*0.4", lambda n: 0.4 * (1 + 0.1 * n)),
        ("bias", lambda n: 0.1 * n),
        ("running_mean", lambda n: 0.1 * n),
        ("running_var", lambda n: 1 + 0.1 * abs(n)),
        ("scaled:0.2", lambda n: 0.2 * n),
        ("affine:1:0.1", lambda n: 1 + 0.1 * n),
    ],
)
def test_rule(rule: str, expected: Any) -> None:
    # 1787247385 is crc32(b"some.key") & 0x7fffffff
    n = np.random.RandomState(1787247385).standard_normal((4, 2, 3))
    np.testing.assert_allclose(weight("some.key", (4, 2, 3), rule), expected(n))


def test_rule_of_counters() -> None:
    assert weight("bn.num_batches_tracked", (), "zero").dtype == np.int64


@pytest.mark.parametrize("rule", ["", "conv:a", "bias*2", "scaled", "affine:1", "mystery"])
def test_unknown_rule(rule: str) -> None:
    with pytest.raises(ValueError, match="is not known"):
        weight("key", (2,), rule)
