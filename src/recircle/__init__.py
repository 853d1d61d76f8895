"""Adaptive Recursive Circle (ARC) layers for PyTorch, and a toolkit for fine-grained action recognition in video."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from recircle.arc import ArcConfig
    from recircle.errors import UserError
    from recircle.inference.recognizer import Recognizer
    from recircle.models.registry import create_model, list_models
    from recircle.surgery import FrameModel, convert, prepare_for_inference

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
    "ArcConfig": "recircle.arc",
    "FrameModel": "recircle.surgery",
    "Recognizer": "recircle.inference.recognizer",
    "UserError": "recircle.errors",
    "convert": "recircle.surgery",
    "create_model": "recircle.models.registry",
    "list_models": "recircle.models.registry",
    "prepare_for_inference": "recircle.surgery",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that the command line starts without loading torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
