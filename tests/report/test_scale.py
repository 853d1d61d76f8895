"""Pages of many classes and clips, whose names try to break them: of bounded size, whole, and harmless."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recircle.cli.main import main
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.predictions import Predictions
from recircle.evaluation.provenance import ClipSource
from recircle.report import write_report
from recircle.report.classes import classes_section
from recircle.report.confusion import confusion_section
from recircle.report.counts import Counts
from recircle.report.limits import LONGEST_NAME, MOST_CELLS, brief, with_brief_names
from recircle.terminal import UNSEEN
from tests.evaluation.factories import provenance
from tests.report.test_browser import CHROMIUM, look
from tests.small_run import SPEC, write_run

HOSTILE = (
    *("</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "'\"><svg/onload=alert(1)>", "</style>"),
    *("\x1b]0;title\x07\x1b[31m", "\u202edlrow", "line\nerror: forged\tb", "\u2028\u2029", "\ufeff", "\x00", "\x9b2J"),
    *("=HYPERLINK(1)", "]]>", "-->", "<!--", "&lt;", "{{7*7}}", "${7*7}", "%s %d {0}", "javascript:alert(1)"),
    *("z" * 300, "x" * 2000, "\N{PILE OF POO}" * 100, "\u0628\u0629", "a\u0301" * 90, "__proto__", "constructor"),
)


def made(classes: int, clips: int, *, families: int = 8, seed: int = 0, sure: float = 3.0) -> Predictions:
    """Return predictions under hostile names, a part of them right and most of the others among siblings."""
    rng = np.random.default_rng(seed)
    names = tuple(f"{n:03} {HOSTILE[n % len(HOSTILE)]} {n}" for n in range(classes))
    labels = np.random.default_rng(1000).integers(classes, size=clips)
    logits = rng.standard_normal((clips, 1, classes), dtype=np.float32)
    rows = np.arange(clips)
    logits[rows, 0, labels] += sure
    logits[rows, 0, (labels // families * families + rng.integers(families, size=clips)) % classes] += 2
    return Predictions(
        logits=logits,
        labels=labels,
        paths=tuple(f"{names[label][:60]}/{HOSTILE[n % len(HOSTILE)][:150]}{n}.mp4" for n, label in enumerate(labels)),
        classes=names,
        families={name: f"{n // families} {HOSTILE[n // families % len(HOSTILE)]}" for n, name in enumerate(names)},
        provenance=provenance(clips=ClipSource(manifest=f"no{HOSTILE[0]}\x1b.csv", datasets=HOSTILE[:2], split="val")),
        left_out=tuple(f"{HOSTILE[n % len(HOSTILE)]}{n}" for n in range(300)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("families", [True, False], ids=["families", "no families"])
def test_500_classes_and_50000_clips(families: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runs = []
    for seed, name in enumerate(("one", "two")):
        predictions = made(500, 50_000, seed=seed)
        if not families:
            predictions = replace(predictions, families={})
        run = write_run(tmp_path / name, replace(SPEC, labels=predictions.classes, families=predictions.families))
        predictions.save(run.predictions_path / "all.npz")
        runs.append(run)
    page = write_report([run.path for run in runs], tmp_path / "page.html", bootstrap=Bootstrap(resamples=20))
    text = page.read_text(encoding="utf-8")
    assert len(text) < 8_000_000
    assert re.search(f"(?!\n)[{UNSEEN}]", text) is None
    # that of the page, and the numbers of the two pictures
    assert text.count("<script") == text.count("</script") == 3
    assert {tag.lower() for tag in re.findall("<([a-zA-Z][^ />]*)", text)} <= ALLOWED
    if CHROMIUM is not None:
        for width in (390, 1280):
            found = look(page, tmp_path, width, PROBE)
            assert found["faults"] == []
            assert found["width"] == found["opened"] == width
            assert "clip" in found["told"]
            assert found["cut"] == []
    capfd.readouterr()
    other = runs[1].predictions_path / "all.npz"
    files = ["--from", str(runs[0].predictions_path / "all.npz"), "--against", str(other), "--resamples", "20"]
    assert main(["eval", *files]) == 0
    printed = "\n".join(capfd.readouterr())
    assert re.search(f"(?!\n)[{UNSEEN}]", printed) is None
    assert "\nerror: forged" not in printed
    assert main(["eval", *files, "--json"]) == 0
    assert re.search(f"(?!\n)[{UNSEEN}]", capfd.readouterr().out) is None


ALLOWED = frozenset(
    {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "a",
            "header",
            "nav",
            "main",
            "section",
            "footer",
            "script",
        ),
        *("h1", "h2", "h3", "p", "div", "span", "b", "code", "pre", "ul", "ol", "li", "dl", "dt", "dd"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "details", "summary"),
        *("svg", "line", "text", "polyline", "g", "circle", "path", "rect"),
        *("fieldset", "legend", "label", "input", "output"),
    }
)

PROBE = """<script>
window.alert = () => faults.push("alert");
const root = document.documentElement;
document.querySelectorAll("details").forEach((part) => { part.open = true; });
const map = document.querySelector(".map svg");
map.focus();
map.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
const inside = (one) => one.closest(".wide, pre, .animation") !== null;
const cut = [...document.querySelectorAll("p, table, svg, ul, h2, h3, summary, dd")].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.width && box.right > root.clientWidth + 1 && !inside(one);
});
const found = {
  width: innerWidth, opened: root.scrollWidth, faults, told: document.querySelector(".told").textContent,
  cut: cut.map((one) => one.outerHTML.slice(0, 100)),
};
setTimeout(() => parent.postMessage(JSON.stringify(found), "*"), 200);
</script>"""


def test_a_page_does_not_grow_with_names_and_cells() -> None:
    predictions = with_brief_names(replace(made(300, 120_000, families=50, sure=0.0), families={}))
    counts = Counts.of(predictions)
    assert (counts.confusion > 0).sum() > MOST_CELLS
    section = confusion_section(counts, "run1")
    assert "cells with the fewest clips are not drawn" in section
    assert len(section) < 45 * MOST_CELLS
    drawn = section.count("h1v1h-1z")
    assert drawn == MOST_CELLS
    grouped = Counts.of(with_brief_names(made(1300, 3000, families=30)))
    section = confusion_section(grouped, "run1")
    assert section.count("Too many classes for a table") == 1300 // 30 + 1 - 25_000 // 900
    listed = classes_section(grouped, "run1")
    assert "The worst 1,000 of " in listed
    assert listed.count("<tr>") == 2 + 10 + 1000


def test_brief_names_tell_names_apart() -> None:
    names = [*HOSTILE, "x" * 2001, "x" * 1999 + "y"]
    assert len({brief(name) for name in names}) == len(set(names))
    assert all(len(brief(name)) <= LONGEST_NAME for name in names)
    assert brief("push left") == "push left"
