"""From a config to a trained run."""

import math
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from recircle.errors import UserError
from recircle.evaluation.machine import Machine
from recircle.evaluation.provenance import ClipSource, Provenance
from recircle.files import atomic_write
from recircle.loading.dataset import DatasetClips
from recircle.loading.guarded_loader import LoadingError
from recircle.loading.loaders import Batch
from recircle.loading.options import Shard
from recircle.locks import locked
from recircle.models.base import VideoModel
from recircle.models.wrapped import WrappedModel
from recircle.run import ModelSpec, Run
from recircle.terminal import visible
from recircle.training.checkpoint import Checkpoints, disk_explained
from recircle.training.class_weights import class_weights, tell_classes
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData, labelled_clips
from recircle.training.deadline import Deadline
from recircle.training.devices import accelerated, start_tracker
from recircle.training.display import Display
from recircle.training.folder import check_folder
from recircle.training.frozen import tell_frozen
from recircle.training.interrupt import StopRequest
from recircle.training.learner import Learner
from recircle.training.lora import tell_lora, without_lora
from recircle.training.metrics_log import MetricsLog, read_metrics_log, rewind_metrics_log
from recircle.training.readable import check_readable, too_few
from recircle.training.train_state import TrainState
from recircle.training.trainable import choose_trainable
from recircle.training.validation import validate
from recircle.words import counted
from recircle.written_by import FIELD, upgrade_needed


def train(
    config: TrainConfig,
    *,
    resume: bool = False,
    progress: bool = True,
    model: VideoModel | None = None,
    dataset: DatasetClips | None = None,
) -> Run:
    """Train a network and return its run.

    After each epoch the network is evaluated, and model.safetensors is written: always the latest weights, or their
    average where `config.ema` is on. There is no "best" one, since to choose by the clips one reports on flatters
    the figure. A clip that cannot be decoded is skipped; the run ends with a warning that counts them, and
    broken.txt lists all. Under `torchrun` each process takes its part of every batch.

    Args:
        config: the run.
        resume: go on with the run in `config.output` from its last checkpoint, exactly: on the CPU every loss
            equals that of a run that was not interrupted. A finished run is left as it is.
        progress: show steps on standard error.
        model: the network, which is trained itself, where the config says that it was given as an object.
        dataset: the clips, where the config says that a Dataset has them.

    Raises:
        UserError: the config cannot be used here; the network is for another number of classes than the clips have; the
            output holds something else, or another process trains there; the loss is not finite; fewer clips can be
            read than `config.data.min_readable` asks for, or none in an epoch, and then no weights are written; the
            device's memory is full; the processes that load clips are killed. Checkpoints written before stay intact.
        WriteError: the disk is full, read-only or gone; its text says what is safe and how to go on.
        KeyboardInterrupt: on Ctrl-C, after a checkpoint; its text says how to go on.
    """
    with accelerated(config) as accelerator, disk_explained(Run(config.output)), StopRequest() as stop:
        data = TrainingData.read(config, dataset)
        torch.manual_seed(config.seed)
        if model is None:
            # what a run starts from is not needed any more, and may be gone, once there are checkpoints
            goes_on = resume and bool(Checkpoints(Run(config.output).checkpoints_path).paths())
            classes = len(data.labels)
            model = config.model.build_empty(classes) if goes_on else config.model.build(classes, data.labels)
        config = _resolved(config, model)
        _check_classes(config, model, data)
        # here too, so that a wrong name is told before anything is written
        choose_trainable(model, config.trainable, config.lora, config.freeze)
        check_folder(config, resume=resume)
        accelerator.wait_for_everyone()
        folder = Run.create(config.output)
        if dataset is not None and accelerator.is_main_process:
            replace(dataset.manifest, root=config.data.manifest.parent).write(config.data.manifest)
        alone = locked(folder.lock_path, f"train the run in {folder.path}")
        with alone if accelerator.is_main_process else nullcontext():
            return _Training(config, data, model, accelerator, stop).run(resume=resume, progress=progress)


