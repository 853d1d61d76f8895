"""Images of a folder as one series: the right order, or a fault that says what lies there; never a guess in silence."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from recircle.decode.series import arrange, runs

COUNT = 24


def numbered(pattern: str, numbers: Sequence[object] = range(COUNT)) -> list[str]:
    return [pattern.format(number) for number in numbers]


def moments(form: str, step: timedelta) -> list[str]:
    start = datetime(2024, 1, 31, 23, 59, 45)
    return [f"frame_{(start + number * step).strftime(form)}.jpg" for number in range(COUNT)]


# names in their order in time
ORDERS = {
    "plain": numbered("{}.png"),
    "padded": numbered("{:05d}.jpg"),
    "more digits than zeros": numbered("{:02d}.jpg", range(90, 114)),
    "upper case": [f"IMG_{number}.{('JPG', 'jpg')[number % 2]}" for number in range(COUNT)],
    "prefix": numbered("frame{}.JPEG"),
    "brackets": numbered("frame ({}).jpg"),
    "hyphen": numbered("frame-{}.jpg"),
    "blank and hyphen": numbered("clip - {}.jpg"),
    "count beside": numbered("img_{:02d}_of_24.bmp"),
    "size beside": numbered("640x480_{}.png"),
    "every fifth": numbered("{}.jpg", range(0, 5 * COUNT, 5)),
    "negative": numbered("{}.png", range(-5, 19)),
    "negative behind a letter": numbered("t{}.png", range(-5, 19)),
    "all negative behind a mark": numbered("t_{}.png", range(-COUNT, 0)),
    "both signs": numbered("{:+d}.png", range(-12, 12)),
    "seconds": numbered("t{:g}s.png", [number / 2 for number in range(COUNT)]),
    "negative seconds": numbered("t={:g}s.png", [number / 2 for number in range(-12, 12)]),
    "quarters": numbered("{:g}.png", [number / 4 for number in range(COUNT)]),
    "decimal commas": [name.replace(".", ",", 1) for name in numbered("{:.2f}.png", [n / 25 for n in range(COUNT)])],
    "milliseconds": numbered("{:.3f}.png", [number * 33.333 for number in range(COUNT)]),
    "thousands": numbered("{:,}.png", range(990, 990 + COUNT)),
    "version before": numbered("take1.2_{}.png"),
    "parts": numbered("1.{}.png", range(1, COUNT + 1)),
    "date and time": moments("%Y-%m-%d_%H-%M-%S", timedelta(seconds=1)),
    "compact date and time": moments("%Y%m%d_%H%M%S", timedelta(seconds=1)),
    "uneven moments": moments("%Y-%m-%dT%H.%M.%S", timedelta(seconds=7)),
    "microseconds": moments("%Y-%m-%d_%H-%M-%S-%f", timedelta(milliseconds=40)),
    "days": moments("%Y-%m-%d", timedelta(days=1)),
    "clock": [f"00_{number // 60:02d}_{number % 60:02d}.png" for number in range(50, 50 + COUNT)],
    "minutes and seconds": [f"{number // 60:02d}-{number % 60:02d}.png" for number in range(50, 250)],
    "epoch": numbered("{:.6f}.png", [1_700_000_000 + number / 30 for number in range(COUNT)]),
    "shots that go on": [f"shot{1 + number // 8}_{number:03d}.png" for number in range(COUNT)],
    "time beside": [f"{number:04d}_{number * 33}ms.png" for number in range(COUNT)],
    "checksum behind": [f"img_{number:04d}_{number * 2654435761 % 2**32:08x}.png" for number in range(COUNT)],
    "words before": [f"{chr(97 + 7 * number % 26)}{chr(97 + number)}_{number}.png" for number in range(COUNT)],
    "two suffixes in turn": [f"{number:03d}.{('jpg', 'png')[number % 2]}" for number in range(COUNT)],
    "one suffix after the other": [f"{number:03d}.{('jpg', 'png')[number // 12]}" for number in range(COUNT)],
    "hexadecimal": numbered("f_{:02x}.png"),
    "no suffix": numbered("frame.{:04d}"),
    "other digits": [f"{number}.png".translate({48 + n: 0x660 + n for n in range(10)}) for number in range(COUNT)],
}


@pytest.mark.parametrize("kind", ORDERS)
def test_numbers_give_the_order_however_they_are_written(kind: str) -> None:
    names = ORDERS[kind]
    found = arrange(names)
    assert not found.fault
    assert list(found.names) == names
    assert not found.covers
    shuffled = list(names)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert arrange(shuffled) == found


@pytest.mark.parametrize("kind", sorted(set(ORDERS) - {"hexadecimal", "thousands"}))
def test_what_is_certain_is_not_remarked(kind: str) -> None:
    assert not arrange(ORDERS[kind]).remark


@pytest.mark.parametrize("step", [1, 2, 5, 10])
@pytest.mark.parametrize("start", [0, 1, 7, 95, 998])
@pytest.mark.parametrize("pattern", ["{}.jpg", "{:04d}.png", "a-{}.tif", "x{}y.jpg", "{} of 12.jpg", "a.{}.jpg"])
def test_renumbering_keeps_the_order(pattern: str, start: int, step: int) -> None:
    names = numbered(pattern, range(start, start + COUNT * step, step))
    assert arrange(reversed(names)).names == tuple(names)


# names, and what the fault has to say
FAULTS = {
    "flow alone": (
        [f"flow_{kind}_{number:05d}.jpg" for kind in "xy" for number in range(1, 13)],
        ("12 of flow_x_#.jpg", "12 of flow_y_#.jpg"),
    ),
    "flow beside two series": (
        [f"{kind}_{number:05d}.jpg" for kind in ("left", "right", "flow") for number in range(1, 13)],
        ("12 of left_#.jpg", "12 of right_#.jpg", "12 of flow_#.jpg"),
    ),
    "unknown kinds": (
        [f"{number:04d}{end}" for end in (".jpg", "_b.png") for number in range(12)],
        ("12 of #.jpg", "12 of #_b.png"),
    ),
    "unknown kinds of some": (
        [f"{number:04d}{'_b' * (number % 2)}.jpg" for number in range(12)],
        ("6 of #.jpg", "6 of #_b.jpg"),
    ),
    "twins": ([f"{number}{end}" for end in (".jpg", ".png") for number in range(12)], ("12 of #.jpg", "12 of #.png")),
    "eyes": (
        [f"{number:04d}_{eye}.png" for eye in ("left", "right") for number in range(12)],
        ("12 of #_left.png", "12 of #_right.png"),
    ),
    "eyes in one numbering": (
        [f"{('left', 'right')[number % 2]}_{number}.png" for number in range(12)],
        ("6 of left_#.png", "6 of right_#.png"),
    ),
    "cameras": (
        [f"cam{camera}_{number:04d}.png" for camera in (1, 2) for number in range(12)],
        ("12 of cam1_#.png", "12 of cam2_#.png"),
    ),
    "cameras of unequal length": (
        [f"cam1_{number}.png" for number in range(12)] + [f"cam2_{number}.png" for number in range(9)],
        ("12 of cam1_#.png", "9 of cam2_#.png"),
    ),
    "what looks like times": (
        [f"01_{camera:02d}_{number:02d}.png" for camera in (1, 2) for number in range(12)],
        ("12 of #_01_#.png", "12 of #_02_#.png"),
    ),
    "depth in another suffix": (
        [f"{number:04d}.jpg" for number in range(12)] + [f"{number:04d}.tif" for number in range(100, 112)],
        ("12 of #.jpg", "12 of #.tif"),
    ),
    "one more": ([*numbered("{}.jpg"), "b_1.png"], ("24 of #.jpg", "b_1.png")),
    "several without a number": ([*numbered("{}.jpg"), "a.jpg", "b.jpg"], ("24 of #.jpg", "a.jpg", "b.jpg")),
    "first without a number": (
        ["frame.jpg", *numbered("frame ({}).jpg", range(2, 9))],
        ("frame.jpg has no number, and may be the first frame or none",),
    ),
    "a number twice": (["1.jpg", "01.jpg", "2.jpg"], ("a number is there twice", "1.jpg", "01.jpg")),
    "counting down": (
        [f"{number}_of_which_left_{30 - number}.jpg" for number in range(12)],
        ("can be read in several orders",),
    ),
    "hyphen or minus": (numbered("-{}.jpg", range(1, 13)), ("may be a minus or not",)),
    "scenes back to front": (
        [f"s{scene}_{number}.jpg" for scene in (1, 2) for number in range(60 - 25 * scene, 70 - 25 * scene)],
        ("10 of s1_#.jpg", "10 of s2_#.jpg"),
    ),
    "pictures": (["beach12.jpg", "cat3.jpg", "dog.png"], ("beach12.jpg", "cat3.jpg", "dog.png")),
    "twins without numbers": (["a.jpg", "a.png", "b.jpg", "b.png"], ("do not form one series",)),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_several_series_are_a_fault_that_says_which(kind: str) -> None:
    names, parts = FAULTS[kind]
    found = arrange(names)
    assert found.names == ()
    for part in parts:
        assert part in found.fault
    shuffled = list(names)
    random.Random(0).shuffle(shuffled)
    assert arrange(shuffled) == found


@pytest.mark.parametrize("pattern", ["flow_x_{:05d}.jpg", "{:05d}_mask.png", "Depth{:03d}.tif", "flow_{}.png"])
@pytest.mark.parametrize("frames", ["img_{:05d}.jpg", "{}.jpg", "overflow-{:04d}.png"])
def test_what_was_made_of_frames_is_left_out_and_told(pattern: str, frames: str) -> None:
    found = arrange([*numbered(pattern), *numbered(frames)])
    assert list(found.names) == numbered(frames)
    assert len(found.covers) == COUNT
    assert f"24 of {pattern.partition('{')[0]}#" in found.remark
    assert "left out" in found.remark


@pytest.mark.parametrize(
    ("cover", "count"),
    [("thumbnail.jpg", 1), ("poster.png", 1), ("thumb_320.jpg", 1), ("anything.jpg", 1), ("cover.jpg poster.jpg", 2)],
)
def test_a_cover_is_left_out_and_told(cover: str, count: int) -> None:
    covers = cover.split()
    found = arrange([*numbered("{:06d}.jpg"), *covers])
    assert list(found.names) == numbered("{:06d}.jpg")
    assert sorted(found.covers) == sorted(covers)
    assert len(covers) == count
    assert "left out" in found.remark
    assert all(name in found.remark for name in covers)


@pytest.mark.parametrize(
    ("numbers", "remark"),
    [
        ((1, 2, 3, 7, 8), "3 numbers are missing between 1.jpg and 8.jpg"),
        ((1, 2, 4, 5), "1 number is missing between 1.jpg and 5.jpg"),
        ((0, 5, 10, 20, 25), "1 number is missing between 0.jpg and 25.jpg"),
        ((3, 17, 40, 41), ""),
        ((1, 2, 3), ""),
        ((4,), ""),
    ],
)
def test_gaps_are_counted(numbers: Sequence[int], remark: str) -> None:
    assert arrange(numbered("{}.jpg", numbers)).remark == remark


def test_the_number_that_counts_evenly_runs() -> None:
    rng = random.Random(1)
    scores = rng.sample(range(10_000), COUNT)
    for pattern in ("frame_{:04d}_score_{}.jpg", "{:04d}_0.{}.jpg"):
        names = [pattern.format(number, score) for number, score in enumerate(scores)]
        assert list(arrange(rng.sample(names, COUNT)).names) == names
    names = [f"{score}_{number:04d}.jpg" for number, score in enumerate(scores)]
    assert list(arrange(rng.sample(names, COUNT)).names) == names
    assert "counts evenly" in arrange(names).remark


def test_another_number_that_goes_to_and_fro_is_remarked() -> None:
    names = [f"{number:04d}_{number * 3 % 4}.png" for number in range(COUNT)]
    found = arrange(names)
    assert list(found.names) == names
    assert "a further number" in found.remark


def test_names_without_numbers_are_in_their_order_and_remarked() -> None:
    found = arrange(["c.jpg", "a.jpg", "b.jpg"])
    assert found.names == ("a.jpg", "b.jpg", "c.jpg")
    assert "no name has a number" in found.remark
    assert arrange(["only.jpg"]).remark == ""
    assert arrange(["poster.jpg"]).names == ("poster.jpg",)
    assert arrange([]).names == ()


def test_runs_are_the_numbered_series() -> None:
    names = [*numbered("img_{}.jpg", range(3)), *numbered("b{}.png", range(2)), "c.jpg"]
    assert runs(names) == numbered("img_{}.jpg", range(3))
    assert len(runs(names, 2)) == 5
