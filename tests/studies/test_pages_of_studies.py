"""The pages show what the result files hold, and the result files are of the studies that there are."""

import importlib
import json
from pathlib import Path

import pytest

from studies.command import RESULTS, Study
from studies.pages import block
from studies.results import Results
from studies.zero_ablation import ZeroAblation, to_markdown

NAMES = sorted(path.stem for path in RESULTS.glob("*.json"))


def study_of(name: str) -> Study:
    study = importlib.import_module(f"studies.{name}").STUDY
    assert isinstance(study, Study)
    return study


@pytest.mark.parametrize("name", NAMES)
def test_page_shows_the_results(name: str) -> None:
    study = study_of(name)
    for marker, text in study.blocks(Results.read(study.path)).items():
        assert block(RESULTS / f"{study.page or study.name}.md", marker) == text.strip()


@pytest.mark.parametrize("name", NAMES)
def test_records_are_whole(name: str) -> None:
    results = Results.read(study_of(name).path)
    assert results.study == name
    assert results.command == f"python -m studies.{name}"
    assert len({record.key for record in results.records}) == len(results.records)
    for record in results.records:
        assert record.top1 == pytest.approx(record.right.count("1") / len(record.right))
        assert record.seconds > 0
        assert record.commit
        assert record.settings


def test_the_page_of_hosts_shows_what_they_rely_on() -> None:
    runs = json.loads((RESULTS.parent / "figures" / "zero_ablation.json").read_text(encoding="utf-8"))["runs"]
    assert block(RESULTS / "tabletop_hosts.md", "zero_ablation") == to_markdown([ZeroAblation(**run) for run in runs])


def test_each_page_says_what_it_found() -> None:
    for page in RESULTS.glob("*.md"):
        assert "TODO" not in page.read_text(encoding="utf-8")


def test_pictures_are_there() -> None:
    for name in NAMES:
        study = study_of(name)
        if study.draw is not None:
            assert list(RESULTS.glob(f"{name}*.png")), Path(name)
