"""The whole page, from runs to a file."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.config import to_json
from recircle.demo.comparison import Comparison, Entry
from recircle.errors import UserError
from recircle.evaluation.calibration import calibrate
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.measure import measure
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import ClipSource, Provenance
from recircle.manifest.manifest import Manifest
from recircle.models.cost import measure_cost
from recircle.models.registry import ModelConfig
from recircle.report import write_report
from recircle.report.facts import cost_of, find_predictions
from recircle.run import Run
from recircle.training.metrics_log import MetricsLog
from tests.report.reading import Page
from tests.small_run import IN_PROCESS, SPEC, write_clips, write_run

OTHER = replace(SPEC, model=ModelConfig(name="arc_tsm_resnet18", width=8))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write clips, and two runs with predictions, the first with all else that a run may hold."""
    root = tmp_path_factory.mktemp("made")
    manifest = write_clips(root / "data")
    for name, spec in (("one", SPEC), ("two", OTHER)):
        run = write_run(root / name, spec)
        predictions, _ = evaluate(run, manifest=manifest.root / "manifest.csv", split="all", loading=IN_PROCESS)
        predictions.save(run.predictions_path / "all.npz")
    one = Run(root / "one")
    one.config_path.write_text(json.dumps({"model": {"name": "tsm_resnet18"}, "epochs": 7, "batch_size": 3}))
    with MetricsLog(one.metrics_path) as log:
        log.write("train", step=1, epoch=1, loss=2.5, lr=0.1)
        log.write("val", step=1, epoch=1, top1=0.5, top5=1.0, mean_class=0.5)
        log.write("end", step=1, epoch=1, skipped=0, broken=0)
    calibrate(Predictions.load(one.predictions_path / "all.npz")).save(one.calibration_path)
    picture = one.path / "explained" / "lift" / "clip" / "activation.png"
    picture.parent.mkdir(parents=True)
    shutil.copy(manifest.root / "lift" / "val" / "000.png", picture)
    return root


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> list[Path]:
    """Return copies of the two runs, to be changed."""
    return [Path(shutil.copytree(made / name, tmp_path / name)) for name in ("one", "two")]


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_one_page_says_it_all(runs: list[Path], tmp_path: Path) -> None:
    output = write_report(runs, tmp_path / "new" / "page.html")
    page = read(output)
    metrics = measure(Predictions.load(runs[0] / "predictions" / "all.npz"))
    row = page.table("Accuracy and cost")[0]
    for cell, figure in zip(row[1:], [row.estimate for row in metrics.figures.rows]):
        assert cell == f"{100 * figure.value:.1f} % {100 * figure.low:.1f} to {100 * figure.high:.1f}"
    cost = measure_cost(Run(runs[0]).load_model(), 4, 32)
    assert row[5:] == [f"{cost.params / 1e6:.2f} M", f"{cost.gmacs:.3f} x 1", "–"]
    origin = page.table("What was run on what")[1]
    assert origin[1] == "arc_tsm_resnet18"
    assert origin[2:] == [metrics.data, "6 clips of 3 classes", "0", metrics.protocol]
    assert dict(row[:2] for row in page.table("Run one"))["epochs"] == "7"
    assert page.table("Validations of one") == [["1", "1", "50.0 %", "100.0 %", "50.0 %"]]
    assert "two against one" in page.words
    assert "no config.json" in page.words
    assert "explained/lift/clip/activation.png" in page.words
    wrong = round(6 * (1 - metrics.top1.value))
    assert len([image for image in page.all("img") if (image["src"] or "").startswith("data:image/jpeg")]) >= wrong


def test_the_page_needs_nothing_else_and_holds_together(runs: list[Path], tmp_path: Path) -> None:
    output = write_report(runs, tmp_path / "page.html")
    page = read(output)
    assert len(set(page.ids)) == len(page.ids)
    links = [link["href"] or "" for link in page.all("a")]
    assert {link.removeprefix("#") for link in links} <= set(page.ids)
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "action"):
            assert not attributes.get(name) or re.match(r"data:image/(png|jpeg);base64,|#", attributes[name] or "")
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?:", output.read_text(encoding="utf-8"))
    assert all(image["alt"] for image in page.all("img"))
    assert page.all("html") == [{"lang": "en"}]


def test_the_same_runs_give_the_same_page_but_for_the_date(runs: list[Path], tmp_path: Path) -> None:
    first, second = (write_report(runs, tmp_path / f"{n}.html", date=f"day {n}").read_text() for n in (1, 2))
    apart = [(a, b) for a, b in zip(first.splitlines(), second.splitlines(), strict=True) if a != b]
    assert len(apart) == 1
    assert apart[0][0].replace("day 1", "day 2") == apart[0][1]


