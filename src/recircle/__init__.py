"""Adaptive Recursive Circle (ARC) layers for PyTorch, and a toolkit for fine-grained action recognition in video."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from recircle import arc, layers, models, surgery
    from recircle.api.evaluate import EvaluateSettings, Evaluation, evaluate
    from recircle.api.index import index
    from recircle.api.settings import TrainSettings
    from recircle.api.train import train
    from recircle.arc.config import ArcConfig
    from recircle.arc.convolutions import ArcConv1d, ArcConv2d, ArcConv3d
    from recircle.arc.fewer_steps import set_steps
    from recircle.arc.functional import arc_conv, arc_linear, arc_operator
    from recircle.arc.linear import ArcLinear
    from recircle.arc.matrices import ArcMatrices, GruWeights
    from recircle.arc.module import ArcLayer, Unrolled
    from recircle.arc.step_statistics import StepStatistics
    from recircle.errors import UserError
    from recircle.evaluation.estimate import Estimate
    from recircle.evaluation.machine import Machine
    from recircle.evaluation.measure import Metrics
    from recircle.evaluation.predictions import Predictions
    from recircle.evaluation.protocol import Protocol
    from recircle.evaluation.provenance import ClipSource, Provenance
    from recircle.evaluation.report import Report
    from recircle.inference.online import Online
    from recircle.inference.recognition import Recognition
    from recircle.inference.recognizer import Recognizer
    from recircle.inference.stream import Stream, Window
    from recircle.loading.config import DataConfig
    from recircle.manifest.manifest import Clip, Manifest
    from recircle.models.base import VideoModel
    from recircle.models.checkpoints import load_weights
    from recircle.models.cost import Cost, measure_cost
    from recircle.models.load_report import LoadReport
    from recircle.models.registry import ModelConfig, create_model, list_models, model_summary, register_model
    from recircle.recipes.recipe import Recipe
    from recircle.recipes.registry import get_recipe, list_recipes, register_recipe
    from recircle.run import ModelSpec, Run
    from recircle.surgery.convert import Conversion, Converted, Skipped, arc_report, convert
    from recircle.surgery.frame_model import FrameModel
    from recircle.surgery.prepare import Preparation, prepare_for_inference, prepare_report
    from recircle.timelines.segments import Segment, Segmentation
    from recircle.timelines.timeline import Timeline
    from recircle.training.config import TrainConfig
    from recircle.training.lora import Lora
    from recircle.training.optimiser import Optimiser
    from recircle.training.schedule import Schedule
    from recircle.views.augmentation import Augmentation
    from recircle.views.preprocessing import Preprocessing
    from recircle.views.sampling import Sampling

__all__ = [
    "ArcConfig",
    "ArcConv1d",
    "ArcConv2d",
    "ArcConv3d",
    "ArcLayer",
    "ArcLinear",
    "ArcMatrices",
    "Augmentation",
    "Clip",
    "ClipSource",
    "Conversion",
    "Converted",
    "Cost",
    "DataConfig",
    "Estimate",
    "EvaluateSettings",
    "Evaluation",
    "FrameModel",
    "GruWeights",
    "LoadReport",
    "Lora",
    "Machine",
    "Manifest",
    "Metrics",
    "ModelConfig",
    "ModelSpec",
    "Online",
    "Optimiser",
    "Predictions",
    "Preparation",
    "Preprocessing",
    "Protocol",
    "Provenance",
    "Recipe",
    "Recognition",
    "Recognizer",
    "Report",
    "Run",
    "Sampling",
    "Schedule",
    "Segment",
    "Segmentation",
    "Skipped",
    "StepStatistics",
    "Stream",
    "Timeline",
    "TrainConfig",
    "TrainSettings",
    "Unrolled",
    "UserError",
    "VideoModel",
    "Window",
    "arc",
    "arc_conv",
    "arc_linear",
    "arc_operator",
    "arc_report",
    "convert",
    "create_model",
    "evaluate",
    "get_recipe",
    "index",
    "layers",
    "list_models",
    "list_recipes",
    "load_weights",
    "measure_cost",
    "model_summary",
    "models",
    "prepare_for_inference",
    "prepare_report",
    "register_model",
    "register_recipe",
    "set_steps",
    "surgery",
    "train",
]

_HOMES = {
    "ArcConfig": "recircle.arc.config",
    "ArcConv1d": "recircle.arc.convolutions",
    "ArcConv2d": "recircle.arc.convolutions",
    "ArcConv3d": "recircle.arc.convolutions",
    "ArcLayer": "recircle.arc.module",
    "ArcLinear": "recircle.arc.linear",
    "ArcMatrices": "recircle.arc.matrices",
    "Augmentation": "recircle.views.augmentation",
    "Clip": "recircle.manifest.manifest",
    "ClipSource": "recircle.evaluation.provenance",
    "Conversion": "recircle.surgery.convert",
    "Converted": "recircle.surgery.convert",
    "Cost": "recircle.models.cost",
    "DataConfig": "recircle.loading.config",
    "Estimate": "recircle.evaluation.estimate",
    "EvaluateSettings": "recircle.api.evaluate",
    "Evaluation": "recircle.api.evaluate",
    "FrameModel": "recircle.surgery.frame_model",
    "GruWeights": "recircle.arc.matrices",
    "LoadReport": "recircle.models.load_report",
    "Lora": "recircle.training.lora",
    "Machine": "recircle.evaluation.machine",
    "Manifest": "recircle.manifest.manifest",
    "Metrics": "recircle.evaluation.measure",
    "ModelConfig": "recircle.models.registry",
    "ModelSpec": "recircle.run",
    "Online": "recircle.inference.online",
    "Optimiser": "recircle.training.optimiser",
    "Predictions": "recircle.evaluation.predictions",
    "Preparation": "recircle.surgery.prepare",
    "Preprocessing": "recircle.views.preprocessing",
    "Protocol": "recircle.evaluation.protocol",
    "Provenance": "recircle.evaluation.provenance",
    "Recipe": "recircle.recipes.recipe",
    "Recognition": "recircle.inference.recognition",
    "Recognizer": "recircle.inference.recognizer",
    "Report": "recircle.evaluation.report",
    "Run": "recircle.run",
    "Sampling": "recircle.views.sampling",
    "Schedule": "recircle.training.schedule",
    "Segment": "recircle.timelines.segments",
    "Segmentation": "recircle.timelines.segments",
    "Skipped": "recircle.surgery.convert",
    "StepStatistics": "recircle.arc.step_statistics",
    "Stream": "recircle.inference.stream",
    "Timeline": "recircle.timelines.timeline",
    "TrainConfig": "recircle.training.config",
    "TrainSettings": "recircle.api.settings",
    "Unrolled": "recircle.arc.module",
    "UserError": "recircle.errors",
    "VideoModel": "recircle.models.base",
    "Window": "recircle.inference.stream",
    "arc_conv": "recircle.arc.functional",
    "arc_linear": "recircle.arc.functional",
    "arc_operator": "recircle.arc.functional",
    "arc_report": "recircle.surgery.convert",
    "convert": "recircle.surgery.convert",
    "create_model": "recircle.models.registry",
    "evaluate": "recircle.api.evaluate",
    "get_recipe": "recircle.recipes.registry",
    "index": "recircle.api.index",
    "list_models": "recircle.models.registry",
    "list_recipes": "recircle.recipes.registry",
    "load_weights": "recircle.models.checkpoints",
    "measure_cost": "recircle.models.cost",
    "model_summary": "recircle.models.registry",
    "prepare_for_inference": "recircle.surgery.prepare",
    "prepare_report": "recircle.surgery.prepare",
    "register_model": "recircle.models.registry",
    "register_recipe": "recircle.recipes.registry",
    "set_steps": "recircle.arc.fewer_steps",
    "train": "recircle.api.train",
}
"""Where each class and function is defined."""

_PARTS = {
    "EarlierWords": "recircle.evaluation.provenance",
    "Folded": "recircle.surgery.prepare",
    "GruParameters": "recircle.arc.attention",
    "ReorderedConv2d": "recircle.layers.reordered",
    "ReorderedConv3d": "recircle.layers.reordered",
    "ReorderedWeights": "recircle.layers.reordered",
    "SlicedBatchNorm": "recircle.arc.sliced_norm",
    "SlicedGroupNorm": "recircle.arc.sliced_norm",
    "Steps": "recircle.arc.steps",
    "_Rows": "recircle.surgery.prepare",
}
"""Likewise what only pickles name."""

_ROOMS = ("arc", "layers", "models", "surgery")
"""The packages whose paths may be relied on too."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that the command line starts without loading torch."""
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    home = _HOMES.get(name) or _PARTS.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public, used or not."""
    return [*__all__, "__version__"]
