"""A run: the folder that training leaves, and that evaluation and inference read."""

import copy
import json
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save
from torch import Tensor, nn

from recircle import __version__
from recircle.arc.fewer_steps import set_steps
from recircle.arc.step_statistics import check_drawn_steps, keep_step_statistics
from recircle.checksums import SUMS, check_sums
from recircle.config import from_json, parse_json, read_bytes, read_json, to_json, to_stamped_json
from recircle.errors import UserError
from recircle.files import atomic_write, make_folder
from recircle.hub import is_reference, parse_reference, run_folder
from recircle.models.base import VideoModel
from recircle.models.registry import ModelConfig
from recircle.models.weight_files import first_of, not_finite, read_safetensors
from recircle.models.wrapped import WrappedModel
from recircle.public import public
from recircle.terminal import visible
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.written_by import FIELD, upgrade_needed

T = TypeVar("T")

_CELL = "padding:.1em .8em .1em 0;text-align:left;background:none;border:none"


@public
@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """All that weights need beside them to be used: what `model.json` holds.

    Attributes:
        model: how to build the network.
        labels: the class of each logit.
        families: the family of a class, where it has one.
        preprocessing: from uint8 frames to the network's input.
        sampling: which frames of a clip it saw in training.
        drawn_steps: numbers of recursive steps that the weights have `recircle.StepStatistics` for, if any.
        recircle: version of this package that wrote it.
    """

    model: ModelConfig
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    sampling: Sampling
    families: dict[str, str] = field(default_factory=dict)
    drawn_steps: tuple[int, ...] = ()
    recircle: str = __version__

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels={self.labels} must name each class once, and at least one class")
        check_drawn_steps(self.drawn_steps)


