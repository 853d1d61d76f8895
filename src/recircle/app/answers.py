"""What the page says of a clip, before any of it becomes a page: plain values and pictures."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recircle.decode.error import DecodeError
from recircle.decode.probe import Probe
from recircle.errors import UserError
from recircle.explain.explain import explain
from recircle.inference.recognition import Recognition
from recircle.inference.recognizer import Recognizer
from recircle.inference.usual_window import usual_window
from recircle.report.timeline_picture import write_timeline_picture
from recircle.run import Run
from recircle.serving.limits import Limits
from recircle.timelines.segments import Segment, Segmentation

LONG = 1.5
"""Windows that a video must last to have a timeline: below, it would say what the classes say."""


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """The classes of a clip.

    Attributes:
        recognition: as `recircle predict` has it.
        seconds: that the clip lasts; 0 where it does not say.
    """

    recognition: Recognition
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Where the network looked.

    Attributes:
        found: in a sentence.
        activation: a WebP file: the clip, moving, with its class activation map.
        states: for each ARC layer drawn its name and a PNG file; empty where no layer has states that evolve.
    """

    found: str
    activation: bytes
    states: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, kw_only=True)
class OverTime:
    """What happens when.

    Attributes:
        segments: each class from its start to its end.
        picture: a PNG file of the probabilities over time.
    """

    segments: tuple[Segment, ...]
    picture: bytes


class Answers:
    """A run that is asked about clips.

    Attributes:
        run: the run.
        recognizer: what recognises.
        limits: of a clip.
        window: seconds of a window of the timeline; None where nobody knows how long the clips of its training were.
    """

    def __init__(
        self, run: Path, *, options: dict[str, Any], limits: Limits, device: str = "auto", window: float | None = None
    ) -> None:
        """Load the run.

        Args:
            run: its folder, or `hf:OWNER/NAME` of one that was pushed.
            options: of `Recognizer.load`.
            limits: of a clip.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".
            window: None is the middle length of the clips that the run was trained on.

        Raises:
            UserError: the run cannot be loaded.
        """
        self.run, self.limits, self._device = Run.open(run), limits, device
        self.recognizer = Recognizer.load(run, device, seconds=limits.decoding, **options)
        self.window = window or _usual_seconds(self.run)

    def close(self) -> None:
        """End the process that decodes."""
        self.recognizer.close()

    def recognise(self, clip: Path) -> Recognised:
        """Return the classes of a clip.

        Raises:
            DecodeError: it cannot be decoded, or is beyond the limits.
            UserError: its frames are too small for the network.
        """
        seconds = 0.0

        def check(path: Path, found: Probe) -> None:
            nonlocal seconds
            self.limits.check(path, found)
            seconds = found.frames / found.fps if found.fps else 0.0

        (result,) = self.recognizer.together([clip], check=check)
        if isinstance(result, DecodeError):
            raise result
        return Recognised(recognition=result, seconds=seconds)

    def look(self, clip: Path) -> Looked:
        """Return where the network sees evidence for the class that it predicts, and the states of its ARC layers.

        Raises:
            DecodeError: the clip cannot be decoded.
            UserError: the network is of a kind that has no such maps.
        """
        with tempfile.TemporaryDirectory(prefix="recircle-app-") as folder:
            seen = explain(self.run.path, clip, output=folder, device=self._device, seconds=self.limits.decoding)
            states = [path for path in seen.files if path.name.startswith("states_") and path.suffix == ".png"]
            return Looked(
                found=seen.seen.describe(),
                activation=Path(folder, "activation.webp").read_bytes(),
                states=tuple((path.stem.removeprefix("states_"), path.read_bytes()) for path in states),
            )

    def follow(self, clip: Path, seconds: float) -> OverTime | None:
        """Return what happens when in a clip that lasts so long, or None where it is no longer than a window.

        Raises:
            DecodeError: the clip cannot be decoded.
        """
        if self.window is None or seconds < LONG * self.window:
            return None
        timeline = self.recognizer.timeline(clip, window=self.window)
        rules = Segmentation()
        segments = timeline.segments(rules)
        with tempfile.TemporaryDirectory(prefix="recircle-app-") as folder:
            picture = Path(folder, "timeline.png")
            write_timeline_picture(picture, timeline, segments, rules)
            return OverTime(segments=tuple(segments), picture=picture.read_bytes())


def example_clips(run: Run, *, count: int = 6) -> Sequence[Path]:
    """Return some video files that training evaluated on, of as many classes as there are; none where none is left."""
    from recircle.evaluation.evaluate import clips_to_evaluate

    try:
        clips, _ = clips_to_evaluate(run, run.load_spec(), None, None)
    except UserError:
        return ()
    by_class: dict[str, Path] = {}
    for clip in clips.clips:
        path = clips.address(clip)
        if clip.label not in by_class and path.is_file():
            by_class[clip.label] = path
        if len(by_class) == count:
            break
    return tuple(by_class.values())


def _usual_seconds(run: Run) -> float | None:
    try:
        return usual_window(run).seconds
    except UserError:
        return None
