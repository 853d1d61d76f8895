"""Files of versions that saved in words what was measured: the one place where such words are read."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from recircle.evaluation.order import Order
from recircle.evaluation.protocol import Fusion, Protocol
from recircle.evaluation.provenance import ClipSource, EarlierWords, Provenance
from recircle.views.crops import Crops
from recircle.views.sampling import By, Sampling

_PROTOCOL = re.compile(
    r"(?P<positions>\d+)(?:x(?P<snippet>\d+))? frames?(?: (?P<stride>\d+) apart)?"
    r"(?: by (?P<by>time|index)| at (?P<fps>[\d.e+-]+) fps)?"
    r" x (?P<clips>\d+) clips? x (?P<crops>\d+) crops? of (?P<view>\d+(?:x\d+)?) px from (?P<resize>\d+(?:x\d+)?) px, "
    r"(?P<fusion>softmax|logits) mean(?P<bf16>, bf16)?"
    r"(?:, frames (?P<order>reversed|shuffled)(?: \(seed (?P<seed>\d+)\))?|, the (?P<single>middle) frame only)?"
)
_DATA = re.compile(
    r"(?P<manifest>.+?)(?: \((?P<datasets>[^()]+)\))?, "
    r"(?:split (?P<split>\S+)|(?P<all>all clips)|(?P<held>clips held out in training))",
    re.DOTALL,
)


def upgraded(content: Mapping[str, Any], *, tells_precision: bool = True) -> dict[str, Any]:
    """Return what a file holds, with `provenance` in the place of the words in `protocol` and `data`.

    Predictions in the format 1, calibration.json and the lines of metrics.jsonl had these words. What has none, or
    has no text there, is returned as it is.

    Args:
        content: the JSON object.
        tells_precision: whether words without a precision mean fp32; those of training never named it.
    """
    protocol, data = content.get("protocol"), content.get("data", "")
    if "provenance" in content or not isinstance(protocol, str) or not isinstance(data, str):
        return dict(content)
    found = read_words(protocol, data)
    if not tells_precision:
        found = replace(found, precision=None)
    kept = {name: value for name, value in content.items() if name not in ("protocol", "data")}
    return kept | {"provenance": found.to_dict()}


def read_words(protocol: str, data: str = "") -> Provenance:
    """Return what words tell; what they do not tell is None.

    They never tell the colours that a network wants, so the preprocessing is not known, nor the machine and the version
    of this package. Words that cannot be read tell nothing, and are printed as they are.

    Args:
        protocol: such as `8 frames by time x 1 clip x 1 crop of 224 px from 256 px, softmax mean`; those of several
            networks are joined by " + ". Before there was a choice, frames were counted, and the words do not say so.
        data: such as `clips/manifest.csv (jester), split val`.
    """
    parts = protocol.split(" + ")
    networks = [_network(part) for part in parts]
    if not all(one.protocol for one in networks):
        # a " + " of something else
        networks = [_network(protocol)]
    clips = _clips(data)
    networks = [
        replace(one, clips=clips, earlier=replace(one.earlier or EarlierWords(), data=data)) for one in networks
    ]
    return replace(networks[0], others=tuple(networks[1:]))


def _network(words: str) -> Provenance:
    nothing = Provenance(recircle="", earlier=EarlierWords(protocol=words))
    found = _PROTOCOL.fullmatch(words)
    if found is None:
        return nothing
    order = "single" if found["single"] else found["order"] or "as is"
    try:
        return Provenance(
            protocol=Protocol(
                clips=int(found["clips"]),
                crops=cast(Crops, int(found["crops"])),
                fusion=cast(Fusion, found["fusion"]),
            ),
            sampling=_sampling(found),
            order=cast(Order, order),
            order_seed=int(found["seed"]) if found["seed"] else None,
            precision="bf16" if found["bf16"] else "fp32",
            recircle="",
            earlier=EarlierWords(protocol=words, view=_pair(found["view"]), resize=_side(found["resize"])),
        )
    except ValueError:
        return nothing


def _sampling(found: re.Match[str]) -> Sampling:
    snippet = int(found["snippet"] or 1)
    by = found["by"] or ("time" if found["fps"] else "index")
    return Sampling(
        frames=int(found["positions"]) * snippet,
        mode="dense" if found["stride"] else "segments",
        stride=int(found["stride"] or 8),
        snippet=snippet,
        by=cast(By, by),
        fps=float(found["fps"]) if found["fps"] else None,
    )


def _clips(words: str) -> ClipSource | None:
    found = _DATA.fullmatch(words)
    if found is None:
        return None
    split = "all" if found["all"] else "held out" if found["held"] else found["split"]
    datasets = tuple(found["datasets"].split(", ")) if found["datasets"] else ()
    return ClipSource(manifest=found["manifest"], datasets=datasets, split=split)


def _side(words: str) -> int | tuple[int, int]:
    return _pair(words) if "x" in words else int(words)


def _pair(words: str) -> tuple[int, int]:
    height, _, width = words.partition("x")
    return int(height), int(width or height)
