"""What was measured, as values: words follow from it, it is saved and read, and what differs is named."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch

from recircle.errors import UserError
from recircle.evaluation.machine import Machine
from recircle.evaluation.order import Order
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import ClipSource, EarlierWords, Provenance, differing, same_clips
from recircle.views.crops import Crops
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from tests.evaluation.factories import provenance

PLAIN = provenance()
CHANGES: dict[str, dict[str, Any]] = {
    "frames": {"sampling": Sampling(frames=16)},
    "sampling by time or index": {"sampling": Sampling(by="index")},
    "fps": {"sampling": Sampling(fps=15)},
    "snippet": {"sampling": Sampling(snippet=2)},
    "clips": {"protocol": Protocol(clips=2)},
    "crops": {"protocol": Protocol(crops=10)},
    "fusion": {"protocol": Protocol(fusion="logits")},
    "view size": {"preprocessing": Preprocessing(crop=(224, 208))},
    "resize": {"preprocessing": Preprocessing(resize=(256, 256))},
    "order of frames": {"order": "reversed"},
    "precision": {"precision": "bf16"},
}


@pytest.mark.parametrize(
    "whole",
    [
        Provenance(),
        PLAIN,
        provenance(others=(provenance(precision="bf16"), provenance(sampling=Sampling(mode="dense", fps=12.5)))),
        provenance(clips=ClipSource(manifest="ordner \udcff/m, (1).csv", datasets=("a", "b"), split="held out")),
        provenance(preprocessing=Preprocessing(resize=(36, 48), crop=(32, 40)), order="shuffled", order_seed=3),
        Provenance(earlier=EarlierWords(protocol="?", data="m.csv", view=(3, 4), resize=5), recircle=""),
    ],
    ids=["nothing", "plain", "average", "names", "sizes", "earlier"],
)
def test_what_is_saved_is_read(whole: Provenance) -> None:
    assert Provenance.from_dict(whole.to_dict(), "a file") == whole


@pytest.mark.parametrize("name", CHANGES)
def test_what_differs_is_named(name: str) -> None:
    other = replace(PLAIN, **CHANGES[name])
    assert differing(PLAIN, other) == differing(other, PLAIN) == (name,)
    assert differing(other, other) == ()
    assert other.protocol_words != PLAIN.protocol_words


def test_what_differs_is_named_once_and_all_of_it() -> None:
    other = replace(PLAIN, protocol=Protocol(clips=2, crops=3), precision="bf16", order="shuffled", order_seed=1)
    assert differing(PLAIN, other) == ("clips", "crops", "view size", "order of frames", "precision")
    assert differing(other, replace(other, order_seed=2)) == ("order of frames",)
    two = replace(PLAIN, others=(PLAIN,))
    assert differing(two, replace(two, others=(other,))) == differing(PLAIN, other)


def test_protocols_are_alike_whatever_they_do_not_use_and_wherever_they_ran() -> None:
    for change in (
        {"sampling": Sampling(stride=4)},
        {"preprocessing": Preprocessing(crop=(224, 224), channels="bgr", mean=(0.0, 0.0, 0.0))},
        {"machine": None},
        {"recircle": "9.9"},
        {"clips": ClipSource(manifest="elsewhere.csv")},
    ):
        assert differing(PLAIN, replace(PLAIN, **change)) == ()
    dense = provenance(sampling=Sampling(mode="dense"))
    assert differing(dense, provenance(sampling=Sampling(mode="dense", stride=4))) == ("stride",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "softmax mean"),
        ({"precision": "bf16"}, "softmax mean, bf16"),
        ({"order": "reversed"}, "softmax mean, frames reversed"),
        ({"precision": "bf16", "order": "single"}, "softmax mean, bf16, the middle frame only"),
        ({"order": "shuffled", "order_seed": 4}, "softmax mean, frames shuffled (seed 4)"),
        ({"averaged": "features", "protocol": Protocol(fusion="logits")}, "feature mean"),
    ],
)
def test_the_words_beside_figures(change: dict[str, Any], words: str) -> None:
    assert provenance(**change).protocol_words == f"8 frames by time x 1 clip x 1 crop of 224 px from 256 px, {words}"


def test_the_words_for_clips() -> None:
    named = ClipSource(manifest="a/m.csv", datasets=("jester", "own"), split="val")
    assert str(named) == provenance(clips=named).data_words == "a/m.csv (jester, own), split val"
    assert str(ClipSource(manifest="m.csv")) == "m.csv, all clips"
    assert str(ClipSource(manifest="m.csv", split="held out")) == "m.csv, clips held out in training"
    assert Provenance().data_words == Provenance().protocol_words == ""


def test_different_measurements_have_different_words() -> None:
    samplings = [Sampling(), Sampling(by="index"), Sampling(fps=15), Sampling(mode="dense"), Sampling(snippet=2)]
    crops: tuple[Crops, ...] = (1, 3, 10)
    orders: tuple[Order, ...] = ("as is", "reversed", "single")
    all_of_them = [
        provenance(sampling=sampling, protocol=Protocol(clips=clips, crops=crop), order=order)
        for sampling, clips, crop, order in product(samplings, (1, 2), crops, orders)
    ]
    for one, other in product(all_of_them, repeat=2):
        assert (differing(one, other) == ()) == (one.protocol_words == other.protocol_words)


def test_the_same_clips() -> None:
    assert same_clips(PLAIN, provenance(precision="bf16"))
    assert not same_clips(PLAIN, provenance(clips=ClipSource(manifest="m.csv", split="val")))
    assert not same_clips(PLAIN, Provenance())
    assert same_clips(Provenance(earlier=EarlierWords(data="x")), Provenance(earlier=EarlierWords(data="x")))
    assert not same_clips(Provenance(earlier=EarlierWords(data="x")), Provenance())


def test_the_size_of_a_view_is_that_of_its_crops() -> None:
    assert provenance().view == (224, 224)
    assert provenance(protocol=Protocol(crops=3)).view == (256, 256)
    assert Provenance().view is None
    assert PLAIN.resize == 256


def test_this_machine() -> None:
    here = Machine.here(torch.device("cpu"))
    assert (here.device, here.threads, here.pytorch) == ("cpu", torch.get_num_threads(), torch.__version__)
    assert provenance(machine=here).unknown == ()


@pytest.mark.parametrize("content", [None, "8 frames", [], {"protocol": "8 frames"}, {"sampling": {"frames": 0}}])
def test_other_values_are_refused(content: object) -> None:
    with pytest.raises(UserError, match=r"x\.npz"):
        Provenance.from_dict(content, "x.npz")
