"""Everything that defines a training run, as one typed value."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from recircle.arc.step_statistics import check_drawn_steps
from recircle.engines.engine import TorchPrecision
from recircle.evaluation.protocol import Protocol
from recircle.loading.config import DataConfig
from recircle.models.registry import ModelConfig
from recircle.public import public
from recircle.training.lora import Lora
from recircle.training.optimiser import Optimiser
from recircle.training.schedule import Schedule
from recircle.training.trainable import check_trainable

FreezeNorms = Literal["none", "all", "all_but_first"]
ClassWeights = Literal["none", "balanced"]


@public
@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run.

    Attributes:
        model: the network.
        data: the clips, how they are sampled and augmented.
        output: folder of the run; created, and refused if it holds something already.
        optimiser: SGD or AdamW with its parameter groups.
        schedule: how the learning rate moves.
        evaluation: protocol of the evaluation after each epoch.
        epochs: passes over the training clips.
        batch_size: clips of one forward pass, over all processes together; a multiple of their number.
        accumulate: forward passes whose gradients make one optimiser step. The clips of a step are `batch_size *
            accumulate`; an epoch has as many steps as fit, and the clips left over (others in each epoch) are not
            seen in it.
        clip_norm: the gradient's norm is clipped to this; None leaves it.
        precision: of the forward and backward pass; the weights stay float32. fp16 needs a GPU.
        ema: decay of the exponential moving average of the weights per optimiser step, such as 0.999; None is off.
            Where it is on, it is what is evaluated and saved.
        freeze_norms: batch norms that keep their statistics, scales and shifts: none (ARC and TSM), all, or all but
            the first ("partial BN" of TSN).
        trainable: what learns: "all"; "head", the classifier alone; "last-N", such as "last-2", also the last N stages
            or blocks; or "lora", the classifier and low-rank changes of the other layers, which are added to these in
            the weights that are saved. The rest stays as it starts, norms and all. For few clips, or little memory.
        lora: the size of these changes.
        freeze: parts that do not learn, whatever `trainable` says, by their names, such as ("stem_conv", "blocks.0"); a
            name stands for all that is below it.
        label_smoothing: of the cross entropy, in [0, 1).
        class_weights: what a clip counts in the loss: "none" is 1 for each; "balanced" is clips / (classes * clips of
            its class), so that all classes count alike, however many clips each has. The losses of the run are then
            weighted ones.
        minutes: training ends within about so many, counted from its start or from where it goes on: after each epoch,
            `epochs` is lowered to what still fits by the pace so far, and the schedule with it. None sets no limit.
        seed: of the initialisation, the order of the clips, their augmentation and dropout.
        checkpoint_every: optimiser steps between checkpoints; None is one at the end of each epoch.
        keep: the last checkpoints that are kept.
        tracker: also log to "tensorboard" or another tracker that `accelerate` knows; metrics.jsonl is always
            written.
        drawn_steps: numbers of recursive steps n, such as 1 2 4, of which each optimiser step draws one, so that one
            set of weights learns to run with all of them (`recircle.set_steps`), its batch norms with statistics for
            each (`recircle.StepStatistics`). The network's own number is one of them. Empty: always that one.
        channels_last: memory layout of the convolutions; the same numbers up to rounding, faster on most hardware.
            Networks from elsewhere keep theirs.
    """

    model: ModelConfig
    data: DataConfig
    output: Path
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    evaluation: Protocol = field(default_factory=Protocol)
    epochs: int = 50
    batch_size: int = 32
    accumulate: int = 1
    clip_norm: float | None = None
    precision: TorchPrecision = "fp32"
    ema: float | None = None
    freeze_norms: FreezeNorms = "none"
    trainable: str = "all"
    lora: Lora = field(default_factory=Lora)
    freeze: tuple[str, ...] = ()
    label_smoothing: float = 0.0
    class_weights: ClassWeights = "none"
    minutes: float | None = None
    seed: int = 0
    checkpoint_every: int | None = None
    keep: int = 2
    tracker: str | None = None
    drawn_steps: tuple[int, ...] = ()
    channels_last: bool = True

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "keep", "checkpoint_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value} must be 1 or more")
        check_drawn_steps(self.drawn_steps)
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must be 0 or more")
        if self.clip_norm is not None and not 0 < self.clip_norm < math.inf:
            raise ValueError(f"clip_norm={self.clip_norm} must be a positive number, or None for no clipping")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"ema={self.ema} must lie in (0, 1), such as 0.999, or be None for no average")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing={self.label_smoothing} must lie in [0, 1); 0 is none")
        choices = {"precision": TorchPrecision, "freeze_norms": FreezeNorms, "class_weights": ClassWeights}
        for name, kind in choices.items():
            value, known = getattr(self, name), get_args(kind)
            if value not in known:
                raise ValueError(f"{name}={value!r} is not one of {', '.join(known)}")
        check_trainable(self.trainable)
        if not all(self.freeze):
            raise ValueError(
                f"freeze={self.freeze} has an empty name; give names of parts of the network, such as layer1"
            )
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise ValueError(f"minutes={self.minutes} must be a positive number, or None for no limit")
        if self.schedule.warmup >= self.epochs:
            raise ValueError(
                f"schedule.warmup={self.schedule.warmup:g} epochs is not shorter than the run, epochs={self.epochs}; "
                "shorten the warm-up or train longer"
            )
