"""How far a run has come, kept by all its processes together: in checkpoints, and from them."""

from pathlib import Path
from typing import Any, NoReturn

from accelerate.utils import gather_object

from recircle.errors import UserError
from recircle.files import atomic_write
from recircle.loading.guarded_loader import LoadingError
from recircle.terminal import visible
from recircle.training.checkpoint import Checkpoints
from recircle.training.metrics_log import MetricsLog, read_metrics_log, rewind_metrics_log
from recircle.training.setup import Setup
from recircle.training.together import together
from recircle.training.train_state import TrainState
from recircle.written_by import FIELD, upgrade_needed


class KeptState:
    """The state of a run, and its checkpoints.

    Attributes:
        state: of this process.
        broken_path: the list of clips that could not be used.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._checkpoints = Checkpoints(setup.folder.checkpoints_path, setup.config.keep)
        self.broken_path: Path = setup.folder.path / "broken.txt"
        self.state = TrainState()
        self.state.note(setup.loader.left_out)

    def gathered(self) -> TrainState:
        """Return the state with what all processes counted; all of them must call it."""
        return self.state.merged(gather_object([self.state]))

    def save(self, log: MetricsLog) -> None:
        """Write a checkpoint; all processes must call it."""
        everyone = self.gathered()
        if not self._setup.main:
            return
        # a checkpoint must not be ahead of the lines that lead to it
        log.sync()
        # the key that checkpoints of all versions have
        state = {"tally": everyone.state(), "data": self._setup.data.fingerprint, **self._setup.learner.state()}
        self._checkpoints.save(self.state.step, state)
        if everyone.broken:
            lines = (f"{visible(path)}\t{visible(fault)}\n" for path, fault in sorted(everyone.broken.items()))
            atomic_write(self.broken_path, "".join(lines))

    def interrupt(self, log: MetricsLog) -> NoReturn:
        """Leave a checkpoint and stop; all processes must call it."""
        self.save(log)
        # whoever has started them ends the others soon after the first, which must not be while a file is written
        self._setup.accelerator.wait_for_everyone()
        raise KeyboardInterrupt(
            f"stopped after step {self.state.step} of {self._setup.total}; go on with "
            f"`recircle train --resume {self._setup.folder.path}`"
        )

    def stop_loading(self, error: LoadingError, log: MetricsLog) -> NoReturn:
        """Stop where clips cannot be loaded any more; all steps that were taken are kept."""
        # several processes save together, and the others know of nothing
        if self._setup.accelerator.num_processes == 1:
            self.save(log)
        raise LoadingError(f"{error}; go on with `recircle train --resume {self._setup.folder.path}`") from None

    def go_on(self) -> tuple[int, bool]:
        """Load the last checkpoint; return the epochs that are trained and evaluated, and whether that is all.

        Raises:
            UserError: it is of other clips, of another network or of a longer run.
        """
        setup = self._setup
        with together():
            self._load_latest()
            lines = read_metrics_log(setup.folder.metrics_path)
        step = self.state.step
        steps = setup.learner.share([step])[:, 0]
        if (steps != step).any():
            raise UserError(
                f"the processes see checkpoints of {setup.folder.path} after {', '.join(map(str, steps))} steps; give "
                "all machines the same folder"
            )
        finished = any(line["kind"] == "end" and line["step"] == setup.total for line in lines)
        setup.accelerator.wait_for_everyone()
        if setup.main and not finished:
            rewind_metrics_log(setup.folder.metrics_path, step)
        validated = sum(line["kind"] == "val" and line["step"] <= step for line in lines)
        return max(validated, (step - 1) // setup.epoch_steps), finished

    def _load_latest(self) -> None:
        setup, state = self._setup, self._checkpoints.latest()
        if state is not None:
            if state["data"] != setup.data.fingerprint:
                raise UserError(
                    f"the clips to train on in {setup.config.data.manifest} are not those that {setup.folder.path} was "
                    "started with; restore the manifest, or start a new run with another output"
                )
            self._load(state)
        if self.state.step > setup.total:
            raise UserError(
                f"{setup.folder.path} has done {self.state.step} steps, more than the {setup.total} of "
                f"epochs={setup.config.epochs}; train it for more epochs"
            )

    def _load(self, state: dict[str, Any]) -> None:
        try:
            self._setup.learner.load_state(state)
            self.state = TrainState.from_state(state["tally"], main=self._setup.main)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            where = self._checkpoints.folder
            needed = upgrade_needed(f"the last checkpoint in {where}", state.get(FIELD))
            reason = str(error).partition("\n")[0]
            raise UserError(
                f"{needed} ({reason})" if needed else f"the last checkpoint in {where} is of another network: {reason}"
            ) from None
