"""Whole networks: clips [B, T, 3, H, W] in, logits [B, K] out. Importing this registers their names."""

import importlib
import pkgutil

from recircle.models.base import VideoModel
from recircle.models.checkpoints import load_weights
from recircle.models.cost import Cost, measure_cost
from recircle.models.load_report import LoadReport
from recircle.models.registry import ModelConfig, create_model, list_models, model_summary, register_model

__all__ = [
    "Cost",
    "LoadReport",
    "ModelConfig",
    "VideoModel",
    "create_model",
    "list_models",
    "load_weights",
    "measure_cost",
    "model_summary",
    "register_model",
]

# each network registers itself; what else is in here does no harm
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
