"""`recircle report`: one page about runs."""

from pathlib import Path

import pytest

from recircle.cli.report import main
from recircle.errors import UserError
from recircle.evaluation.evaluate import evaluate
from recircle.run import Run
from tests.small_run import IN_PROCESS, write_clips, write_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("run")
    manifest = write_clips(root / "data")
    run = write_run(root / "run")
    predictions, _ = evaluate(run, manifest=manifest.root / "manifest.csv", loading=IN_PROCESS)
    predictions.save(run.predictions_path / "val.npz")
    return run


def test_the_page_lies_in_the_run_unless_it_is_put_elsewhere(run: Run, tmp_path: Path, capsys: Capture) -> None:
    assert main([str(run.path)]) == 0
    page = run.path / "report.html"
    assert capsys.readouterr().out == f"{page}: {page.stat().st_size / 1e6:.1f} MB\n"
    assert "<img" in page.read_text()
    other = tmp_path / "page.html"
    assert main([str(run.path), "--output", str(other), "--no-clips", "--predictions", "val"]) == 0
    assert "<img" not in other.read_text()


def test_options_that_make_no_sense_are_refused(run: Run) -> None:
    with pytest.raises(UserError, match="give the folder of a run"):
        main([])
    with pytest.raises(UserError, match="--clips 0 must be 1 or more"):
        main([str(run.path), "--clips", "0"])
    with pytest.raises(UserError, match="has no manifest"):
        main([str(run.path), "--data", str(run.path)])
    with pytest.raises(UserError, match="--name none"):
        main([str(run.path), "--predictions", "none"])
