"""What a run is made of, in each of its processes."""

from accelerate import Accelerator

from recircle.evaluation.machine import Machine
from recircle.evaluation.provenance import ClipSource, Provenance
from recircle.loading.options import Shard
from recircle.models.base import VideoModel
from recircle.models.wrapped import WrappedModel
from recircle.run import ModelSpec, Run
from recircle.training.class_weights import class_weights, tell_classes
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData
from recircle.training.frozen import tell_frozen
from recircle.training.learner import Learner
from recircle.training.lora import tell_lora
from recircle.words import counted


class Setup:
    """The clips, the network and the folder of a run.

    Attributes:
        config: of the run; it gets fewer epochs where time runs out.
        data: its clips.
        accelerator: its device, and the place of this process among all.
        main: whether this process is the one that writes.
        folder: what is written.
        learner: the network that learns.
        loader: this process's part of the clips to learn from.
        val_loader: its part of those to evaluate on.
        provenance: what the figures of the run are of.
        remarks: what to tell before the first step.
    """

    def __init__(self, config: TrainConfig, data: TrainingData, model: VideoModel, accelerator: Accelerator) -> None:
        assert config.data.preprocessing is not None
        self.config, self.data, self.accelerator = config, data, accelerator
        self.main: bool = accelerator.is_main_process
        self.preprocessing = config.data.preprocessing
        self.provenance = Provenance(
            protocol=config.evaluation,
            sampling=config.data.sampling,
            preprocessing=self.preprocessing,
            clips=ClipSource(manifest=str(config.data.manifest), datasets=data.val.datasets, split="held out"),
            order="as is",
            precision=config.precision,
            machine=Machine.here(accelerator.device),
        )
        shard = Shard(
            rank=accelerator.process_index,
            world=accelerator.num_processes,
            pin_memory=accelerator.device.type == "cuda",
        )
        self.loader = data.train_loader(config, self.preprocessing, shard)
        self.val_loader = data.val_loader(config, self.preprocessing, shard)
        clips = data.clips_of_classes
        weights = class_weights(tuple(clips.values())) if config.class_weights == "balanced" else None
        self.learner = Learner(model, self.preprocessing, config, accelerator, class_weights=weights)
        loaded = () if model.load_report is None else (str(model.load_report),)
        self.remarks = (*loaded, *tell_classes(clips, weights), *tell_frozen(model), *tell_lora(model))
        self.folder = Run(config.output)

    @property
    def passes(self) -> int:
        """Forward passes of a step."""
        return min(self.config.accumulate, len(self.loader))

    @property
    def epoch_steps(self) -> int:
        """Optimiser steps of an epoch."""
        return len(self.loader) // self.passes

    @property
    def total(self) -> int:
        """Optimiser steps of the whole run."""
        return self.epoch_steps * self.config.epochs

    @property
    def spec(self) -> ModelSpec:
        """What builds the network again, and says what its logits mean."""
        return ModelSpec(
            model=self.config.model,
            labels=self.data.labels,
            families=self.data.families,
            preprocessing=self.preprocessing,
            sampling=self.config.data.sampling,
            drawn_steps=self.config.drawn_steps,
        )

    def describe(self, step: int) -> str:
        """Return in words what is trained on what, from which step on."""
        clips, processes = len(self.data.train) - len(self.loader.left_out), self.accelerator.num_processes
        name = self.config.model.title
        if isinstance(self.learner.model, WrappedModel):
            name += f" ({self.learner.model.words})"
        text = (
            f"{name}: {len(self.data.labels)} classes, {counted(clips, 'clip')} to train on, "
            f"{len(self.data.val)} to evaluate on; {counted(self.epoch_steps, 'step')} an epoch on "
            f"{self.accelerator.device}"
        )
        if processes > 1:
            text += f" and {processes - 1} more"
        if step:
            text += f"; going on after step {step}"
        return text
