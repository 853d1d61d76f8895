"""Adaptive Recursive Circle (ARC) layers for PyTorch, and a toolkit for fine-grained action recognition in video."""

from recircle.errors import UserError
from recircle.layers import ArcConfig, FrameModel, convert

__all__ = ["ArcConfig", "FrameModel", "UserError", "convert"]

__version__ = "0.1.0"
