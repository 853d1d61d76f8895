"""The folder of a training run: made for a new one, checked before an old one goes on."""

from collections.abc import Collection
from dataclasses import fields, is_dataclass
from tempfile import TemporaryFile
from typing import Any

from recircle.errors import UserError
from recircle.files import remove_parts, writing
from recircle.run import Run
from recircle.training.config import TrainConfig

# what may differ when a run goes on: nothing here changes a step that is already done, or the clips of one to come
FREE_FIELDS = frozenset(
    {
        "output",
        "epochs",
        "minutes",
        "evaluation",
        "checkpoint_every",
        "keep",
        "tracker",
        "model.module",
        "model.host.version",
        "data.manifest",
        "data.workers",
        "data.cache",
        "data.min_readable",
    }
)


def check_folder(config: TrainConfig, *, resume: bool) -> None:
    """Refuse an output folder that training cannot use; nothing is written, and no more removed than a part of a file.

    Raises:
        UserError: a new run into a folder that is not empty or cannot be made; or a resumed one whose folder holds no
            run, or a run with other settings than `config` (all but FREE_FIELDS must be equal).
    """
    run = Run(config.output)
    if not resume:
        if run.config_path.exists():
            raise UserError(
                f"{run.path} holds a run already; go on with it by `recircle train --resume {run.path}`, "
                "or choose another output"
            )
        with writing(run.path):
            nearest = next(folder for folder in (run.path, *run.path.parents) if folder.exists())
            if not nearest.is_dir():
                raise UserError(f"{run.path} cannot be made, since {nearest} is not a folder; choose another output")
            with TemporaryFile(dir=nearest):
                pass
        # a run that was killed before it wrote anything leaves its lock, and perhaps a part of its config
        remove_parts(run.path)
        if run.path.is_dir() and any(path != run.lock_path for path in run.path.iterdir()):
            raise UserError(f"{run.path} is not empty; choose another output")
        return
    if not run.config_path.exists():
        raise UserError(f"{run.path} holds no run that can be continued; start one without resume")
    differing = changes(run.load_config(TrainConfig), config, FREE_FIELDS)
    if differing:
        raise UserError(
            f"{run.path} was started with other settings ({', '.join(differing)}); take these back, "
            "or start a new run with another output"
        )


def changes(old: Any, new: Any, free: Collection[str], prefix: str = "") -> list[str]:
    """Return the fields that differ, but for those that may, as `name old -> new`."""
    found: list[str] = []
    for field in fields(old):
        name, before, after = f"{prefix}{field.name}", getattr(old, field.name), getattr(new, field.name)
        if name in free or before == after:
            continue
        if is_dataclass(before) and type(before) is type(after):
            found += changes(before, after, free, f"{name}.")
        else:
            found.append(f"{name} {before} -> {after}")
    return found
