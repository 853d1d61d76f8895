"""Rewrite networks: ordinary layers into ARC layers, image networks for clips, trained networks for running."""

from recircle.surgery.convert import Conversion, arc_report, convert
from recircle.surgery.frame_model import FrameModel
from recircle.surgery.prepare import Preparation, prepare_for_inference, prepare_report

__all__ = [
    "Conversion",
    "FrameModel",
    "Preparation",
    "arc_report",
    "convert",
    "prepare_for_inference",
    "prepare_report",
]