@public
@dataclass(frozen=True)
class Run:
    """A run's folder: config.json, model.safetensors, model.json, metrics.jsonl, checkpoints/, predictions/.

    Making the object reads nothing. `Run.create` makes the folder; `Run.open` insists that a trained model is in it.
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """Show in a notebook what is known of the run, and what comes next."""
        rows = "".join(
            f'<tr style="background:none"><td style="{_CELL}">{escape(name)}</td>'
            f'<td style="{_CELL}">{escape(value)}</td></tr>'
            for name, value in self._facts().items()
        )
        return f'<table style="border-collapse:collapse;margin:0;color:inherit">{rows}</table>'

    def _facts(self) -> dict[str, str]:
        """Return what is known of the run in a few words, by name; only the folder where nothing can be read."""
        facts = {"run": visible(self.path)}
        try:
            spec = self.load_spec()
        except UserError as error:
            return facts | {"so far": visible(error)}
        facts["network"] = f"{visible(spec.model.name)}, {len(spec.labels)} classes"
        facts["input"] = f"{spec.sampling}, {spec.preprocessing.crop} px"
        last = self._last_evaluation()
        if "top1" in last:
            facts["accuracy"] = f"{last['top1']:.1%} top-1 of {last.get('clips')} clips after epoch {last.get('epoch')}"
        facts["next"] = f"recircle.evaluate(run)  recircle.Recognizer.load({str(self.path)!r})"
        return facts

    def _last_evaluation(self) -> dict[str, Any]:
        """Return the last `val` line of metrics.jsonl; an empty one where there is none."""
        with suppress(UserError):
            for line in reversed(read_bytes(self.metrics_path).splitlines()):
                # of a run that goes on, the last line may be half written
                with suppress(UserError):
                    content = parse_json(line, self.metrics_path)
                    if isinstance(content, dict) and content.get("kind") == "val":
                        return content
        return {}

    @classmethod
    def create(cls, path: str | Path) -> "Run":
        """Make the folder (and its parents) if it is not there.

        Raises:
            UserError: the path is a file, or may not be written.
        """
        run = cls(Path(path))
        make_folder(run.path)
        return run

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Return the run at `path`, or the one that the hub has as `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`.

        Raises:
            UserError: there is no folder, or no trained model in it; it has not the checksums in its `SHA256SUMS`; or
                the hub has no such run, or cannot be reached.
        """
        if is_reference(path):
            return cls(run_folder(parse_reference(path)))
        run = cls(Path(path))
        if not run.path.is_dir():
            raise UserError(f"{run.path} is not a run's folder; give the folder that `recircle train` wrote")
        missing = [file.name for file in (run.spec_path, run.weights_path) if not file.is_file()]
        if missing:
            raise UserError(
                f"{run.path} holds no trained model ({' and '.join(missing)} not there); "
                "give the folder of a finished run of `recircle train`"
            )
        check_sums(run.path, f"fetch it again; if you changed it yourself, delete {run.path / SUMS}")
        return run

    @property
    def config_path(self) -> Path:
        """The resolved training config, as JSON."""
        return self.path / "config.json"

    @property
    def spec_path(self) -> Path:
        """Labels, preprocessing, sampling and the model's config, as JSON."""
        return self.path / "model.json"

    @property
    def weights_path(self) -> Path:
        """The weights, as safetensors."""
        return self.path / "model.safetensors"

    @property
    def metrics_path(self) -> Path:
        """One JSON object per line, written during training."""
        return self.path / "metrics.jsonl"

    @property
    def lock_path(self) -> Path:
        """The file that is locked while a process trains the run."""
        return self.path / ".lock"

    @property
    def checkpoints_path(self) -> Path:
        """Folder of training states to resume from."""
        return self.path / "checkpoints"

    @property
    def predictions_path(self) -> Path:
        """Folder of saved predictions, one .npz an evaluation."""
        return self.path / "predictions"

    @property
    def calibration_path(self) -> Path:
        """The temperature that `recircle eval --calibrate` fitted, as JSON."""
        return self.path / "calibration.json"

    def save_config(self, config: Any) -> None:
        """Write a training config to config.json."""
        atomic_write(self.config_path, to_stamped_json(config))

    def load_config(self, cls: type[T], section: str | None = None) -> T:
        """Read config.json, or one section of it (such as "data"), as the dataclass that describes it.

        Raises:
            UserError: the file or the section is missing, or a field is wrong.
        """
        if section is None:
            return read_json(cls, self.config_path)
        content = parse_json(read_bytes(self.config_path), self.config_path)
        if not isinstance(content, dict) or section not in content:
            raise UserError(f"{self.config_path} has no section {section!r}; it is not a training config")
        part = content[section]
        if isinstance(part, dict) and FIELD in content:
            part = {FIELD: content[FIELD], **part}
        return from_json(cls, json.dumps(part), source=f"{self.config_path}, {section}")

    def save_model(self, model: nn.Module, spec: ModelSpec) -> None:
        """Write the weights and what belongs to them: model.safetensors, then model.json."""
        state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
        # as bytes, since safetensors itself opens no file whose name is not UTF-8, and lets nobody else read its files
        atomic_write(self.weights_path, save(state))
        atomic_write(self.spec_path, to_json(spec))

    def load_spec(self) -> ModelSpec:
        """Read model.json.

        Raises:
            UserError: it is missing or not what `save_model` writes.
        """
        return read_json(ModelSpec, self.spec_path)

    def load_model(
        self, device: str | torch.device = "cpu", *, model: nn.Module | None = None, steps: int | None = None
    ) -> VideoModel:
        """Return the trained network in evaluation mode, with the run's preprocessing; nothing else is read.

        Args:
            device: where it is put.
            model: a network like the one that `recircle.train` was given as an object, whose weights do not matter;
                a copy of it gets those of the run. None builds the network by its name.
            steps: recursive steps n of its ARC layers, see `recircle.set_steps`; None is as many as were learned.

        Raises:
            UserError: files are missing; the weights belong to another network; the network cannot run in so many
                steps; or it was given as an object, and `model` is not, or the other way round.
        """
        Run.open(self.path)
        spec = self.load_spec()
        try:
            loaded = self._load_model(spec, device, model)
        except ValueError as error:
            # what this version can read of the file may still mean something else in it
            if (needed := upgrade_needed(self.spec_path, spec.recircle)) is None:
                raise
            raise UserError(f"{needed} ({error})") from None
        if steps is not None:
            try:
                set_steps(loaded, steps)
            except ValueError as problem:
                raise UserError(f"{self.path}: {problem}") from None
        return loaded

    def _load_model(self, spec: ModelSpec, device: str | torch.device, given: nn.Module | None) -> VideoModel:
        model = self._like(spec, given)
        if spec.drawn_steps:
            keep_step_statistics(model, spec.drawn_steps)
        state = read_safetensors(self.weights_path)
        difference = _difference(model.state_dict(), state)
        if difference:
            if given is not None:
                described, cure = "as `model` is", "give one like the network that was trained"
            else:
                described = f"as {self.spec_path.name} describes it"
                cure = "keep the two files of one run together"
            raise UserError(
                f"{self.weights_path} holds another network than {spec.model.name} with {len(spec.labels)} classes "
                f"{described}: {difference}; {cure}"
            )
        broken = not_finite(state)
        if broken:
            warnings.warn(
                f"{self.weights_path} holds numbers that are infinite or NaN, in {first_of(broken)}; what the network "
                "says means nothing: its training diverged, or the file is damaged",
                stacklevel=2,
            )
        model.load_state_dict(state)
        model.preprocessing = spec.preprocessing
        return model.to(device).eval()

    def _like(self, spec: ModelSpec, given: nn.Module | None) -> VideoModel:
        """Return a network for the weights of the run."""
        takes = spec.model.given
        if given is None and takes is not None:
            raise UserError(
                f"the network of {self.path}, {spec.model.name}, was given to recircle.train as an object, and no name "
                "builds it: give one like it from Python, as model=net of Recognizer.load, recircle.evaluate or "
                "Run.load_model. For the commands, train by the name of a function with @recircle.register_model"
            )
        if given is None:
            return spec.model.build_empty(len(spec.labels))
        if takes is None:
            raise UserError(f"the network of {self.path} is built by its name, {spec.model.name}; leave out model=")
        if not isinstance(given, nn.Module):
            raise UserError(f"model={given!r} is not a network; {self.path} needs one like its {spec.model.name}")
        copied = copy.deepcopy(given)
        if isinstance(copied, VideoModel):
            return copied
        return WrappedModel(copied, len(spec.labels), name=spec.model.name, takes=takes)


def _difference(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Return in words how two state dicts differ in names, shapes and kinds of numbers; empty if they do not."""
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    shapes = [
        f"{name} is {tuple(found[name].shape)}, not {tuple(expected[name].shape)}"
        for name in expected
        if name in found and expected[name].shape != found[name].shape
    ]
    kinds = [
        f"{name} is of {found[name].dtype}, not of {expected[name].dtype}"
        for name in expected
        if name in found and expected[name].is_floating_point() != found[name].is_floating_point()
    ]
    return ", ".join(
        f"{first_of(names)} {what}".rstrip()
        for names, what in ((missing, "missing"), (extra, "left over"), (shapes, ""), (kinds, ""))
        if names
    )
