"""The recogniser: a run's folder in, then clips in and classes out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from recircle.arc.fewer_steps import fewer_steps
from recircle.decode.frames import DecodeError
from recircle.decode.limits import FILE_SECONDS
from recircle.decode.pool import DecoderPool
from recircle.decode.probe import Probe
from recircle.engines.engine import Engine, EngineName, Precision
from recircle.engines.load import load_engine
from recircle.engines.torch_engine import TorchEngine
from recircle.errors import UserError
from recircle.evaluation.forward import pick_device
from recircle.evaluation.machine import Machine
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import Provenance
from recircle.inference.clips import Clip, name_of
from recircle.inference.decoding import decode_ahead, decode_together, views_of
from recircle.inference.recognition import Recognition
from recircle.inference.recognizer_over_time import OverTime
from recircle.inference.scoring import Scoring
from recircle.inference.temperature import temperature_of
from recircle.models.base import VideoModel
from recircle.public import public
from recircle.run import Run
from recircle.surgery.prepare import prepare_for_inference
from recircle.views.crops import Crops
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.words import counted


@public
class Recognizer(OverTime):
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
        engine: Engine | None = None,
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
            engine: what computes the network's logits in its place; None runs it with PyTorch.

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
        self._views = self.protocol.eval_views(sampling, preprocessing or model.preprocessing)
        if engine is None:
            place = pick_device(device)
            prepared = prepare_for_inference(model).to(place)
            engine = TorchEngine(model=prepared, preprocessing=self._views.preprocessing, device=place)
        self._model = engine.model if isinstance(engine, TorchEngine) else prepare_for_inference(model)
        self._engine: Engine = engine
        tested = _tested(self.protocol, self._views.sampling, self._views.preprocessing, fewer_steps(model), engine)
        self.provenance = replace(tested, machine=Machine.here(engine.device))
        self._scoring = Scoring(
            labels=self.labels,
            families=dict(families or {}),
            fusion=self.protocol.fusion,
            temperature=temperature,
            provenance=self.provenance,
        )
        self._decoders = DecoderPool(seconds=seconds)

    def __repr__(self) -> str:
        classes = counted(len(self.labels), "class", "classes")
        return f"Recognizer({self._model.name}, {classes}, {self.provenance.protocol_words}, on {self._engine.device})"

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
        engine: EngineName = "torch",
        precision: Precision = "fp32",
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
            engine: "torch"; or "onnxruntime", "openvino" or "aoti", which run an exported file on the CPU: that of
                `recircle export`, if it holds these weights, or else one that is written now, as a warning says.
            precision: "fp32"; "bf16" with torch and openvino, "fp16" with torch, and "int8" with onnxruntime and
                openvino, of a file that `recircle export --precision int8` wrote.

        Raises:
            UserError: the folder holds no trained model, or no temperature; the model cannot run in so many steps;
                there is no such device; or the engine is not installed, or cannot do what is asked.
            ValueError: no such number of clips or crops, or `seconds` is not above 0.
        """
        protocol = Protocol(clips=clips, crops=crops)
        folder = Run.open(run)
        spec = folder.load_spec()
        network = folder.load_model(model=model, steps=steps)
        chosen = load_engine(
            engine,
            folder,
            network,
            spec,
            views=protocol.eval_views(spec.sampling, spec.preprocessing),
            # engines of exported files are at home on the CPU
            device=pick_device("cpu" if device == "auto" and engine != "torch" else device),
            precision=precision,
        )
        temperature = 1.0
        if calibrated:
            used = _tested(protocol, spec.sampling, spec.preprocessing, fewer_steps(network), chosen)
            temperature = temperature_of(folder, used)
        return cls(
            network,
            spec.labels,
            sampling=spec.sampling,
            preprocessing=spec.preprocessing,
            families=spec.families,
            protocol=protocol,
            temperature=temperature,
            seconds=seconds,
            engine=chosen,
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
        ahead = decode_ahead(map(Path, paths), self._views, seconds=self._decoders.seconds, workers=workers)
        with closing(ahead):  # pyright: ignore[reportArgumentType]
            for path, found in ahead:
                yield path, found if isinstance(found, DecodeError) else self._recognize(found[None])[0]

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
        views = decode_together([Path(path) for path in paths], self._views, self._decoders, check)
        decoded = [clip for clip in views if isinstance(clip, Tensor)]
        recognised = iter(self._recognize(torch.stack(decoded)) if decoded else ())
        return [next(recognised) if isinstance(clip, Tensor) else clip for clip in views]

    @property
    def settings(self) -> dict[str, Any]:
        """What recognitions depend on beside the clip, as plain values: the network, the protocol, the temperature."""
        protocol = self.provenance.protocol_words
        return {"network": self.digest, "protocol": protocol, "temperature": self.temperature}

    def _views_of(self, clip: Clip, fps: float) -> UInt8[Tensor, "V T 3 h w"]:
        return views_of(clip, fps, self._views, self._decoders)


def _tested(
    protocol: Protocol, sampling: Sampling, preprocessing: Preprocessing, steps: int | None, engine: Engine
) -> Provenance:
    return Provenance(
        protocol=protocol,
        sampling=sampling,
        preprocessing=preprocessing,
        order="as is",
        precision=engine.precision,
        engine=engine.name,
        steps=steps,
    )
