"""The table of the page's sections: each row has its place and its link, and a row more is a section more."""

from pathlib import Path

import pytest

from recircle.evaluation.evaluate import evaluate
from recircle.report import page as report_page
from recircle.report import write_report
from recircle.report.markup import element, section
from recircle.report.sections import OVERALL_SECTIONS, RUN_SECTIONS, RunSection
from tests.report.reading import Page
from tests.small_run import IN_PROCESS, write_clips, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with predictions."""
    root = tmp_path_factory.mktemp("sections")
    manifest = write_clips(root / "data")
    run = write_run(root / "one")
    predictions, _ = evaluate(run, manifest=manifest.root / "manifest.csv", split="all", loading=IN_PROCESS)
    predictions.save(run.predictions_path / "all.npz")
    return run.path


def page_of(folder: Path) -> tuple[Page, list[str]]:
    page = Page(write_report([folder], folder / "page.html", clips=None).read_text(encoding="utf-8"))
    return page, [(link["href"] or "").removeprefix("#") for link in page.all("a")]


def test_sections_have_a_place_and_a_link_in_the_order_of_the_table(folder: Path) -> None:
    page, links = page_of(folder)
    # one run is compared with none, and nothing has drawn pictures
    overall = [row.name for row in OVERALL_SECTIONS if row.name != "paired"]
    each = [f"run1-{row.name}" for row in RUN_SECTIONS if row.name != "pictures"]
    assert links == ["summary", *overall, "run1", *each]
    assert [name for name in page.ids if name in links] == [*overall, "run1", *each]


def test_a_row_more_is_a_section_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = RunSection(
        "lengths",
        lambda run: section(3, "Lengths", element("p", f"{run.counts.clips.sum()} clips"), id=f"{run.key}-lengths"),
    )
    monkeypatch.setattr(report_page, "RUN_SECTIONS", (row, *RUN_SECTIONS))
    page, links = page_of(folder)
    assert links.index("run1-lengths") == links.index("run1") + 1
    assert "run1-lengths" in page.ids
    assert "6 clips" in page.words