def test_clips_can_be_left_out_or_lie_elsewhere(runs: list[Path], made: Path, tmp_path: Path) -> None:
    page = read(write_report(runs[1:], tmp_path / "page.html", clips=None))
    assert page.all("img") == []
    moved = Path(shutil.copytree(made / "data", tmp_path / "moved"))
    predictions = Predictions.load(runs[1] / "predictions" / "all.npz")
    gone = replace(predictions.provenance, clips=ClipSource(manifest="gone/manifest.csv"))
    replace(predictions, provenance=gone).save(runs[1] / "predictions" / "all.npz")
    page = read(write_report(runs[1:], tmp_path / "page.html"))
    assert page.all("img") == []
    assert "gone/manifest.csv is not there" in page.words
    page = read(write_report(runs[1:], tmp_path / "page.html", data=moved / "manifest.csv", clips=1))
    assert len(page.all("img")) == 1


def test_clips_that_were_left_out_are_named(runs: list[Path], tmp_path: Path) -> None:
    file = runs[1] / "predictions" / "all.npz"
    replace(Predictions.load(file), left_out=("bad <1>.mp4",)).save(file)
    page = read(write_report(runs[1:], tmp_path / "page.html", clips=None))
    assert "two: 1 clip left out" in page.words
    assert "bad <1>.mp4" in page.words


def test_the_newest_predictions_are_taken_unless_a_name_is_given(runs: list[Path]) -> None:
    run, folder = Run(runs[0]), runs[0] / "predictions"
    shutil.copy(folder / "all.npz", folder / "later.npz")
    os.utime(folder / "all.npz", ns=(1, 1))
    os.utime(folder / "later.npz", ns=(2, 2))
    assert find_predictions(run).name == "later.npz"
    assert find_predictions(run, "all") == find_predictions(run, "all.npz") == folder / "all.npz"
    with pytest.raises(UserError, match=r"one has all, later; make them with `recircle eval .* --name best`"):
        find_predictions(run, "best")


def test_a_run_without_predictions_says_how_to_make_some(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    with pytest.raises(UserError, match=r"no predictions to report; make some with `recircle eval .*run`"):
        write_report([run.path])


def test_what_a_user_can_fix(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="twice"):
        write_report([runs[0], runs[0]])
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="it is a folder; give the name of a file"):
        write_report(runs, tmp_path / "folder", clips=None)
    (runs[0] / "metrics.jsonl").write_text("{no json}\n")
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 1: this is not a line"):
        write_report(runs)
    spec = replace(SPEC, labels=("a", "b", "c"), families={})
    (runs[1] / "model.json").write_text(to_json(spec))
    with pytest.raises(UserError, match="not of the classes of"):
        write_report(runs[1:])
    predictions = Predictions.load(runs[0] / "predictions" / "all.npz")
    replace(predictions, labels=predictions.labels * 0 - 1).save(runs[0] / "predictions" / "all.npz")
    with pytest.raises(UserError, match=r"all\.npz: none of the predicted clips has a label"):
        write_report(runs[:1])


def test_runs_of_one_name_are_told_apart(runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    same = Path(shutil.copytree(runs[0], tmp_path / "deeper" / "one"))
    page = read(write_report([runs[0], same], tmp_path / "page.html", clips=None))
    assert [row[0] for row in page.table("Accuracy and cost")] == [str(runs[0]), str(same)]


def test_the_cost_is_of_the_views_that_were_evaluated(made: Path) -> None:
    manifest = Manifest.read(made / "data" / "manifest.csv")
    assert len(manifest) == 6
    three = Provenance(protocol=Protocol(crops=3), preprocessing=SPEC.preprocessing)
    model = SPEC.model.build(3)
    assert cost_of(SPEC, three) == measure_cost(model, 4, 36)
    assert cost_of(SPEC, Provenance()) == measure_cost(model, 4, 32)


def test_speeds_come_from_a_comparison_or_are_measured(runs: list[Path], tmp_path: Path) -> None:
    metrics = measure(Predictions.load(runs[0] / "predictions" / "all.npz"))
    entry = Entry(
        name="One",
        run="elsewhere/one",
        accuracy=metrics.top1,
        inside=metrics.top1,
        params=1,
        gmacs=1.0,
        clips_per_second=1234.5,
        training_seconds=1.0,
    )
    comparison = Comparison(
        data="",
        clips=6,
        classes=3,
        chance=0.3,
        inside_chance=0.5,
        resamples=1,
        device="cpu",
        threads=2,
        torch="",
        entries=(entry,),
    )
    (runs[1] / "comparison.json").write_text(to_json(comparison))
    page = read(write_report(runs, tmp_path / "page.html", clips=None))
    assert [row[-1] for row in page.table("Accuracy and cost")] == ["1,234.5", "–"]
    assert "on cpu with 2 threads" in page.words
    # the fields of earlier versions had other names
    earlier = to_json(comparison).replace("inside_chance", "chance_in_family").replace('"inside"', '"in_family"')
    (runs[1] / "comparison.json").write_text(earlier)
    assert Comparison.load(runs[1] / "comparison.json") == comparison
    (runs[1] / "comparison.json").write_text("{}")
    with pytest.warns(UserWarning, match="are left out"):
        write_report(runs[:1], tmp_path / "page.html", clips=None)
    page = read(write_report(runs, tmp_path / "page.html", clips=None, timed=True))
    assert all(float(row[-1].replace(",", "")) > 0 for row in page.table("Accuracy and cost"))
