"""The scores of a video over time, as they are kept in a file."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recircle import __version__
from recircle.errors import UserError
from recircle.evaluation.predictions import fuse
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import Provenance
from recircle.files import atomic_write, make_folder
from recircle.public import public
from recircle.timelines.glimpses import Glimpses
from recircle.timelines.segments import Segment, Segmentation, cut_segments
from recircle.words import counted
from recircle.written_by import FIELD, upgrade_needed

FORMAT = "recircle timeline 1"


@public
@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What a network says of a video over time: the classes of N windows.

    Attributes:
        video: the path of the video, as it was given.
        seconds: how long it is, from its first frame to the end of its last.
        window: seconds of a window.
        stride: seconds from the start of one to that of the next.
        starts: [N], when each window begins, in seconds after the first frame; a window without a frame is left out.
        ends: [N], when each ends.
        frames: [N], how many frames each holds.
        logits: float32 [N, V, K], of the views of each.
        labels: the K classes.
        families: the family of a class, where it has one.
        temperature: what logits are divided by before their softmax.
        provenance: how the network was run.
        size: bytes of the video's file; 0 for a folder.
        network: what tells one trained network from another, such as a digest of its weights; empty if not known.
        notes: what is wrong with the file, in words.
        glimpses: small pictures over time, in which repetitions are counted.
    """

    video: str
    seconds: float
    window: float
    stride: float
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    frames: NDArray[np.int64]
    logits: NDArray[np.float32] = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)
    families: Mapping[str, str] = field(default_factory=dict, repr=False)
    temperature: float = 1.0
    provenance: Provenance = field(repr=False)
    size: int = 0
    network: str = ""
    notes: tuple[str, ...] = ()
    glimpses: Glimpses = field(default_factory=Glimpses.none, repr=False)

    def __post_init__(self) -> None:
        count = len(self.starts)
        if self.logits.ndim != 3 or (len(self.logits), self.logits.shape[2]) != (count, len(self.labels)):
            raise ValueError(f"logits {self.logits.shape} must be [{count} windows, views, {len(self.labels)} classes]")
        if not len(self.ends) == len(self.frames) == count:
            raise ValueError(f"ends and frames must be [{count}], one for each window")

    def __len__(self) -> int:
        return len(self.starts)

    def __str__(self) -> str:
        windows = counted(len(self), "window")
        return f"{self.video}: {windows} of {self.window:g} s, each {self.stride:g} s, over {self.seconds:.1f} s"

    @property
    def protocol(self) -> Protocol:
        """Views and fusion."""
        return self.provenance.protocol or Protocol()

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Of the classes in each window, [N, K]: the views' logits fused as the protocol says."""
        return fuse(self.logits, self.protocol.fusion, self.temperature)

    @property
    def middles(self) -> NDArray[np.float64]:
        """The moments for which the windows speak, [N]."""
        return (self.starts + self.ends) / 2

    @property
    def cells(self) -> NDArray[np.float64]:
        """From when to when each window speaks, [N, 2]: half way to its neighbours, and to the ends of the video.

        Where frames are missing for long, a window speaks for its own length only.
        """
        middles, reach = self.middles, max(self.window, self.stride) / 2
        if not len(middles):
            return np.zeros((0, 2))
        apart = np.diff(middles)
        near = apart <= max(self.stride, self.window) + 1e-6
        between = (middles[1:] + middles[:-1]) / 2
        return np.stack(
            [
                np.concatenate([[0.0], np.where(near, between, middles[1:] - reach)]),
                np.concatenate([np.where(near, between, middles[:-1] + reach), [self.seconds]]),
            ],
            axis=1,
        )

    def segments(self, rules: Segmentation | None = None) -> list[Segment]:
        """Return what happens when, each class from its start to its end.

        Args:
            rules: what counts; None takes `Segmentation()`.

        Raises:
            UserError: the rules name a class that the network does not know.
        """
        return cut_segments(self.probabilities, self.cells, self.labels, rules or Segmentation(), self.glimpses)

    def save(self, path: Path) -> None:
        """Write a compressed .npz of plain arrays; names and words are UTF-8 JSON in a byte array (no pickle)."""
        words = {
            "format": FORMAT,
            FIELD: __version__,
            "video": self.video,
            "seconds": self.seconds,
            "window": self.window,
            "stride": self.stride,
            "labels": self.labels,
            "families": dict(self.families),
            "temperature": self.temperature,
            "provenance": self.provenance.to_dict(),
            "size": self.size,
            "network": self.network,
            "notes": self.notes,
        }
        arrays: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {"glimpses": self.glimpses.pictures, "glimpse_times": self.glimpses.times}
        encoded = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, words=encoded, **arrays)

        make_folder(path.parent)
        atomic_write(path, write)

    @classmethod
    def load(cls, path: str | Path) -> "Timeline":
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing, damaged, or no timeline.
        """
        path = Path(path)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                words = json.loads(arrays["words"].tobytes())
                values = {name: arrays[name] for name in _ARRAYS}
                glimpses = Glimpses(arrays["glimpse_times"], arrays["glimpses"])
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, UnicodeDecodeError):
            raise UserError(f"{path} is not a timeline; `recircle timeline` writes them") from None
        version = words.pop(FIELD, None) if isinstance(words, dict) else None
        if not isinstance(words, dict) or words.pop("format", None) != FORMAT:
            raise UserError(
                upgrade_needed(path, version) or f"{path} is not a timeline; `recircle timeline` writes them"
            )
        try:
            words["provenance"] = Provenance.from_dict(words.get("provenance"), f"{path}, provenance")
            for name in ("labels", "notes"):
                words[name] = tuple(words[name])
            return cls(**words, **values, glimpses=glimpses)
        except (TypeError, ValueError, KeyError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"{path} holds no timeline: {error}; make it again with `recircle timeline`") from None


_ARRAYS = ("starts", "ends", "frames", "logits")


def of_windows(
    windows: Sequence[tuple[float, float, int, NDArray[np.float32]]], views: int, classes: int
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a timeline, from (start, end, frames, logits [V, K]) of each window."""
    return {
        "starts": np.array([start for start, *_ in windows], np.float64),
        "ends": np.array([end for _, end, *_ in windows], np.float64),
        "frames": np.array([frames for _, _, frames, _ in windows], np.int64),
        "logits": np.stack([logits for *_, logits in windows])
        if windows
        else np.zeros((0, views, classes), np.float32),
    }
