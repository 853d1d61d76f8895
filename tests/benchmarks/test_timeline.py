"""The benchmark of long videos, at a tiny size; no time is asserted."""

import json
from pathlib import Path

import pytest

from benchmarks import timeline


@pytest.mark.slow
def test_both_ways_are_measured(tmp_path: Path) -> None:
    output = tmp_path / "timeline.json"
    words = ["--minutes", "0.2", "--folder", str(tmp_path / "videos"), "--cut", "3", "--pixels", "32"]
    timeline.main([*words, "--output", str(output)])
    found = json.loads(output.read_text())
    assert [row["what"].partition(",")[0] for row in found["rows"]] == ["timeline", "predict"]
    assert [row["clips"] for row in found["rows"]] == [21, 3]
    for row in found["rows"]:
        assert row["clips_per_s"] > 0
        assert row["memory_mb"] > row["memory_at_first_mb"] > 0
    assert found["settings"]["window"] == timeline.WINDOW
