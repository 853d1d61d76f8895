"""The recogniser: a run's folder in, then clips in and classes out."""

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from recircle.arc.fewer_steps import fewer_steps
from recircle.decode.frames import DecodeError
from recircle.decode.limits import FILE_SECONDS
from recircle.decode.pool import DecoderPool
from recircle.decode.probe import Probe
from recircle.decode.running import Passage
from recircle.errors import UserError
from recircle.evaluation.calibration import Calibration
from recircle.evaluation.forward import pick_device
from recircle.evaluation.machine import Machine
from recircle.evaluation.predict import logits_of_views
from recircle.evaluation.predictions import fuse
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import Provenance, differing
from recircle.inference.clips import Clip, name_of, opened
from recircle.inference.online import Online
from recircle.inference.over_time import digest_of, run_through, size_of
from recircle.inference.recognition import Recognition
from recircle.inference.show import preview
from recircle.inference.stream import Stream, check_times
from recircle.models.base import VideoModel
from recircle.public import public
from recircle.run import Run
from recircle.surgery.prepare import prepare_for_inference
from recircle.timelines.timeline import Timeline, of_windows
from recircle.views.crops import Crops
from recircle.views.cut import frame_views, whole_file_views
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.words import counted


@public
class Recognizer:
    """Recognises clips with a trained network, through the same preprocessing as its evaluation.

    Files are decoded in a process of its own, which the first one starts: a file that crashes a decoder, never ends or
    takes too much memory (`recircle.decode.limits.MEMORY`) is a `DecodeError`, and the next one is recognised. The
    process ends with this object, or at `close()`, or with the block, if it is used in `with`. Any number of threads
    may use one recogniser.

    Attributes:
        labels: the classes.
        protocol: how a clip becomes views, and their logits one score.
        temperature: what logits are divided by before their softmax.
        provenance: how the network is run.
    """

    def __init__(
        self,
        model: VideoModel,
        labels: Sequence[str],
        *,
        sampling: Sampling,
        preprocessing: Preprocessing | None = None,
        families: Mapping[str, str] | None = None,
        protocol: Protocol | None = None,
        temperature: float = 1.0,
        device: str = "auto",
        seconds: float = FILE_SECONDS,
    ) -> None:
        """Take a network that is in memory; `Recognizer.load` takes a run.

        Args:
            model: the network; it stays as it is, and a copy that is prepared for inference does the work.
            labels: the class of each logit.
            sampling: which frames of a clip it sees.
            preprocessing: how they become its input; None takes the model's.
            families: the family of a class, where it has one.
            protocol: None is one clip, the centre crop.
            temperature: what logits are divided by before their softmax.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".
            seconds: after how long a file is given up.

        Raises:
            ValueError: the labels are not as many as the model's classes, or the temperature or `seconds` is not above
                0.
            UserError: there is no such device.
        """
        if len(labels) != model.num_classes:
            raise ValueError(f"{len(labels)} labels for a model of {model.num_classes} classes; give one for each")
        if temperature <= 0:
            raise ValueError(f"temperature={temperature}: logits are divided by it, so it must be above 0")
        self.labels = tuple(labels)
        self.temperature = temperature
        self.protocol = protocol or Protocol()
        self._device = pick_device(device)
        self._model = prepare_for_inference(model).to(self._device)
        self._families = dict(families or {})
        self._views = self.protocol.eval_views(sampling, preprocessing or model.preprocessing)
        tested = _tested(self.protocol, self._views.sampling, self._views.preprocessing, fewer_steps(model))
        self.provenance = replace(tested, machine=Machine.here(self._device))
        self._decoders = DecoderPool(seconds=seconds)

    def __repr__(self) -> str:
        classes = counted(len(self.labels), "class", "classes")
        return f"Recognizer({self._model.name}, {classes}, {self.provenance.protocol_words}, on {self._device})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that decodes; clips in memory are recognised still."""
        self._decoders.close()

    @classmethod
    def load(
        cls,
        run: str | Path,
        device: str = "auto",
        *,
        clips: int = 1,
        crops: Crops = 1,
        calibrated: bool = False,
        seconds: float = FILE_SECONDS,
        model: nn.Module | None = None,
        steps: int | None = None,
    ) -> Self:
        """Return the recogniser of a run's folder; of it only model.json and model.safetensors are needed.

        Args:
            run: the folder that training wrote, or `hf:OWNER/NAME@REVISION` of one that was pushed.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".
            clips: views in time.
            crops: views in space: 1, 3 or 10.
            calibrated: use the temperature that `recircle eval --calibrate` left in the run; a warning says if it was
                fitted under another protocol.
            seconds: after how long a file is given up.
            model: a network like the one that `recircle.train` was given as an object, see `Run.load_model`.
            steps: recursive steps of ARC layers, see `recircle.set_steps`; None is as many as they learned.

        Raises:
            UserError: the folder holds no trained model, or no temperature; the model cannot run in so many steps; or
                there is no such device.
            ValueError: no such number of clips or crops, or `seconds` is not above 0.
        """
        protocol = Protocol(clips=clips, crops=crops)
        folder = Run.open(run)
        spec = folder.load_spec()
        network, temperature = folder.load_model(model=model, steps=steps), 1.0
        if calibrated:
            if not folder.calibration_path.is_file():
                raise UserError(f"{folder.path} has no temperature; fit one with `recircle eval RUN --calibrate`")
            calibration = Calibration.load(folder.calibration_path)
            temperature = calibration.temperature
            used = _tested(protocol, spec.sampling, spec.preprocessing, fewer_steps(network))
            if differs := differing(calibration.provenance, used):
                warnings.warn(
                    f"the temperature was fitted for {calibration.protocol}, not for {used.protocol_words}, which "
                    f"differs in {', '.join(differs)}",
                    stacklevel=2,
                )
        return cls(
            network,
            spec.labels,
            sampling=spec.sampling,
            preprocessing=spec.preprocessing,
            families=spec.families,
            protocol=protocol,
            temperature=temperature,
            device=device,
            seconds=seconds,
        )

    def __call__(self, clip: Clip, *, fps: float = 0.0) -> Recognition:
        """Recognise one clip.

        Args:
            clip: a video file or a folder of frames, by its path; the bytes of a video file, or one that is open in
                binary mode; or RGB frames: an array [T, H, W, 3], a tensor [T, 3, H, W], an image or a list of images,
                arrays or tensors, uint8 or floating point in 0..1.
            fps: frames a second of a clip in memory; needed only if the network samples at a rate. Files say theirs.

        Raises:
            DecodeError: the file cannot be decoded to its end, or not in time.
            UserError: the clip is in none of these forms, its frames are too small for the crop, or no process can be
                started.
        """
        return self._recognize(self._views_of(clip, fps)[None])[0]

    def batch(self, clips: Iterable[Clip], *, fps: float = 0.0, batch_size: int = 8) -> list[Recognition]:
        """Recognise many clips at once, each as if it were alone, up to rounding.

        Clips of any sizes and lengths go together, since all views are of one size. For many files, of which some may
        be broken, take `many`, which decodes them ahead.

        Args:
            clips: in any of the forms that one clip may have.
            fps: see `__call__`.
            batch_size: clips that are held in memory at a time; of their views, as many pass the network together as
                its memory is meant for.

        Returns:
            What was recognised, in the order of the clips.

        Raises:
            DecodeError: a file cannot be decoded; the message names it.
            UserError: as for one clip, or `clips` is a single clip or `batch_size` is below 1.
        """
        if batch_size < 1:
            raise UserError(f"batch_size={batch_size} must be 1 or more")
        if isinstance(clips, (str, Path, bytes, np.ndarray, Tensor)) or hasattr(clips, "read"):
            raise UserError(f"batch takes clips, and this is {name_of(clips)}; give [clip]")  # pyright: ignore
        remaining, found = iter(clips), list[Recognition]()
        while part := list(islice(remaining, batch_size)):
            found += self._recognize(torch.stack([self._views_of(clip, fps) for clip in part]))
        return found

    def many(
        self, paths: Iterable[str | Path], *, workers: int = 2
    ) -> Iterator[tuple[Path, Recognition | DecodeError]]:
        """Recognise files and folders of frames, in order; other processes decode ahead of the network.

        They end with the iterator.

        Args:
            paths: the clips.
            workers: number of processes, and of clips decoded ahead.

        Yields:
            Each path with what was recognised, or with the error if it cannot be decoded.
        """
        remaining = iter(map(Path, paths))
        threads = ThreadPoolExecutor(workers, thread_name_prefix="recircle-decode")
        with DecoderPool(seconds=self._decoders.seconds) as decoders:
            decode = partial(whole_file_views, views=self._views, decoders=decoders)
            ahead: deque[tuple[Path, Future[Tensor]]] = deque()
            try:
                for path in islice(remaining, workers + 1):
                    ahead.append((path, threads.submit(decode, path)))
                while ahead:
                    path, views = ahead.popleft()
                    try:
                        result: Recognition | DecodeError = self._recognize(views.result()[None])[0]
                    except DecodeError as error:
                        result = error
                    for later in islice(remaining, 1):
                        ahead.append((later, threads.submit(decode, later)))
                    yield path, result
            finally:
                # who leaves early does not wait for what is being decoded
                threads.shutdown(wait=False, cancel_futures=True)
                decoders.close()

    def together(
        self, paths: Sequence[str | Path], *, check: Callable[[Path, Probe], object] | None = None
    ) -> list[Recognition | DecodeError]:
        """Recognise a few files at once: each decoded by a process of its own, then all in one pass of the network.

        Args:
            paths: files and folders of frames.
            check: is called with the path and what decoding found, and refuses a clip by a `DecodeError`.

        Returns:
            For each path what was recognised, up to rounding as if it were alone, or why it cannot be decoded.

        Raises:
            UserError: frames are too small for the crop, or no process can be started.
        """

        def decode(path: str | Path) -> Tensor | DecodeError:
            try:
                return whole_file_views(Path(path), self._views, decoders=self._decoders, check=check)
            except DecodeError as error:
                return error

        with ThreadPoolExecutor(max(1, len(paths)), thread_name_prefix="recircle-decode") as threads:
            views = list(threads.map(decode, paths))
        decoded = [clip for clip in views if isinstance(clip, Tensor)]
        recognised = iter(self._recognize(torch.stack(decoded)) if decoded else ())
        return [next(recognised) if isinstance(clip, Tensor) else clip for clip in views]

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
            UserError: the network is not causal, or the recogniser has several clips; or `every` is below 0.
        """
        self._model.check_causal()
        sampling = self._views.sampling
        if self._views.clips != 1 or sampling.snippet != 1:
            raise UserError(
                f"online recognition has one clip of single frames; this is {self.provenance.protocol_words}"
            )
        if every is not None and not 0 <= every < float("inf"):
            raise UserError(f"every={every:g}: give the seconds between two frames that the network sees, 0 or more")
        stride = 1
        if every is None:
            every = 0.0
            if sampling.mode == "dense":
                every, stride = (0.0, sampling.stride) if sampling.fps is None else (sampling.stride / sampling.fps, 1)
            else:
                warnings.warn(
                    f"the network learned from {sampling.frames} frames spread over each clip, and sees every frame "
                    f"here: give every=, the seconds of a clip divided by {sampling.frames}, or every=0",
                    stacklevel=2,
                )
        return Online(self._model, self._views, self._say, every=every, stride=stride, device=self._device)

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
            families=self._families,
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

    @property
    def settings(self) -> dict[str, Any]:
        """What recognitions depend on beside the clip, as plain values: the network, the protocol, the temperature."""
        protocol = self.provenance.protocol_words
        return {"network": self.digest, "protocol": protocol, "temperature": self.temperature}

    def _views_of(self, clip: Clip, fps: float) -> UInt8[Tensor, "V T 3 h w"]:
        """Return what the network sees of a clip."""
        with opened(clip) as found:
            if isinstance(found, Tensor):
                return frame_views(found, self._views, fps=fps)
            try:
                return whole_file_views(found, self._views, decoders=self._decoders)
            except DecodeError as error:
                if isinstance(clip, (str, Path)):
                    raise
                # not under the name of the copy
                raise DecodeError(name_of(clip), error.reason) from None

    def _recognize(self, views: UInt8[Tensor, "B V T 3 h w"], *, with_preview: bool = True) -> list[Recognition]:
        logits = logits_of_views(self._model, views, self._views.preprocessing, device=self._device).cpu().numpy()
        scores = fuse(logits, self.protocol.fusion, self.temperature)
        return [
            Recognition(
                labels=self.labels,
                probabilities=probabilities,
                logits=own,
                provenance=self.provenance,
                families=self._families,
                preview=preview(clip) if with_preview else (),
            )
            for probabilities, own, clip in zip(scores, logits, views[:, 0])
        ]

    def _say(self, logits: Float[np.ndarray, "V K"], sampling: Sampling) -> Recognition:
        """Return what the logits of one clip, sampled so, mean."""
        return Recognition(
            labels=self.labels,
            probabilities=fuse(logits[None], self.protocol.fusion, self.temperature)[0],
            logits=logits,
            provenance=replace(self.provenance, sampling=sampling),
            families=self._families,
        )


def _tested(protocol: Protocol, sampling: Sampling, preprocessing: Preprocessing, steps: int | None) -> Provenance:
    return Provenance(
        protocol=protocol, sampling=sampling, preprocessing=preprocessing, order="as is", precision="fp32", steps=steps
    )
