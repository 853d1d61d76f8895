"""What became of a weight file."""

from dataclasses import dataclass
from pathlib import Path

from recircle.public import public


@public
@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What a weight file gave a network; its text is one sentence.

    Attributes:
        path: the file; of a network of another library, the folder or the name in its hub.
        loaded: how many tensors were loaded.
        left_out: keys of the file's classifier, where it has other classes and a new one is wanted.
        kept: parameters that the file cannot have and that keep their initial values: those of ARC layers, and what a
            video network adds to the image network whose weights these are.
        weights: the name of known weights, or of a network of another library; empty for a file of one's own.
        note: what else one must know of them.
        unused: tensors of the file that the network has no place for, such as those of another task.
        classifier: why the file's classifier was taken over, where a new one would have been usual.
    """

    path: Path
    loaded: int
    left_out: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    weights: str = ""
    note: str = ""
    unused: tuple[str, ...] = ()
    classifier: str = ""

    def __str__(self) -> str:
        text = f"{self.loaded} tensors loaded from {self.path}"
        if self.weights:
            text = f"{self.loaded} tensors loaded from the weights {self.weights} ({self.path})"
        if self.left_out:
            text += "; its classifier, of other classes, was left out"
        if self.classifier:
            text += f"; its classifier was kept: {self.classifier}"
        if self.kept:
            text += f"; {len(self.kept)} parameters that were added to that network keep their initial values"
        if self.note:
            text += f"; they are {self.note}" if self.note.startswith("trained") else f"; note: {self.note}"
        if self.unused:
            text += f"; {len(self.unused)} of its tensors are of another task, and were left out"
        return text
