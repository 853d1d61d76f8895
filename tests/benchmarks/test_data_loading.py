"""The benchmark of data loading: each loader beside its limit, from the command line to the JSON file."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import data_loading
from recircle.cli.main import main as recircle

SMALL = ["--rounds", "2", "--clips", "5", "--batch-size", "2", "--resize", "40", "--crop", "32", "--backends", "pyav"]


def run(tmp_path: Path, *arguments: str) -> list[dict[str, Any]]:
    output = tmp_path / "figures.json"
    data_loading.main([*SMALL, *arguments, "--output", str(output)])
    found = json.loads(output.read_text())
    assert {"machine", "settings"} < found.keys()
    return found["rows"]


def test_each_source_is_measured_with_each_number_of_workers(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = run(tmp_path, "--workers", "0", "1", "--height", "48", "--width", "64", "--length", "9")
    assert [(row["source"], row["workers"], row["use"]) for row in rows] == [
        (source, workers, use)
        for source in ("video", "folder")
        for workers in (0, 1)
        for use in ("training", "evaluation")
    ]
    for row in rows:
        assert len(row["ratios"]) == 2
        assert min(row["ratios"]) <= row["ratio"] <= max(row["ratios"])
        assert min(row["loader"], row["decoding"]) > 0
    assert "decoding alone" in capsys.readouterr().out


# the same clips lie there as videos and as folders of frames, without labels
@pytest.mark.filterwarnings("ignore:.*clips that may be the same", "ignore:.*no clip has a label")
def test_own_files_are_measured_through_their_manifest(tmp_path: Path) -> None:
    options = data_loading.parse([*SMALL, "--height", "48", "--width", "64", "--length", "9"])
    manifests = data_loading.write_clips(tmp_path / "clips", options)
    assert {source: len(manifest) for source, manifest in manifests.items()} == {"video": 4, "folder": 4}
    assert recircle(["index", str(tmp_path / "clips"), "--workers", "1"]) == 0
    rows = run(tmp_path, "--workers", "0", "--manifest", str(tmp_path / "clips" / "manifest.csv"))
    assert {row["source"] for row in rows} == {"video", "folder"}
