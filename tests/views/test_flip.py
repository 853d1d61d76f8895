"""What a flip does to labels, on invented names and on the lists of real data sets."""

import csv
import json

import pytest

from recircle.views.flip import FlipPolicy

SOMETHING_PAIRS = {
    ("Pulling something from left to right", "Pulling something from right to left"),
    ("Pushing something from left to right", "Pushing something from right to left"),
    ("Turning the camera left while filming something", "Turning the camera right while filming something"),
}


def something_v1(data):
    text = (data / "annotations/something_v1/something-something-v1-labels.csv").read_text()
    return text.splitlines()


def something_v2(data):
    text = (data / "annotations/something_v2/something-something-v2-labels.json").read_text()
    return [name for name, _ in sorted(json.loads(text).items(), key=lambda item: int(item[1]))]


@pytest.mark.parametrize("read", [something_v1, something_v2])
def test_something_something_has_three_pairs(shared_data, read):
    labels = read(shared_data)
    policy = FlipPolicy.from_labels(labels)
    assert len(labels) == 174
    assert policy.enabled
    assert {tuple(sorted(pair)) for pair in policy.pairs} == SOMETHING_PAIRS
    assert sum(partner != row for row, partner in enumerate(policy.partners)) == 6


def test_the_pairs_do_not_depend_on_the_order_of_the_list(shared_data):
    labels = something_v1(shared_data)
    policy = FlipPolicy.from_labels(labels[::-1])
    assert {tuple(sorted(pair)) for pair in policy.pairs} == SOMETHING_PAIRS


def test_jester_has_three_pairs(shared_data):
    with (shared_data / "annotations/jester/jester-v1-labels.csv").open() as file:
        labels = [row[0] for row in csv.reader(file)]
    policy = FlipPolicy.from_labels(labels)
    assert policy.enabled
    assert policy.pairs == (
        ("Swiping Left", "Swiping Right"),
        ("Sliding Two Fingers Left", "Sliding Two Fingers Right"),
        ("Turning Hand Clockwise", "Turning Hand Counterclockwise"),
    )


@pytest.mark.parametrize(
    "name",
    [
        "kinetics__label_map_k400",
        "kinetics__label_map_k700",
        "ucf101__label_map",
        "hmdb51__label_map",
        "gym__label_map",
        "diving48__label_map",
    ],
)
def test_other_real_lists_name_no_side(shared_data, name):
    labels = (shared_data / f"annotations/mmaction2_label_maps/{name}.txt").read_text().splitlines()
    policy = FlipPolicy.from_labels(labels)
    assert policy.enabled
    assert policy.pairs == ()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("push left", "push right"),
        ("PushLeft", "PushRight"),
        ("push_left", "push_right"),
        ("PUSH LEFT", "push right"),
        ("from left to right, twice", "from right to left, twice"),
        ("step leftwards", "step rightwards"),
        ("left-handed catch", "right-handed catch"),
        ("turn clockwise", "turn counter-clockwise"),
        ("turn cw", "turn anticlockwise"),
        ("spin left clockwise", "spin right counterclockwise"),
        ("moving left out of frame", "moving right out of frame"),
        ("pulling it left out", "pulling it right out"),
    ],
)
def test_partners_are_found(left, right):
    policy = FlipPolicy.from_labels(["wave", left, "jump", right])
    assert policy.enabled
    assert policy.partners == (0, 3, 2, 1)
    assert [policy.flipped(label) for label in (-1, 0, 1, 3)] == [-1, 0, 3, 1]


@pytest.mark.parametrize(
    "name",
    [
        "eating a leftover",
        "standing upright",
        "writing with a bright pen",
        "Plugging something into something but pulling it right out as you remove your hand",
        "putting it right side up",
        "bending at a right angle",
        "left behind on a bench",
        "looking left and right",
    ],
)
def test_words_that_are_no_direction(name):
    policy = FlipPolicy.from_labels(["wave", name])
    assert policy.enabled
    assert policy.pairs == ()


@pytest.mark.parametrize(
    "name", ["push left", "PushRight", "moving right out of frame", "turn clockwise", "left over right"]
)
def test_a_class_without_partner_switches_the_flip_off(name):
    policy = FlipPolicy.from_labels(["wave", name])
    assert not policy.enabled
    assert name in policy.reason
    assert "flip is off" in policy.reason
    assert policy.partners == (0, 1)


def test_two_candidates_for_a_partner_switch_the_flip_off():
    policy = FlipPolicy.from_labels(["push left", "push right", "Push Right"])
    assert not policy.enabled
    assert "more than one partner" in policy.reason


def test_off_and_always_do_not_read_the_names():
    labels = ["push left", "push right", "turn left"]
    assert not FlipPolicy.from_labels(labels, "off").enabled
    assert FlipPolicy.from_labels(labels, "off").reason == ""
    always = FlipPolicy.from_labels(labels, "always")
    assert always.enabled
    assert always.partners == (0, 1, 2)
