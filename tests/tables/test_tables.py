import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recircle.arc.config import ArcConfig
from recircle.cli.main import main
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.provenance import ClipSource
from recircle.models.registry import ModelConfig
from recircle.tables import TABLES, Network, Printed, Row, Table, compare, compare_table, find_measured, to_markdown
from recircle.tables.compare import disagrees
from recircle.views.sampling import Sampling
from tests.evaluation.factories import provenance
from tests.small_run import SPEC, write_run

ROWS = [(number, place, row) for number, table in TABLES.items() for place, row in enumerate(table.rows)]


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{n}-{i}-{row.network.name}") for n, i, row in ROWS])
def test_whatever_disagrees_is_explained(row: Row) -> None:
    compared = compare(row)
    if disagrees(compared.params_off) or disagrees(compared.gmacs_off):
        assert row.notes or compared.only_rounded


def row(name: str, gmacs: str, params: str, frames: int = 8, classes: int = 174) -> Row:
    printed = Printed(gmacs=gmacs, views="1", params=params, accuracy={"Top-1": "50.0"})
    return Row(label=("A", "B"), printed=printed, network=Network(name, frames), classes=classes, data=("x",))


@pytest.mark.parametrize(
    ("gmacs", "params", "rounded", "marks"),
    [
        ("14.5", "11.27", False, ""),
        ("15", "11", True, "(-3.3 %)"),
        ("16", "11", False, "(-9.3 %)"),
        ("", "12", False, "(-6.1 %)"),
        ("", "", False, ""),
    ],
)
def test_disagreement(gmacs: str, params: str, rounded: bool, marks: str) -> None:
    """TSM-ResNet-18 has 11.27 M parameters and 14.51 G; 15 is its rounding, 16 is not."""
    compared = compare(row("tsm_resnet18", gmacs, params))
    assert compared.params == pytest.approx(11.27, abs=0.01)
    assert compared.gmacs == pytest.approx(14.51, abs=0.01)
    assert compared.only_rounded == rounded
    table = Table(number=1, title="", columns=("X", "Y"), accuracy=("Top-1",), rows=(compared.row,))
    text = to_markdown(table, [compared])
    assert marks in text
    assert ("rounded." in text) == rounded
    if not gmacs:
        assert "| - | 14.5 x 1 |" in text


def test_command_prints_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert {len(row) for row in cells} == {len(cells[0])}
    assert len(cells) == 2 + len(TABLES[2].rows)
    assert cells[2][:5] == ["SS-V1", "TSM †", "ResNet-18 [1]", "8 x 224 px", "15"]
    # two clips in one figure
    assert cells[7][4:6] == ["58", "58.0"]
    marked = {mark for line in lines if line.startswith("|") for mark in line.split() if mark.startswith("[")} - {
        "[M],"
    }
    assert marked == {line.split()[0] for line in lines if line.startswith("[")} != set()


def test_the_page_of_systems_shows_table_2() -> None:
    """It is what `recircle tables 2` prints, with the caption and the remarks around it."""
    printed = to_markdown(TABLES[2], compare_table(TABLES[2]))
    assert printed in (Path(__file__).resolve().parents[2] / "docs" / "systems.md").read_text()


def test_printed_frames_have_a_column_where_there_are_any() -> None:
    with_frames = Row(
        label=("A",),
        printed=Printed(frames="8+16", accuracy={}),
        network=Network("tsm_resnet18", 8),
        classes=3,
        data=(),
    )
    table = Table(number=1, title="", columns=("X",), accuracy=(), rows=(with_frames,))
    assert "| A | 8+16 | 8 x 224 px | - | 14.5 | - |" in to_markdown(table, [compare(with_frames)])


def test_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "4", "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    rows = {row["variant"]: row for row in content["rows"]}
    assert rows["n = 4"]["printed"]["gmacs"] == "17.2"
    assert rows["n = 4"]["gmacs"] == pytest.approx(17.42, abs=0.01)
    assert rows["n = 2"]["disagrees"] == ["params"]
    assert rows["RA"]["params"] < rows["RA and RF"]["params"]
    assert all("measured" not in row for row in content["rows"])


PROTOCOL = "8 frames by time x 1 clip x 1 crop of 224 px from 256 px, softmax mean"


def evaluated(
    folder: Path, name: str, arc: ArcConfig | None = None, frames: int = 8, classes: int = 174, data: str = "v1"
) -> None:
    """Leave a run with saved predictions, right in 3 of 4 clips; its weights are not read."""
    labels = tuple(f"class {i}" for i in range(classes))
    run = write_run(folder, SPEC)
    model = ModelConfig(name=name, arc=arc)
    spec = replace(SPEC, model=model, labels=labels, families={}, sampling=Sampling(frames=frames))
    run.spec_path.unlink()
    run.save_model(torch.nn.Identity(), spec)
    logits = np.eye(classes, dtype=np.float32)[[0, 1, 2, 0], None] * 9
    Predictions(
        logits=logits,
        labels=np.arange(4),
        paths=("a", "b", "c", "d"),
        classes=labels,
        provenance=provenance(
            clips=ClipSource(manifest="SS/manifest.csv", datasets=(f"something_{data}",), split="val")
        ),
    ).save(run.predictions_path / "final.npz")


def test_measured_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluated(tmp_path / "plain", "tsm_resnet18")
    evaluated(tmp_path / "two", "arc_tsm_resnet18", ArcConfig(steps=2))
    evaluated(tmp_path / "few classes", "tsm_resnet50", classes=48)
    evaluated(tmp_path / "more frames", "tsm_resnet50", frames=12)
    evaluated(tmp_path / "other data", "tsm_resnet18", data="v2")
    (tmp_path / "notes").mkdir()
    assert main(["tables", "4", "--measured", str(tmp_path), "--format", "json"]) == 0
    rows = {row["variant"]: row["measured"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert [len(rows[variant]) for variant in ("n = 1", "neither RA nor RF", "n = 2", "n = 4")] == [1, 1, 1, 0]
    assert rows["n = 2"][0]["top1"] == 0.75
    assert rows["n = 2"][0]["protocol"] == PROTOCOL
    assert main(["tables", "2", "--measured", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    line = next(line for line in text.splitlines() if line.startswith("| SS-V1 | TSM † | ResNet-18"))
    assert "75.0 % [" in line
    assert f"4 clips, {PROTOCOL}, SS/manifest.csv (something_v1), split val (plain)" in line
    assert text.count("75.0 %") == 1


def test_what_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluated(tmp_path / "plain", "tsm_resnet18")
    (tmp_path / "plain" / "predictions" / "broken.npz").write_bytes(b"no")
    with pytest.warns(UserWarning, match=r"broken\.npz is left out"):
        assert len(find_measured(tmp_path)) == 1
    assert main(["tables", "1", "--measured", str(tmp_path / "absent")]) == 2
    assert "is not a folder" in capsys.readouterr().err.replace("\n", " ")
    assert main(["tables", "6"]) == 2
