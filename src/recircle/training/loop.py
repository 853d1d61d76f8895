"""From a config to a trained run."""

import math
import warnings
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from typing import Any

import torch

from recircle.loading.dataset import DatasetClips
from recircle.loading.guarded_loader import LoadingError
from recircle.locks import locked
from recircle.models.base import VideoModel
from recircle.run import Run
from recircle.training.checkpoint import Checkpoints, disk_explained, standing
from recircle.training.config import TrainConfig
from recircle.training.data import TrainingData, labelled_clips
from recircle.training.deadline import Deadline
from recircle.training.devices import accelerated, start_tracker
from recircle.training.display import Display
from recircle.training.folder import check_folder
from recircle.training.interrupt import StopRequest
from recircle.training.kept_state import KeptState
from recircle.training.lora import without_lora
from recircle.training.metrics_log import MetricsLog
from recircle.training.readable import check_readable
from recircle.training.resolve import check_classes, resolved
from recircle.training.setup import Setup
from recircle.training.steps import Steps
from recircle.training.together import check_same, losses_explained, together
from recircle.training.trainable import choose_trainable
from recircle.training.validation import validate
from recircle.words import counted


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
            device's memory is full; the processes that load clips are killed; another process of several cannot go on,
            is lost or would do something else. Checkpoints written before stay intact.
        WriteError: the disk is full, read-only or gone; its text says what is safe and how to go on.
        KeyboardInterrupt: on Ctrl-C, SIGTERM or SIGUSR1, after a checkpoint; its text says how to go on.
    """
    folder = Run(config.output)
    with (
        losses_explained(lambda: standing(folder)),
        accelerated(config) as accelerator,
        disk_explained(folder),
        StopRequest() as stop,
        ExitStack() as held,
    ):
        with together():
            data = TrainingData.read(config, dataset)
            torch.manual_seed(config.seed)
            if model is None:
                # what a run starts from is not needed any more, and may be gone, once there are checkpoints
                goes_on = resume and bool(Checkpoints(folder.checkpoints_path).paths())
                classes = len(data.labels)
                model = config.model.build_empty(classes) if goes_on else config.model.build(classes, data.labels)
            config = resolved(config, model)
            check_classes(config, model, data)
            # here too, so that a wrong name is told before anything is written
            choose_trainable(model, config.trainable, config.lora, config.freeze)
            check_folder(config, resume=resume)
        check_same(config, data, resume=resume)
        with together():
            if accelerator.is_main_process:
                Run.create(config.output)
                if dataset is not None:
                    replace(dataset.manifest, root=config.data.manifest.parent).write(config.data.manifest)
                held.enter_context(locked(folder.lock_path, f"train the run in {folder.path}"))
        return _Training(Setup(config, data, model, accelerator), stop).run(resume=resume, progress=progress)


class _Training:
    """One call of `train`; every process has one, and all of them call the same methods."""

    def __init__(self, setup: Setup, stop: StopRequest) -> None:
        self.setup, self.stop = setup, stop
        self.deadline = Deadline.after(setup.config.minutes)
        self.kept = KeptState(setup)

    def run(self, *, resume: bool, progress: bool) -> Run:
        """Train to the end."""
        setup, main, folder = self.setup, self.setup.main, self.setup.folder
        epoch, finished = self.kept.go_on() if resume else (0, False)
        with Display(setup.total, done=self.kept.state.step, shown=progress and main) as self.display:
            if finished:
                self.display.say(f"{folder.path} is finished: all {setup.config.epochs} epochs are done")
                return folder
            if main:
                for remark in setup.config.schedule.remarks(setup.config.epochs):
                    warnings.warn(remark, stacklevel=3)
                folder.save_config(setup.config)
            start_tracker(setup.accelerator, setup.config)
            with MetricsLog(folder.metrics_path, active=main) as self.log:
                for line in (setup.describe(self.kept.state.step), *setup.remarks):
                    self.display.say(line)
                steps = Steps(setup, self.kept, self.stop, self.log, self.display)
                try:
                    while epoch < setup.config.epochs:
                        steps.train_epoch(epoch)
                        epoch += 1
                        self._end_epoch(epoch)
                        self._keep_time(epoch)
                except LoadingError as error:
                    if self.stop.requested and setup.accelerator.num_processes == 1:
                        self.kept.interrupt(self.log)
                    self.kept.stop_loading(error, self.log)
                everyone = self.kept.gathered()
                self.log.write(
                    "end",
                    step=setup.total,
                    epoch=setup.config.epochs,
                    skipped=everyone.skipped,
                    broken=len(everyone.broken),
                )
        if everyone.broken and main:
            # the place where `train` is called
            warnings.warn(everyone.summary(self.kept.broken_path), stacklevel=3)
        return folder

    def _end_epoch(self, epoch: int) -> None:
        """Evaluate, and save the weights."""
        setup, state = self.setup, self.kept.state
        values: dict[str, Any] = {"train_loss": state.loss} | self._validate()
        clips = len(labelled_clips(setup.data.val))
        check_readable(
            clips,
            {},
            unnamed=clips - values["clips"],
            least=setup.config.data.min_readable,
            purpose="evaluate on",
            manifest=setup.config.data.manifest,
        )
        if setup.main:
            setup.folder.save_model(without_lora(setup.learner.evaluated), setup.spec)
        self.log.write("val", step=state.step, epoch=epoch, **values)
        numbers = {f"val/{name}": value for name, value in values.items() if isinstance(value, float)}
        setup.accelerator.log(numbers, step=state.step)
        text = f"epoch {epoch}/{setup.config.epochs}"
        if values["train_loss"] is not None:
            text += f"  loss {values['train_loss']:.4f}"
        if values["clips"]:
            words = setup.provenance.protocol_words
            text += f"  top-1 {values['top1']:.1%} of {counted(values['clips'], 'clip')} ({words})"
        if values["left_out"]:
            text += f"; {counted(values['left_out'], 'clip')} could not be decoded"
        self.display.say(text)

    def _validate(self) -> dict[str, Any]:
        setup, processes = self.setup, self.setup.accelerator.num_processes
        # one process alone may leave at any moment; several must leave together, at the next step
        at_once = self.stop.interruptible() if processes == 1 else nullcontext()
        try:
            with at_once:
                figures = validate(
                    setup.learner.evaluated,
                    setup.val_loader,
                    setup.preprocessing,
                    setup.accelerator,
                    fusion=setup.config.evaluation.fusion,
                    precision=setup.config.precision,
                    progress=lambda done, _: self.display.evaluating(done * processes, len(setup.data.val)),
                )
        except KeyboardInterrupt:
            self.kept.interrupt(self.log)
        return figures | {"provenance": setup.provenance.to_dict()}

    def _keep_time(self, epoch: int) -> None:
        """Shorten the run after an epoch by which the rest of it would end too late; all processes must call it."""
        setup, config = self.setup, self.setup.config
        # the clock of the first process is that of all
        fitting = int(setup.learner.share([self.deadline.epochs_left()])[0, 0])
        # a run is longer than the warm-up of its schedule
        epochs = max(epoch + fitting, math.floor(config.schedule.warmup) + 1)
        if epochs >= config.epochs:
            return
        setup.config = replace(config, epochs=epochs)
        if setup.main:
            setup.folder.save_config(setup.config)
        self.display.shorten(setup.total)
        late = counted(config.epochs - epochs, "epoch")
        self.display.say(f"minutes={config.minutes:g}: {late} would be too late, so the run has {epochs}")
