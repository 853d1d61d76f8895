"""Words that earlier versions saved: they are read to the values that they came from."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from recircle.evaluation.calibration import Calibration
from recircle.evaluation.earlier import read_words, upgraded
from recircle.evaluation.order import Order
from recircle.evaluation.protocol import Fusion, Protocol
from recircle.evaluation.provenance import ClipSource, differing
from recircle.training.metrics_log import read_metrics_log, rewind_metrics_log
from recircle.views.crops import Crops
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from tests.evaluation.factories import provenance

SAMPLINGS = [
    Sampling(),
    Sampling(frames=1, by="index"),
    Sampling(frames=24, snippet=3),
    Sampling(mode="dense", stride=4, fps=29.97002997),
    Sampling(frames=16, fps=12.5),
    Sampling(fps=1 / 3),
]
PREPROCESSINGS = [
    Preprocessing(),
    Preprocessing(resize=(128, 171), crop=(112, 96)),
    Preprocessing(resize=(9, 9), crop=8),
]
VIEWS: list[tuple[int, Crops, Fusion]] = [(1, 1, "softmax"), (10, 3, "logits"), (2, 10, "softmax")]
ORDERS: list[tuple[Order, int | None]] = [("as is", None), ("shuffled", 12), ("reversed", None), ("single", None)]
NOT_TOLD = ("preprocessing", "machine", "recircle")


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_words_are_read_to_the_values_they_came_from(sampling: Sampling) -> None:
    for (clips, crops, fusion), sizes, (order, seed), precision in product(
        VIEWS, PREPROCESSINGS, ORDERS, ("fp32", "bf16")
    ):
        written = provenance(
            protocol=Protocol(clips=clips, crops=crops, fusion=fusion),
            sampling=sampling,
            preprocessing=sizes,
            order=order,
            order_seed=seed,
            precision=precision,
        )
        read = read_words(written.protocol_words, written.data_words)
        assert differing(read, written) == ()
        assert (read.protocol, read.clips, read.view, read.resize) == (
            written.protocol,
            written.clips,
            written.view,
            sizes.resize,
        )
        assert (read.protocol_words, read.data_words) == (written.protocol_words, written.data_words)
        assert read.unknown == NOT_TOLD


def test_before_there_was_a_choice_frames_were_counted() -> None:
    words = "8 frames 4 apart x 1 clip x 1 crop of 224 px from 256 px, softmax mean"
    read = read_words(words)
    assert read.sampling == Sampling(mode="dense", stride=4, by="index")
    assert read.protocol_words == words
    now = provenance(sampling=Sampling(mode="dense", stride=4, by="index"))
    assert differing(read, now) == ()
    assert differing(read, provenance(sampling=Sampling(mode="dense", stride=4))) == ("sampling by time or index",)


@pytest.mark.parametrize(
    ("words", "clips"),
    [
        ("a/manifest.csv, split val", ClipSource(manifest="a/manifest.csv", split="val")),
        ("a/m.csv (jester), all clips", ClipSource(manifest="a/m.csv", datasets=("jester",))),
        (
            "a, (b)/m (1).csv (x, y), clips held out in training",
            ClipSource(manifest="a, (b)/m (1).csv", datasets=("x", "y"), split="held out"),
        ),
        ("m.csv", None),
        ("", None),
    ],
)
def test_which_clips(words: str, clips: ClipSource | None) -> None:
    read = read_words("", words)
    assert read.clips == clips
    assert read.data_words == words
    assert ("clips" in read.unknown) == (clips is None)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "another",
        "a + b",
        "8 frames x 1 clip",
        "0 frames x 1 clip x 1 crop of 224 px from 256 px, softmax mean",
        "8 frames x 1 clip x 2 crops of 224 px from 256 px, softmax mean",
        "8 frames at 9e9 fps x 1 clip x 1 crop of 224 px from 256 px, softmax mean",
        "8 frames at ..- fps x 1 clip x 1 crop of 224 px from 256 px, softmax mean",
        "8 frames x 1 clip x 1 crop of 224 px from 256 px, softmax mean, in the dark",
    ],
)
def test_words_that_cannot_be_read_tell_nothing_and_are_printed(words: str) -> None:
    read = read_words(words)
    assert read.protocol_words == words
    assert {"protocol", "sampling", "order", "precision"} <= set(read.unknown)
    assert differing(read, read) == ()
    assert differing(read, provenance()) == differing(provenance(), read) == ("protocol",)
    assert differing(read, read_words(words + "!")) == ("protocol",)


def test_an_average_of_networks() -> None:
    one, two = provenance(), provenance(sampling=Sampling(frames=16))
    read = read_words(f"{one.protocol_words} + {two.protocol_words}", "m.csv, split test")
    assert [differing(a, b) for a, b in zip(read.networks, (one, two), strict=True)] == [(), ()]
    assert read.protocol_words == f"{one.protocol_words} + {two.protocol_words}"


def test_a_calibration_of_an_earlier_version(tmp_path: Path) -> None:
    figures = {"temperature": 2.5, "fitted_on": 5, "tried_on": 4, "bins": 15, "seed": 0}
    figures |= dict.fromkeys(("nll_before", "nll_after", "ece_before", "ece_after"), 0.5)
    now = provenance()
    words = {"protocol": now.protocol_words, "data": now.data_words}
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(figures | words))
    read = Calibration.load(path)
    assert (read.temperature, read.fitted_on, read.nll_after) == (2.5, 5, 0.5)
    assert (read.protocol, read.data) == (words["protocol"], words["data"])
    assert differing(read.provenance, now) == ()
    assert read.provenance.unknown == NOT_TOLD
    read.save(path)
    assert "protocol" not in json.loads(path.read_text())
    assert Calibration.load(path) == read


def test_a_metrics_log_of_an_earlier_version(tmp_path: Path) -> None:
    words = provenance().protocol_words
    lines: list[dict[str, Any]] = [
        {"kind": "train", "step": 1, "epoch": 1, "loss": 1.0},
        {"kind": "val", "step": 1, "epoch": 1, "top1": 0.5, "protocol": words},
        {"kind": "train", "step": 2, "epoch": 2, "loss": 1.0},
    ]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    read = read_metrics_log(path)
    assert (read[0], read[2]) == (lines[0], lines[2])
    # training never named its precision
    expected = read_words(words).to_dict() | {"precision": None}
    assert read[1] == {"kind": "val", "step": 1, "epoch": 1, "top1": 0.5, "provenance": expected}
    rewind_metrics_log(path, 1)
    assert read_metrics_log(path) == read[:2]


@pytest.mark.parametrize(
    "content", [{}, {"protocol": 3}, {"protocol": "a", "data": 3}, {"provenance": {}, "protocol": "a"}]
)
def test_what_has_no_words_stays_as_it_is(content: dict[str, Any]) -> None:
    assert upgraded(content) == content
