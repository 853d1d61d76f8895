"""Keep places of the user's machine out of what is given to others."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from recircle.config import to_json
from recircle.errors import UserError
from recircle.evaluation.calibration import Calibration
from recircle.hub import PREFIX, is_reference, is_repository
from recircle.models.weights.table import is_name
from recircle.run import ModelSpec

OWN_FILE = "a file of weights of its author's"


def without_places(spec: ModelSpec) -> ModelSpec:
    """Return what belongs to the weights without where training started from, which loading does not need.

    Raises:
        UserError: the network itself is named by a place, so that nobody else could build it.
    """
    told = replace(spec, model=replace(spec.model, pretrained=None)) if spec.model.pretrained is not None else spec
    for name, text in _texts(json.loads(to_json(told.model)), "model"):
        if is_place(text):
            raise UserError(
                f"the network is described by {name} = {text!r}, a place on this machine, which nobody else has; train "
                "it from a repository of the hub or by a name, and push that run"
            )
    return told


def calibration_without_places(calibration: Calibration) -> Calibration:
    """Return a temperature with the name of the manifest that it was fitted on, and not its path."""
    clips = calibration.provenance.clips
    if clips is None:
        return calibration
    told = replace(clips, manifest=PurePosixPath(clips.manifest.replace("\\", "/")).name)
    return replace(calibration, provenance=replace(calibration.provenance, clips=told))


def started_from(pretrained: str | None) -> str:
    """Return in words what training started from; a file is not named."""
    if pretrained is None:
        return "random weights"
    if is_name(pretrained) or is_reference(pretrained):
        return f"the weights {pretrained}"
    return OWN_FILE


def check_private(text: str, folder: Path) -> None:
    """Insist that a text names neither the user's home nor a run's folder.

    Raises:
        UserError: it does.
    """
    for place in {str(Path.home()), str(folder.resolve())} - {"/", ""}:
        if re.search(rf"{re.escape(place)}(?![\w-])", text):
            raise UserError(f"{place} stands in what would be pushed; take it out of the names of classes or data sets")


def is_place(text: str) -> bool:
    """Tell whether a text is the path of something on this machine rather than a name."""
    if is_reference(text):
        return not is_repository(text.removeprefix(PREFIX).partition("@")[0])
    return (
        PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or text.startswith(("~", "./", ".."))
    )


def _texts(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inside in value.items():
            yield from _texts(inside, f"{name}.{key}")
    elif isinstance(value, list):
        for inside in value:
            yield from _texts(inside, name)
