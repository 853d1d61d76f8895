"""What the README says in words of its plot is what the plot shows."""

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}

# accuracy in per cent and milliseconds, by network, width and epochs
POINTS = {
    (name, int(width), int(epochs)): (float(accuracy), float(ms))
    for name, width, epochs, accuracy, ms in re.findall(
        r"((?:ARC-)?TSM), width (\d+), (\d+) epochs: ([\d.]+) % in ([\d.]+) ms", README
    )
}
SAME_EPOCHS = [
    (POINTS["ARC-TSM", width, epochs], POINTS["TSM", width, epochs])
    for name, width, epochs in POINTS
    if name == "ARC-TSM"
]
SAME_TIME = [
    (POINTS["ARC-TSM", width, epochs], next(POINTS[key] for key in POINTS if key[:2] == ("TSM", width) and key[2] > 20))
    for name, width, epochs in POINTS
    if name == "ARC-TSM"
]


def test_errors_after_as_many_epochs() -> None:
    assert "ARC makes less than half of its host's errors" in README
    assert len(SAME_EPOCHS) == 2
    for arc, host in SAME_EPOCHS:
        assert 100 - arc[0] < 0.5 * (100 - host[0])


def test_times_of_a_clip() -> None:
    found = re.search(r"It takes (\w+) to (\w+) times as long", README)
    assert found is not None
    ratios = sorted(round(arc[1] / host[1]) for arc, host in SAME_EPOCHS)
    assert ratios == [WORDS[found[1]], WORDS[found[2]]]


def test_points_after_as_much_time() -> None:
    found = re.search(r"the plain host is ahead again, by (\d) to (\d) points", README)
    assert found is not None
    ahead = sorted(round(host[0] - arc[0]) for arc, host in SAME_TIME)
    assert ahead == [int(found[1]), int(found[2])]
