"""The optimiser steps of an epoch."""

import time
from collections.abc import Iterator
from itertools import islice

from recircle.errors import UserError
from recircle.loading.guarded_loader import LoadingError
from recircle.loading.loaders import Batch
from recircle.training.data import labelled_clips
from recircle.training.display import Display
from recircle.training.interrupt import StopRequest
from recircle.training.kept_state import KeptState
from recircle.training.metrics_log import MetricsLog
from recircle.training.readable import check_readable, too_few
from recircle.training.setup import Setup
from recircle.words import counted


class Steps:
    """Takes the steps of an epoch, tells of each, and leaves checkpoints."""

    def __init__(self, setup: Setup, kept: KeptState, stop: StopRequest, log: MetricsLog, display: Display) -> None:
        self._setup, self._kept, self._stop, self._log, self._display = setup, kept, stop, log, display
        self._labelled = labelled_clips(setup.data.train).keys()
        self._unusable = {clip.path for clip in setup.loader.left_out} & self._labelled
        self._learnt = False

    def train_epoch(self, epoch: int) -> None:
        """Take the steps that are left of an epoch; all processes must call it.

        Raises:
            UserError: too few clips can be read; or as for `Learner.step`.
            KeyboardInterrupt: the run is to stop.
        """
        setup, state, config = self._setup, self._kept.state, self._setup.config
        start = epoch * setup.epoch_steps
        if state.step == start:
            state.start_epoch()
        stream = setup.loader.epoch(epoch, (state.step - start) * setup.passes)
        setup.learner.train_mode()
        while state.step < start + setup.epoch_steps:
            began = time.perf_counter()
            batches = self._next(stream)
            waited = time.perf_counter() - began
            # known to all processes, so that they stop together
            stops, broken = setup.learner.share([batches is None, len(self._newly_broken())]).sum(axis=0)
            if stops or batches is None:
                self._kept.interrupt(self._log)
            clips = len(self._labelled)
            if too_few(clips - len(self._unusable) - broken, clips, config.data.min_readable):
                self._check_readable()
            lr = config.schedule.lr_at(
                (state.step + 0.5) / setup.epoch_steps, lr=config.optimiser.lr, epochs=config.epochs
            )
            state.add_broken(batches)
            result = setup.learner.step(batches, step=state.step + 1, lr=lr)
            state.step += 1
            if result.clips:
                seconds = time.perf_counter() - began
                state.add_loss(result.loss, result.clips)
                self._report(
                    epoch + 1,
                    loss=result.loss,
                    lr=lr,
                    grad_norm=result.grad_norm,
                    clips=result.clips,
                    clips_per_s=round(result.clips / seconds, 2),
                    wait=round(waited / seconds, 4),
                )
            else:
                self._log.write("skipped", step=state.step, epoch=epoch + 1)
            self._learnt |= result.clips > 0
            if state.step == start + setup.epoch_steps:
                self._check_epoch(epoch + 1)
            due = state.step % (config.checkpoint_every or setup.epoch_steps) == 0 or state.step == setup.total
            # steps whose clips were all broken are done again, perhaps with better luck, when the run goes on
            if due and self._learnt:
                self._kept.save(self._log)
                self._learnt = False

    def _next(self, stream: Iterator[Batch]) -> list[Batch] | None:
        """Return the batches of a step, or None if the run is to stop."""
        if self._stop.requested:
            return None
        try:
            with self._stop.interruptible():
                return list(islice(stream, self._setup.passes))
        except KeyboardInterrupt:
            return None
        except LoadingError:
            # a signal that was sent to all processes of a job ends those that decode
            if self._stop.requested:
                return None
            raise

    def _report(self, epoch: int, **values: float) -> None:
        step = self._kept.state.step
        self._display.step(self._log.write("train", step=step, epoch=epoch, **values))
        self._setup.accelerator.log({f"train/{name}": value for name, value in values.items()}, step=step)

    def _newly_broken(self) -> set[str]:
        """Return the labelled clips that broke while they were read; the manifest did not tell."""
        return (self._kept.state.broken.keys() & self._labelled) - self._unusable

    def _check_epoch(self, epoch: int) -> None:
        """Stop after an epoch in which nothing was learnt, or too little; all processes must call it.

        Raises:
            UserError: none of its clips could be read, or too few of all.
        """
        if not self._kept.state.clips:
            raise UserError(
                f"nothing was learnt in epoch {epoch}: in none of its {counted(self._setup.epoch_steps, 'step')} could "
                f"a clip be read; see that the clips of {self._setup.config.data.manifest} are where it says"
            )
        self._check_readable()

    def _check_readable(self) -> None:
        broken = self._kept.gathered().broken
        check_readable(
            len(self._labelled),
            {path: fault for path, fault in broken.items() if path in self._labelled},
            least=self._setup.config.data.min_readable,
            purpose="train on",
            manifest=self._setup.config.data.manifest,
            all_tried=False,
        )
