"""Adaptive Recursive Circle (ARC) layers for PyTorch, and a toolkit for fine-grained action recognition in video."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from recircle.errors import UserError
    from recircle.inference.recognizer import Recognizer
    from recircle.layers import ArcConfig, FrameModel, convert, prepare_for_inference
    from recircle.models.registry import create_model, list_models

__all__ = [
    "ArcConfig",
    "FrameModel",
    "Recognizer",
    "UserError",
    "convert",
    "create_model",
    "list_models",
    "prepare_for_inference",
]

_HOMES = {
    "ArcConfig": "recircle.layers",
    "FrameModel": "recircle.layers",
    "Recognizer": "recircle.inference.recognizer",
    "UserError": "recircle.errors",
    "convert": "recircle.layers",
    "create_model": "recircle.models.registry",
    "list_models": "recircle.models.registry",
    "prepare_for_inference": "recircle.layers",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that the command line starts without loading torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
