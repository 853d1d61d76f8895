"""A model that learns: the optimiser step on all processes, and everything that must survive between steps."""

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import set_seed

from recircle.arc.fewer_steps import set_steps
from recircle.arc.module import ArcLayer
from recircle.arc.step_statistics import keep_step_statistics
from recircle.errors import UserError
from recircle.loading.loaders import Batch
from recircle.models.base import VideoModel
from recircle.models.wrapped import WrappedModel
from recircle.training.config import TrainConfig
from recircle.training.ema import Ema
from recircle.training.norms import freeze_norms, train_mode
from recircle.training.optimiser import set_lr
from recircle.training.trainable import choose_trainable
from recircle.views.preprocessing import Preprocessing


@dataclass(frozen=True)
class StepResult:
    """What one optimiser step did.

    Attributes:
        loss: mean over the clips of the step, of all processes.
        clips: their number; a step of which no clip could be decoded has none, and changes nothing.
        grad_norm: before clipping; not finite where fp16 overflowed and its scaler skipped the step.
    """

    loss: float
    clips: int
    grad_norm: float


class Learner:
    """Model, optimiser, average and gradient scaler on one device, kept equal on all processes.

    Attributes:
        model: the bare network.
        ema: its average, or None.
    """

    def __init__(
        self,
        model: VideoModel,
        preprocessing: Preprocessing,
        config: TrainConfig,
        accelerator: Accelerator,
        *,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        # the code of others may depend on how maps lie in memory
        if config.channels_last and not isinstance(model, WrappedModel):
            _use_channels_last(model)
        self._frozen = [
            *choose_trainable(model, config.trainable, config.lora, config.freeze),
            *freeze_norms(model, config.freeze_norms),
        ]
        self._steps = {m.config.steps for m in model.modules() if isinstance(m, ArcLayer)}
        self._config = config
        self._accelerator = accelerator
        self.model = model.to(accelerator.device)
        self._keep_steps_apart()
        self.ema = Ema(model, config.ema) if config.ema is not None else None
        self._weights = None
        if class_weights is not None:
            self._weights = torch.tensor(class_weights, device=accelerator.device)
        self._preprocessing = preprocessing
        self._optimiser = accelerator.prepare_optimizer(config.optimiser.build(model))
        self._parallel = accelerator.prepare_model(model)

    @property
    def evaluated(self) -> VideoModel:
        """The network that is evaluated and saved: the average where there is one."""
        return self.ema.model if self.ema else self.model

    def train_mode(self) -> None:
        """Make the network ready for steps."""
        train_mode(self.model, self._frozen)

    def step(self, batches: Sequence[Batch], *, step: int, lr: float) -> StepResult:
        """Take one optimiser step on the clips of `batches`, one forward pass each.

        The loss is the mean over all clips of all passes and processes, so broken clips do not shift the weight of
        the others. A pass for which some process has no clip at all is left out by all of them.

        Args:
            batches: this process's part of each pass.
            step: number of the step, counted from 1. Together with the seed and the process it determines all
                randomness inside, so nothing has to be restored for the next one.
            lr: learning rate before the multiples of the parameter groups.

        Raises:
            UserError: the loss or the gradient is not finite. The weights are those before the step.
        """
        accelerator, config = self._accelerator, self._config
        counts = self.share([len(batch.labels) for batch in batches])
        usable = [i for i in range(len(batches)) if all(counts[:, i])]
        clips = int(counts[:, usable].sum())
        if not clips:
            return StepResult(loss=math.nan, clips=0, grad_norm=math.nan)
        set_seed(_step_seed(config.seed, step, accelerator.process_index))
        set_lr(self._optimiser, lr)
        total = torch.zeros((), device=accelerator.device)
        for i in usable:
            waits = accelerator.no_sync(self._parallel) if i != usable[-1] else nullcontext()
            with waits, self._drawn_steps(step):
                loss = self._loss_sum(batches[i])
                # averaged over the processes by the backward pass, hence their number
                accelerator.backward(loss * (accelerator.num_processes / clips))
            total += loss.detach()
        loss = _tensor(accelerator.reduce(total, "sum")).item() / clips
        # an infinite limit clips nothing and still tells the norm
        limit = config.clip_norm if config.clip_norm is not None else math.inf
        norm = accelerator.clip_grad_norm_(self._parallel.parameters(), limit)
        assert norm is not None
        grad_norm = norm.item()
        if not math.isfinite(loss) or not (math.isfinite(grad_norm) or accelerator.scaler):
            what = f"loss is {loss}" if not math.isfinite(loss) else f"gradient's norm is {grad_norm}"
            raise UserError(
                f"the {what} in step {step} at learning rate {lr:.3g}: start again with a lower learning "
                "rate, a longer warm-up, or clip_norm"
            )
        self._optimiser.step()
        self._optimiser.zero_grad()
        if self.ema:
            self.ema.update(self.model, step)
        return StepResult(loss=loss, clips=clips, grad_norm=grad_norm)

    def _keep_steps_apart(self) -> None:
        """Let the norms of the network keep their statistics apart for each number of steps that is drawn.

        Raises:
            UserError: the network cannot run with every number, or its own is not among them; or there are several
                processes, which wait for gradients that some steps do not have.
        """
        if not self._config.drawn_steps:
            return
        told = f"drawn_steps={','.join(map(str, self._config.drawn_steps))}"
        if self._accelerator.num_processes > 1:
            raise UserError(f"{told}: this is for training in one process; leave it out, or start one")
        if len(self._steps) != 1:
            found = "different numbers of steps in its ARC layers" if self._steps else "no ARC layers"
            raise UserError(f"{told}: the network has {found}")
        (own,) = self._steps
        try:
            for steps in self._config.drawn_steps:
                set_steps(self.model, steps)
            set_steps(self.model, own)
        except ValueError as problem:
            raise UserError(f"{told}: {problem}") from None
        if own not in self._config.drawn_steps:
            raise UserError(f"{told}: the network itself runs in {own} steps; draw them too, or build it with fewer")
        keep_step_statistics(self.model, self._config.drawn_steps)

    @contextmanager
    def _drawn_steps(self, step: int) -> Iterator[None]:
        """Run the network with the number of recursive steps that is drawn for an optimiser step."""
        if not self._config.drawn_steps:
            yield
            return
        set_steps(self.model, random.Random(f"{self._config.seed} {step}").choice(self._config.drawn_steps))
        try:
            yield
        finally:
            set_steps(self.model, *self._steps)

    def share(self, numbers: Sequence[int]) -> np.ndarray:
        """Return the numbers of every process, [processes, len(numbers)]."""
        if self._accelerator.num_processes == 1:
            return np.array([numbers])
        mine = torch.tensor([numbers], device=self._accelerator.device)
        return _tensor(self._accelerator.gather(mine)).cpu().numpy()

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on, besides its number."""
        scaler = self._accelerator.scaler
        return {
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "ema": self.ema.model.state_dict() if self.ema else None,
            "scaler": scaler.state_dict() if scaler else None,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state()` returned under the same config."""
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        if self.ema:
            self.ema.model.load_state_dict(state["ema"])
        if self._accelerator.scaler and state["scaler"]:
            self._accelerator.scaler.load_state_dict(state["scaler"])

    def _loss_sum(self, batch: Batch) -> torch.Tensor:
        batch = batch.to(self._accelerator.device)
        clips = self._preprocessing.normalise(batch.frames[:, 0])
        if not self._config.channels_last:
            clips = clips.contiguous()
        smoothing = self._config.label_smoothing
        logits = self._parallel(clips)
        return F.cross_entropy(logits, batch.labels, self._weights, label_smoothing=smoothing, reduction="sum")


def _step_seed(seed: int, step: int, process: int) -> int:
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1)[0])


def _tensor(gathered: object) -> torch.Tensor:
    """Return a tensor as what it is; accelerate's collectives are typed for nested ones."""
    assert isinstance(gathered, torch.Tensor)
    return gathered


def _use_channels_last(model: VideoModel) -> None:
    # not Module.to(memory_format=...), which refuses the 5-d weights of 3-D convolutions
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