class _Training:
    """One call of `train`; every process has one, and all of them call the same methods."""

    def __init__(
        self,
        config: TrainConfig,
        data: TrainingData,
        model: VideoModel,
        accelerator: Accelerator,
        stop: StopRequest,
    ) -> None:
        assert config.data.preprocessing is not None
        self.config, self.data, self.accelerator, self.stop = config, data, accelerator, stop
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
        self._remarks = (*loaded, *tell_classes(clips, weights), *tell_frozen(model), *tell_lora(model))
        self.deadline = Deadline.after(config.minutes)
        self.passes = min(config.accumulate, len(self.loader))
        self.epoch_steps = len(self.loader) // self.passes
        self.folder = Run.create(config.output)
        self.checkpoints = Checkpoints(self.folder.checkpoints_path, config.keep)
        self.state = TrainState()
        self.state.note(self.loader.left_out)
        self._labelled = labelled_clips(data.train).keys()
        self._unusable = {clip.path for clip in self.loader.left_out} & self._labelled
        self._learnt = False

    @property
    def total(self) -> int:
        """Optimiser steps of the whole run."""
        return self.epoch_steps * self.config.epochs

    def run(self, *, resume: bool, progress: bool) -> Run:
        """Train to the end."""
        main = self.accelerator.is_main_process
        validated, finished = self._go_on() if resume else (0, False)
        with Display(self.total, done=self.state.step, shown=progress and main) as self.display:
            if finished:
                self.display.say(f"{self.folder.path} is finished: all {self.config.epochs} epochs are done")
                return self.folder
            if main:
                for remark in self.config.schedule.remarks(self.config.epochs):
                    warnings.warn(remark, stacklevel=3)
                self.folder.save_config(self.config)
            start_tracker(self.accelerator, self.config)
            with MetricsLog(self.folder.metrics_path, active=main) as self.log:
                for line in (self._describe(), *self._remarks):
                    self.display.say(line)
                try:
                    epoch = validated
                    while epoch < self.config.epochs:
                        self._train_epoch(epoch)
                        epoch += 1
                        self._end_epoch(epoch)
                        self._keep_time(epoch)
                except LoadingError as error:
                    self._stop_loading(error)
                everyone = self._gathered_state()
                self.log.write(
                    "end",
                    step=self.total,
                    epoch=self.config.epochs,
                    skipped=everyone.skipped,
                    broken=len(everyone.broken),
                )
        if everyone.broken and main:
            # the place where `train` is called
            warnings.warn(everyone.summary(self._broken_path), stacklevel=3)
        return self.folder

    def _train_epoch(self, epoch: int) -> None:
        """Take the steps that are left of an epoch."""
        state, start = self.state, epoch * self.epoch_steps
        if state.step == start:
            state.start_epoch()
        stream = self.loader.epoch(epoch, (state.step - start) * self.passes)
        self.learner.train_mode()
        while state.step < start + self.epoch_steps:
            began = time.perf_counter()
            batches = self._next(stream)
            waited = time.perf_counter() - began
            # known to all processes, so that they stop together
            stops, broken = self.learner.share([batches is None, len(self._newly_broken(state))]).sum(axis=0)
            if stops or batches is None:
                self._interrupted()
            clips = len(self._labelled)
            if too_few(clips - len(self._unusable) - broken, clips, self.config.data.min_readable):
                self._check_readable()
            lr = self.config.schedule.lr_at(
                (state.step + 0.5) / self.epoch_steps, lr=self.config.optimiser.lr, epochs=self.config.epochs
            )
            state.add_broken(batches)
            result = self.learner.step(batches, step=state.step + 1, lr=lr)
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
                self.log.write("skipped", step=state.step, epoch=epoch + 1)
            self._learnt |= result.clips > 0
            if state.step == start + self.epoch_steps:
                self._check_epoch(epoch + 1)
            due = state.step % (self.config.checkpoint_every or self.epoch_steps) == 0 or state.step == self.total
            # steps whose clips were all broken are done again, perhaps with better luck, when the run goes on
            if due and self._learnt:
                self._save()
                self._learnt = False

    def _newly_broken(self, state: TrainState) -> set[str]:
        """Return the labelled clips that broke while they were read; the manifest did not tell."""
        return (state.broken.keys() & self._labelled) - self._unusable

    def _check_epoch(self, epoch: int) -> None:
        """Stop after an epoch in which nothing was learnt, or too little; all processes must call it.

        Raises:
            UserError: none of its clips could be read, or too few of all.
        """
        if not self.state.clips:
            raise UserError(
                f"nothing was learnt in epoch {epoch}: in none of its {counted(self.epoch_steps, 'step')} could a clip "
                f"be read; see that the clips of {self.config.data.manifest} are where it says"
            )
        self._check_readable()

    def _check_readable(self) -> None:
        broken = self._gathered_state().broken
        check_readable(
            len(self._labelled),
            {path: fault for path, fault in broken.items() if path in self._labelled},
            least=self.config.data.min_readable,
            purpose="train on",
            manifest=self.config.data.manifest,
            all_tried=False,
        )

    def _next(self, stream: Iterator[Batch]) -> list[Batch] | None:
        """Return the batches of a step, or None if the run is to stop."""
        if self.stop.requested:
            return None
        try:
            with self.stop.interruptible():
                return list(islice(stream, self.passes))
        except KeyboardInterrupt:
            return None

    def _report(self, epoch: int, **values: float) -> None:
        line = self.log.write("train", step=self.state.step, epoch=epoch, **values)
        self.display.step(line)
        self.accelerator.log({f"train/{name}": value for name, value in values.items()}, step=self.state.step)

    def _end_epoch(self, epoch: int) -> None:
        """Evaluate, and save the weights."""
        values: dict[str, Any] = {"train_loss": self.state.loss} | self._validate()
        clips = len(labelled_clips(self.data.val))
        check_readable(
            clips,
            {},
            unnamed=clips - values["clips"],
            least=self.config.data.min_readable,
            purpose="evaluate on",
            manifest=self.config.data.manifest,
        )
        if self.accelerator.is_main_process:
            self.folder.save_model(without_lora(self.learner.evaluated), self._spec())
        self.log.write("val", step=self.state.step, epoch=epoch, **values)
        numbers = {f"val/{name}": value for name, value in values.items() if isinstance(value, float)}
        self.accelerator.log(numbers, step=self.state.step)
        text = f"epoch {epoch}/{self.config.epochs}"
        if values["train_loss"] is not None:
            text += f"  loss {values['train_loss']:.4f}"
        if values["clips"]:
            words = self.provenance.protocol_words
            text += f"  top-1 {values['top1']:.1%} of {counted(values['clips'], 'clip')} ({words})"
        if values["left_out"]:
            text += f"; {counted(values['left_out'], 'clip')} could not be decoded"
        self.display.say(text)

    def _keep_time(self, epoch: int) -> None:
        """Shorten the run after an epoch by which the rest of it would end too late; all processes must call it."""
        # the clock of the first process is that of all
        fitting = int(self.learner.share([self.deadline.epochs_left()])[0, 0])
        # a run is longer than the warm-up of its schedule
        epochs = max(epoch + fitting, math.floor(self.config.schedule.warmup) + 1)
        if epochs >= self.config.epochs:
            return
        late, self.config = self.config.epochs - epochs, replace(self.config, epochs=epochs)
        if self.accelerator.is_main_process:
            self.folder.save_config(self.config)
        self.display.shorten(self.total)
        self.display.say(
            f"minutes={self.config.minutes:g}: {counted(late, 'epoch')} would be too late, so the run has {epochs}"
        )

    def _validate(self) -> dict[str, Any]:
        config, processes = self.config, self.accelerator.num_processes
        # one process alone may leave at any moment; several must leave together, at the next step
        at_once = self.stop.interruptible() if processes == 1 else nullcontext()
        try:
            with at_once:
                figures = validate(
                    self.learner.evaluated,
                    self.val_loader,
                    self.preprocessing,
                    self.accelerator,
                    fusion=config.evaluation.fusion,
                    precision=config.precision,
                    progress=lambda done, _: self.display.evaluating(done * processes, len(self.data.val)),
                )
        except KeyboardInterrupt:
            self._interrupted()
        return figures | {"provenance": self.provenance.to_dict()}

    def _save(self) -> None:
        """Write a checkpoint; all processes must call it."""
        everyone = self._gathered_state()
        if not self.accelerator.is_main_process:
            return
        # a checkpoint must not be ahead of the lines that lead to it
        self.log.sync()
        # the key that checkpoints of all versions have
        state = {"tally": everyone.state(), "data": self.data.fingerprint, **self.learner.state()}
        self.checkpoints.save(self.state.step, state)
        if everyone.broken:
            lines = (f"{visible(path)}\t{visible(fault)}\n" for path, fault in sorted(everyone.broken.items()))
            atomic_write(self._broken_path, "".join(lines))

    def _go_on(self) -> tuple[int, bool]:
        """Load the last checkpoint; return the epochs that are trained and evaluated, and whether that is all."""
        state = self.checkpoints.latest()
        if state is not None:
            if state["data"] != self.data.fingerprint:
                raise UserError(
                    f"the clips to train on in {self.config.data.manifest} are not those that {self.folder.path} was "
                    "started with; restore the manifest, or start a new run with another output"
                )
            self._load(state)
        step = self.state.step
        if step > self.total:
            raise UserError(
                f"{self.folder.path} has done {step} steps, more than the {self.total} of "
                f"epochs={self.config.epochs}; train it for more epochs"
            )
        lines = read_metrics_log(self.folder.metrics_path)
        finished = any(line["kind"] == "end" and line["step"] == self.total for line in lines)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process and not finished:
            rewind_metrics_log(self.folder.metrics_path, step)
        validated = sum(line["kind"] == "val" and line["step"] <= step for line in lines)
        return max(validated, (step - 1) // self.epoch_steps), finished

    def _stop_loading(self, error: LoadingError) -> NoReturn:
        """Stop where clips cannot be loaded any more; all steps that were taken are kept."""
        # several processes save together, and the others know of nothing
        if self.accelerator.num_processes == 1:
            self._save()
        raise LoadingError(f"{error}; go on with `recircle train --resume {self.folder.path}`") from None

    def _load(self, state: dict[str, Any]) -> None:
        try:
            self.learner.load_state(state)
            self.state = TrainState.from_state(state["tally"], main=self.accelerator.is_main_process)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            where = self.checkpoints.folder
            needed = upgrade_needed(f"the last checkpoint in {where}", state.get(FIELD))
            reason = str(error).partition("\n")[0]
            raise UserError(
                f"{needed} ({reason})" if needed else f"the last checkpoint in {where} is of another network: {reason}"
            ) from None

    def _interrupted(self) -> NoReturn:
        """Leave a checkpoint and stop."""
        self._save()
        raise KeyboardInterrupt(
            f"stopped after step {self.state.step} of {self.total}; go on with "
            f"`recircle train --resume {self.folder.path}`"
        )

    @property
    def _broken_path(self) -> Path:
        return self.folder.path / "broken.txt"

    def _gathered_state(self) -> TrainState:
        return self.state.merged(gather_object([self.state]))

    def _spec(self) -> ModelSpec:
        return ModelSpec(
            model=self.config.model,
            labels=self.data.labels,
            families=self.data.families,
            preprocessing=self.preprocessing,
            sampling=self.config.data.sampling,
        )

    def _describe(self) -> str:
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
        if self.state.step:
            text += f"; going on after step {self.state.step}"
        return text


def _check_classes(config: TrainConfig, model: VideoModel, data: TrainingData) -> None:
    """Insist on a network for the classes of the clips, before anything is written.

    Raises:
        UserError: it is for another number of classes; or it is from elsewhere, and does not make logits of clips.
    """
    classes = len(data.labels)
    if model.num_classes != classes:
        of = config.data.dataset or config.data.manifest
        raise UserError(
            f"{config.model.name} gives {counted(model.num_classes, 'logit')} a clip, and {of} has "
            f"{counted(classes, 'class', 'classes')}; give its last layer {counted(classes, 'output')}"
        )
    if isinstance(model, WrappedModel):
        assert config.data.preprocessing is not None
        model.try_out(config.data.sampling.frames, config.data.preprocessing.crop_size)


def _resolved(config: TrainConfig, model: VideoModel) -> TrainConfig:
    """Fill in what the config leaves to the model, and make its paths of data good from any folder.

    Raises:
        UserError: the model cannot take clips of so many frames, or of such a size.
    """
    try:
        model.check_frames(config.data.sampling.frames)
    except ValueError as error:
        raise UserError(f"data.sampling.frames={config.data.sampling.frames} cannot be: {error}") from None
    preprocessing = config.data.preprocessing or model.preprocessing
    try:
        model.check_size(*preprocessing.crop_size)
    except ValueError as error:
        raise UserError(f"data.preprocessing.crop cannot be: {error}") from None
    data = replace(
        config.data,
        manifest=config.data.manifest.absolute(),
        cache=config.data.cache.absolute() if config.data.cache is not None else None,
        preprocessing=preprocessing,
    )
    return replace(config, data=data)
