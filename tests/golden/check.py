"""Compare this package with golden vectors: `python tests/golden/check.py FILE...`.

For each case of each file two lines, float64 and float32: the largest absolute error beside its tolerance. The exit
status is 1 where one is over, a system is unknown or a file is malformed.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.golden.rule import draw_input, weight  # noqa: E402
from tests.golden.systems import build  # noqa: E402

FORMAT = "golden-vectors/1"


@dataclass(frozen=True)
class Outcome:
    """How far one case is off in one precision, or why it could not be run."""

    case: str
    dtype: str = ""
    error: float = math.nan
    tolerance: float = math.nan
    fault: str = ""

    @property
    def passed(self) -> bool:
        """Whether the error is a number within the tolerance."""
        return not self.fault and self.error <= self.tolerance

    def __str__(self) -> str:
        if self.fault:
            return f"{self.case}: {self.fault}"
        verdict = "ok" if self.passed else "OVER"
        return f"{self.case:<44} {self.dtype}  error {self.error:.2e}  tolerance {self.tolerance:.0e}  {verdict}"


def check_file(path: Path) -> Iterator[Outcome]:
    """Run all cases of a file; a fault of the file or of a case is an outcome too."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        yield Outcome(str(path), fault=f"cannot be read as JSON: {error}")
        return
    known = isinstance(content, dict) and content.get("format") == FORMAT
    cases = content.get("cases") if known else None
    if not isinstance(cases, list) or not cases:
        yield Outcome(str(path), fault=f"is not of the format {FORMAT}" if not known else "has no cases")
        return
    for number, case in enumerate(cases):
        try:
            yield from _check_case(content, case)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            yield Outcome(f"{path}, case {number}", fault=f"is malformed: {type(error).__name__} {error}")
        except (ValueError, RuntimeError) as error:
            yield Outcome(f"{path}, case {number}", fault=str(error))


def _check_case(content: dict[str, Any], case: dict[str, Any]) -> Iterator[Outcome]:
    drawn = {p["key"]: weight(p["key"], p["shape"], p["rule"]) for p in content["param_sets"][case["params"]]}
    x = torch.from_numpy(draw_input(case["input"]["seed"], case["input"]["shape"]))
    expected = np.array(case["output"]["values"], np.float64).reshape(case["output"]["shape"])
    for dtype, name in ((torch.float64, "float64"), (torch.float32, "float32")):
        weights = {key: torch.from_numpy(np.asarray(value)) for key, value in drawn.items()}
        weights = {key: value.to(dtype) if value.is_floating_point() else value for key, value in weights.items()}
        model = build(content["system"], case["config"], weights)
        with torch.no_grad():
            output = model(x.to(dtype)).double().numpy()
        if output.shape != expected.shape:
            raise ValueError(f"the output has the shape {output.shape} instead of {expected.shape}")
        error = float(np.abs(output - expected).max())
        yield Outcome(f"{content['system']}/{case['name']}", name, error, float(case["tolerance"][f"{name}_atol"]))


def main(arguments: Sequence[str]) -> int:
    """Check the files and return the exit status."""
    if not arguments:
        print(__doc__)
        return 1
    status = 0
    for argument in arguments:
        for outcome in check_file(Path(argument)):
            print(outcome, flush=True)
            status |= not outcome.passed
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
