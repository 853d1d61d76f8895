"""What figures were measured under, as values: the words that are printed come from them, and they are compared."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from recircle import __version__
from recircle.config import from_json, to_json
from recircle.engines.engine import EngineName, Precision
from recircle.evaluation.machine import Machine
from recircle.evaluation.order import Order, describe_order
from recircle.evaluation.protocol import Protocol
from recircle.public import public
from recircle.views.crops import view_size
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.words import counted


@public
@dataclass(frozen=True, kw_only=True)
class ClipSource:
    """Which clips were measured on.

    Attributes:
        manifest: the path of their manifest.
        datasets: the data sets that they come from, where the manifest names them.
        split: their split; "all" for all clips, "held out" for those that training held out, whatever its rule, and
            "out of sample" for all clips, each predicted by the network of a fold that had not seen it.
    """

    manifest: str
    datasets: tuple[str, ...] = ()
    split: str = "all"

    @property
    def part(self) -> str:
        """Which part of the manifest it is, in words."""
        words = {
            "all": "all clips",
            "held out": "clips held out in training",
            "out of sample": "all clips, each by a network that had not seen it",
        }
        return words.get(self.split, f"split {self.split}")

    def __str__(self) -> str:
        of = f" ({', '.join(self.datasets)})" if self.datasets else ""
        return f"{self.manifest}{of}, {self.part}"


@public
@dataclass(frozen=True, kw_only=True)
class EarlierWords:
    """What a file of a version that saved words has in the place of values.

    Attributes:
        protocol: views, their mean, precision and order, in words.
        data: which clips, in words.
        view: (height, width) of a view, where the words could be read.
        resize: as in `Preprocessing`, likewise.
    """

    protocol: str = ""
    data: str = ""
    view: tuple[int, int] | None = None
    resize: int | tuple[int, int] | None = None


@public
@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What predictions, and the figures that come from them, were measured under.

    Fields that a file of an earlier version does not tell are None; `unknown` names them.

    Attributes:
        protocol: views of a clip, and how their outputs become one score.
        sampling: which frames a view has.
        preprocessing: from uint8 frames to the network's input.
        clips: which clips.
        averaged: over views: their scores, as the protocol says, or their features.
        order: of the frames that the network saw.
        order_seed: of frames that were shuffled.
        precision: of the forward pass.
        engine: what ran the network. Two engines of one precision count as alike, since no file is exported whose
            logits differ by more than rounding.
        steps: recursive steps of ARC layers, where they ran in fewer than they had learned.
        machine: that ran the network.
        recircle: version of this package that ran it; empty if it is not known.
        others: of the other networks whose views are averaged with those of this one, on the same clips.
        earlier: what a file of an earlier version says; words are printed as they stand there.
    """

    protocol: Protocol | None = None
    sampling: Sampling | None = None
    preprocessing: Preprocessing | None = None
    clips: ClipSource | None = None
    averaged: Literal["scores", "features"] = "scores"
    order: Order | None = None
    order_seed: int | None = None
    precision: Precision | None = None
    engine: EngineName = "torch"
    steps: int | None = None
    machine: Machine | None = None
    recircle: str = __version__
    others: tuple["Provenance", ...] = ()
    earlier: EarlierWords | None = None

    @property
    def networks(self) -> tuple["Provenance", ...]:
        """Of each network whose views are averaged; mostly of one."""
        return (replace(self, others=()), *self.others)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of what is not known, since the file is of an earlier version."""
        names = ("protocol", "sampling", "preprocessing", "clips", "order", "precision", "machine")
        return tuple(name for name in names if getattr(self, name) is None) + ("recircle",) * (not self.recircle)

    @property
    def view(self) -> tuple[int, int] | None:
        """(height, width) of a view in pixels."""
        if self.protocol is not None and self.preprocessing is not None:
            return view_size(self.preprocessing, self.protocol.crops)
        return self.earlier.view if self.earlier is not None else None

    @property
    def resize(self) -> int | tuple[int, int] | None:
        """Size that frames had before a view was cut from them, as in `Preprocessing`."""
        if self.preprocessing is not None:
            return self.preprocessing.resize
        return self.earlier.resize if self.earlier is not None else None

    @property
    def protocol_words(self) -> str:
        """What is printed beside figures: frames, views, sizes, mean, precision, order; empty if nothing is known."""
        return " + ".join(words for words in (one._words() for one in self.networks) if words)

    @property
    def data_words(self) -> str:
        """Which clips: the manifest, its data sets and the part of it; empty if nothing is known."""
        if self.clips is not None:
            return str(self.clips)
        return self.earlier.data if self.earlier is not None else ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return json.loads(to_json(self))

    @classmethod
    def from_dict(cls, content: Any, source: str | Path) -> "Provenance":
        """Read what `to_dict` returned.

        Args:
            content: plain values.
            source: the file that they come from, for messages.

        Raises:
            UserError: they are not such values; the message names the field.
        """
        return from_json(cls, json.dumps(content), source=source)

    def _words(self) -> str:
        if self.earlier is not None:
            return self.earlier.protocol
        if self.protocol is None or self.sampling is None or self.preprocessing is None:
            return ""
        mean = "feature" if self.averaged == "features" else self.protocol.fusion
        precision = "" if self.precision in (None, "fp32") else f", {self.precision}"
        engine = "" if self.engine == "torch" else f", in {self.engine}"
        steps = "" if self.steps is None else f", ARC in {counted(self.steps, 'step')}"
        order = describe_order(self.order or "as is", self.order_seed or 0)
        return f"{self.protocol.describe(self.sampling, self.preprocessing, mean)}{precision}{engine}{steps}{order}"

    def _compared(self) -> dict[str, object]:
        """Return what makes two protocols different, by the names to show."""
        if self.protocol is None or self.sampling is None:
            return {"protocol": self._words()}
        sampling, protocol = self.sampling, self.protocol
        return {
            "frames": sampling.frames,
            "sampling mode": sampling.mode,
            "stride": sampling.stride if sampling.mode == "dense" else None,
            "snippet": sampling.snippet,
            "sampling by time or index": sampling.by,
            # as many digits as are printed, which is all that earlier versions saved
            "fps": None if sampling.fps is None else float(f"{sampling.fps:g}"),
            "clips": protocol.clips,
            "crops": protocol.crops,
            "view size": self.view,
            "resize": self.resize,
            "fusion": protocol.fusion if self.averaged == "scores" else None,
            "what is averaged": self.averaged,
            "order of frames": (self.order, self.order_seed),
            "precision": self.precision,
            "recursive steps": self.steps,
        }


def differing(here: Provenance, there: Provenance) -> tuple[str, ...]:
    """Return the names of what differs in how two networks were tested; empty if they were tested alike.

    The clips, the machine, the version, and the colours that a network wants are not part of that.
    """
    if len(here.networks) != len(there.networks):
        return ("number of networks averaged",)
    names: dict[str, None] = {}
    for one, other in zip(here.networks, there.networks):
        a, b = one._compared(), other._compared()
        if a.keys() != b.keys():
            # words that cannot be read stand against values
            names["protocol"] = None
        else:
            names |= dict.fromkeys(name for name in a if a[name] != b[name])
    return tuple(names)


def same_clips(here: Provenance, there: Provenance) -> bool:
    """Whether two networks were tested on the same part of the same manifest."""
    if here.clips is None and there.clips is None:
        return here.data_words == there.data_words
    return here.clips == there.clips
