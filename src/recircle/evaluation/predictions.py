"""What a network said about each view of each clip: saved once, and all metrics come from it."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np
from numpy.typing import NDArray

from recircle import __version__
from recircle.errors import UserError
from recircle.evaluation.earlier import upgraded
from recircle.evaluation.protocol import Fusion
from recircle.evaluation.provenance import Provenance
from recircle.files import atomic_write, make_folder
from recircle.public import public
from recircle.written_by import FIELD, upgrade_needed

FORMAT = "recircle predictions 2"
EARLIER_FORMAT = "recircle predictions 1"
"""With words in the place of values; read, and no longer written."""

_MOST_PACKED, _ALWAYS_ALLOWED = 100, 1 << 24
"""A file may unpack to so many times its size, and so many bytes more: scores hardly compress, names do."""

_FUSED_AT_ONCE = 1 << 18
"""Scores that are computed together; in double precision they fit a processor's cache."""


@public
@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Logits of every view of N clips.

    Attributes:
        logits: float32 [N, V, K], V views of each clip in the order clip-major, crop-minor.
        labels: int64 [N], the true class of each clip, -1 where none is known.
        paths: N paths, relative to the manifest's folder.
        classes: names of the K classes.
        families: the family of a class, where it has one.
        fusion: how views become one score.
        provenance: which clips these are, and how the network was run on them.
        left_out: paths of the clips that could not be decoded and are not among the N.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    paths: tuple[str, ...]
    classes: tuple[str, ...]
    provenance: Provenance
    fusion: Fusion = "softmax"
    families: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count, classes = len(self.paths), len(self.classes)
        if self.logits.ndim != 3 or (self.logits.shape[0], self.logits.shape[2]) != (count, classes):
            raise ValueError(f"logits {self.logits.shape} must be [{count} clips, views, {classes} classes]")
        if self.labels.shape != (count,):
            raise ValueError(f"labels {self.labels.shape} must be [{count}], one for each clip")

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def protocol(self) -> str:
        """The whole protocol in words."""
        return self.provenance.protocol_words

    @property
    def data(self) -> str:
        """Which clips these are, in words: the manifest and the part of it."""
        return self.provenance.data_words

    def scores(self, temperature: float = 1.0) -> NDArray[np.float64]:
        """Return one probability per clip and class, [N, K]: the views' logits fused as the protocol says.

        Without a temperature it is the same array each time, which is not to be changed.
        """
        return self._scores if temperature == 1 else fuse(self.logits, self.fusion, temperature)

    @cached_property
    def _scores(self) -> NDArray[np.float64]:
        # all figures, tables and pictures of an evaluation begin with them
        return fuse(self.logits, self.fusion)

    def labelled(self) -> "Predictions":
        """Return the clips whose class is known."""
        return self._labelled

    @cached_property
    def _labelled(self) -> "Predictions":
        known = self.labels >= 0
        if known.all():
            return self
        paths = tuple(path for path, keep in zip(self.paths, known) if keep)
        return replace(self, logits=self.logits[known], labels=self.labels[known], paths=paths)

    def measurable(self) -> "Predictions":
        """Return the clips whose class is known, as `labelled` does.

        Raises:
            UserError: there is none.
        """
        known = self.labelled()
        if not len(known):
            raise UserError("none of the predicted clips has a label, so there is nothing to measure")
        return known

    def save(self, path: Path) -> None:
        """Write a compressed .npz of plain arrays; names and words are UTF-8 JSON in a byte array (no pickle)."""
        words = {
            "format": FORMAT,
            FIELD: __version__,
            "paths": self.paths,
            "classes": self.classes,
            "families": dict(self.families),
            "provenance": self.provenance.to_dict(),
            "fusion": self.fusion,
            "left_out": self.left_out,
        }
        encoded = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                np.savez_compressed(file, logits=self.logits, labels=self.labels, words=encoded)

        make_folder(path.parent)
        atomic_write(path, write)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read what `save` wrote, in this version or an earlier one.

        Raises:
            UserError: the file is missing, damaged, or no predictions of this project.
        """
        try:
            if path.is_fifo() or path.is_char_device():  # which may be waited for without end
                raise UserError(f"{path} is a device or pipe; give a file that `recircle eval` wrote")
            # opened here, since numpy leaves a damaged file open
            with path.open("rb") as file:
                if _unpacked(file) > _MOST_PACKED * path.stat().st_size + _ALWAYS_ALLOWED:
                    raise UserError(f"{path} unpacks to far more than predictions do, so it is not read")
                file.seek(0)
                with np.load(file, allow_pickle=False) as arrays:
                    words = json.loads(arrays["words"].tobytes())
                    logits, labels = arrays["logits"], arrays["labels"]
        except UserError:
            raise
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
        except Exception:  # what is in a file that is none may fail in any way
            raise UserError(f"{path} is not a file of predictions; `recircle eval` writes them") from None
        version = words.pop(FIELD, None) if isinstance(words, dict) else None
        try:
            return cls._from_parts(path, words, logits, labels)
        except UserError as error:
            if (needed := upgrade_needed(path, version)) is None:
                raise
            raise UserError(f"{needed} ({str(error).removeprefix(f'{path} ')})") from None

    @classmethod
    def _from_parts(cls, path: Path, words: Any, logits: NDArray[Any], labels: NDArray[Any]) -> "Predictions":
        form = words.pop("format", None) if isinstance(words, dict) else None
        if form not in (FORMAT, EARLIER_FORMAT):
            raise UserError(f"{path} is not in the format {FORMAT!r}; write it again with `recircle eval`")
        if form == EARLIER_FORMAT:
            words = upgraded(words)
        fault = _fault(words, logits, labels)
        if fault:
            raise UserError(f"{path} holds no predictions: {fault}; write it again with `recircle eval`")
        for name in ("paths", "classes", "left_out"):
            words[name] = tuple(words.get(name, ()))
        words["provenance"] = Provenance.from_dict(words.get("provenance"), f"{path}, provenance")
        try:
            return cls(logits=logits, labels=labels, **words)
        except (ValueError, TypeError) as error:
            raise UserError(f"{path} holds no predictions: {error}; write it again with `recircle eval`") from None


def _unpacked(file: BinaryIO) -> int:
    """Return how many bytes an archive claims to unpack to."""
    with zipfile.ZipFile(file) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _fault(words: Mapping[str, Any], logits: NDArray[Any], labels: NDArray[Any]) -> str:
    """Return what is wrong with the parts of a file, empty if nothing is."""
    for name in ("paths", "classes", "left_out"):
        value = words.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            return f"its {name} are not a list of names"
    families = words.get("families", {})
    if not isinstance(families, dict) or not all(isinstance(one, str) for one in families.values()):
        return "its families are not names"
    if not isinstance(words.get("provenance"), dict):
        return "it does not say what was measured"
    if words.get("fusion", "softmax") not in get_args(Fusion):
        return f"its fusion is not one of {', '.join(get_args(Fusion))}"
    if logits.dtype.kind != "f" or labels.dtype.kind not in "iu":
        return "its scores or labels are not numbers"
    if labels.size and not (labels.min() >= -1 and labels.max() < len(words.get("classes", []))):
        return "its labels are not numbers of its classes"
    return ""


def fuse(logits: NDArray[np.floating], fusion: Fusion = "softmax", temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities [N, K] from the logits [N, V, K] of the views, in float64.

    "softmax" averages the views' probabilities; "logits" averages the logits, then takes one softmax. Before that the
    logits of each view are divided by the temperature.
    """
    count, views, classes = logits.shape
    scores = np.empty((count, classes))
    rows = max(1, _FUSED_AT_ONCE // max(1, views * classes))
    for start in range(0, count, rows):
        exact = logits[start : start + rows].astype(np.float64) / temperature
        if fusion == "logits":
            scores[start : start + rows] = _softmax(exact.mean(axis=1))
        else:
            scores[start : start + rows] = _softmax(exact).mean(axis=1)
    return scores


def log_probabilities(
    logits: NDArray[np.floating], fusion: Fusion = "softmax", temperature: float = 1.0
) -> NDArray[np.float64]:
    """Return the logarithm of what `fuse` returns, also where that is too small for a float; logits are finite."""
    exact = logits.astype(np.float64) / temperature
    if fusion == "logits":
        exact = exact.mean(axis=1, keepdims=True)
    logs = exact - _log_sum_exp(exact, -1)
    return (_log_sum_exp(logs, 1) - np.log(logs.shape[1])).squeeze(1)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    # a diverged network's infinities become nan, which the metrics count as wrong; no need to warn of each
    with np.errstate(invalid="ignore"):
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _log_sum_exp(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    largest = values.max(axis=axis, keepdims=True)
    return largest + np.log(np.exp(values - largest).sum(axis=axis, keepdims=True))
