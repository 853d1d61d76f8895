"""Whole networks: clips [B, T, 3, H, W] in, logits [B, K] out. Importing this registers their names."""

from recircle.models import (
    abm,
    arc,
    corrnet,
    ensemble,
    gsm,
    i3d,
    i3d_inception,
    msnet,
    r2plus1d,
    rubiksnet,
    slowfast,
    slowonly,
    tea,
    timesformer,
    trn,
    tsm,
    tsn,
    tsn_inception,
)
from recircle.models.base import VideoModel
from recircle.models.checkpoints import LoadReport, load_weights
from recircle.models.cost import Cost, measure_cost
from recircle.models.registry import ModelConfig, create_model, list_models, model_summary, register_model

__all__ = [
    "Cost",
    "LoadReport",
    "ModelConfig",
    "VideoModel",
    "abm",
    "arc",
    "corrnet",
    "create_model",
    "ensemble",
    "gsm",
    "i3d",
    "i3d_inception",
    "list_models",
    "load_weights",
    "measure_cost",
    "model_summary",
    "msnet",
    "r2plus1d",
    "register_model",
    "rubiksnet",
    "slowfast",
    "slowonly",
    "tea",
    "timesformer",
    "trn",
    "tsm",
    "tsn",
    "tsn_inception",
]
