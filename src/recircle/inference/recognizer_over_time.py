"""What a recogniser does with videos that go on: windows, frames as they come, timelines."""

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from recircle.decode.pool import DecoderPool
from recircle.decode.running import Passage
from recircle.engines.engine import Engine
from recircle.errors import UserError
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import Provenance
from recircle.inference.online import Online, begin_online
from recircle.inference.over_time import run_through, size_of
from recircle.inference.recognition import Recognition
from recircle.inference.scoring import Scoring
from recircle.inference.show import preview
from recircle.inference.stream import Stream, check_times
from recircle.models.base import VideoModel
from recircle.models.digest import digest_of
from recircle.timelines.timeline import Timeline, of_windows
from recircle.views.views import EvalViews


class OverTime:
    """The part of a recogniser that is for videos longer than a clip; see `Recognizer`."""

    labels: tuple[str, ...]
    protocol: Protocol
    temperature: float
    provenance: Provenance
    _engine: Engine
    _model: VideoModel
    _views: EvalViews
    _scoring: Scoring
    _decoders: DecoderPool

    def stream(self, *, window: float, stride: float | None = None, fps: float = 0.0, batch_size: int = 1) -> Stream:
        """Return a stream, which recognises frames as they come; each window as the clip that its frames are.

        Args:
            window: seconds of a window.
            stride: seconds from the start of one window to that of the next; None is a quarter of the window.
            fps: frames a second, where the source says so; only how a varying rate is told from a constant one, and
                sampling at a rate, depend on it.
            batch_size: windows that pass the network together: faster where it is small, later, and equal to one by one
                up to rounding.

        Raises:
            UserError: a length of time is not above 0, or `batch_size` is below 1.
        """
        return Stream(
            partial(self._recognize, with_preview=False),
            self._views,
            window=window,
            stride=window / 4 if stride is None else stride,
            fps=fps,
            batch_size=batch_size,
        )

    def online(self, *, every: float | None = None) -> Online:
        """Return what recognises a video frame by frame, at the cost of one frame for each, with a causal network.

        It speaks of all frames since its beginning. To speak of the last seconds, and with any network, take `stream`,
        which computes each window anew.

        Args:
            every: seconds between the frames that the network sees; 0 shows it each frame. None is as the run samples
                where that has a rate: `stride` frames apart, at its `fps`. A network that learned from frames spread
                over whole clips has seen them some part of a clip apart, which is not known here: None shows it each
                frame then, and a warning says so.

        Raises:
            UserError: the network is not causal, the recogniser has several clips or another engine than PyTorch, or
                `every` is below 0.
        """
        if self._engine.name != "torch" or self._engine.precision != "fp32":
            raise UserError(
                f"online recognition runs in torch and fp32, not in {self._engine.name} and {self._engine.precision}: "
                "load the recogniser so, or write the network of a step with `recircle export RUN --online`"
            )
        return begin_online(self._model, self._views, self._scoring.so_far, every=every, device=self._engine.device)

    def timeline(
        self,
        path: str | Path,
        *,
        window: float,
        stride: float | None = None,
        fps: float = 0.0,
        batch_size: int = 1,
        progress: Callable[[float, float], object] | None = None,
    ) -> Timeline:
        """Recognise a video over time. It is decoded once, and its length does not matter.

        It is what `stream` makes of its frames. Damaged frames are left out, which the notes of the timeline say.

        Args:
            path: a video file, an animation, or a folder of frames.
            window: see `stream`.
            stride: likewise.
            fps: frames a second of a folder of frames, or of a file that does not say when its frames are shown.
            batch_size: see `stream`.
            progress: called now and then with the seconds done, and those in all as far as the file says (else 0).

        Raises:
            DecodeError: no frame decodes, or it is not known when they are shown.
            UserError: see `stream`; or frames are too small for the crop, or no process can be started.
        """
        stride = window / 4 if stride is None else stride
        check_times(window, stride)
        passage = Passage()

        def make_stream(rate: float) -> Stream:
            return self.stream(window=window, stride=stride, fps=rate, batch_size=batch_size)

        passed = run_through(self._decoders.running(Path(path), passage, fps=fps), passage, make_stream, progress)
        return Timeline(
            video=str(path),
            seconds=passed.seconds,
            window=window,
            stride=stride,
            **of_windows(passed.windows, self.protocol.views, len(self.labels)),
            labels=self.labels,
            families=self._scoring.families,
            temperature=self.temperature,
            provenance=self.provenance,
            size=size_of(path),
            network=self.digest,
            notes=tuple(passage.notes),
            glimpses=passed.glimpses,
        )

    @cached_property
    def digest(self) -> str:
        """What tells this network, as it is run, from others that were trained."""
        return digest_of(self._model)

    def _recognize(self, views: UInt8[Tensor, "B V T 3 h w"], *, with_preview: bool = True) -> list[Recognition]:
        logits = self._engine(views).cpu().numpy()
        return self._scoring.clips(logits, [preview(clip) for clip in views[:, 0]] if with_preview else None)
