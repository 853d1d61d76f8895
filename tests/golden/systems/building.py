"""What the builders of the systems have in common."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from recircle.models import create_model
from recircle.models.base import VideoModel

Weights = Mapping[str, Tensor]


class UnknownSystemError(ValueError):
    """There is no way to build what a file describes."""


def video_model(name: str, num_classes: int, weights: Weights, **options: Any) -> VideoModel:
    """Return a registered network with weights under their published names, converted as a checkpoint would be.

    Raises:
        UnknownSystemError: there is no such network, or it has no such option.
        RuntimeError: keys are missing, left over or of another shape.
    """
    try:
        # no storage and no drawing of initial weights
        with torch.device("meta"):
            model = create_model(name, num_classes, **options)
    except ValueError as error:
        raise UnknownSystemError(str(error)) from None
    model.load_state_dict(model.convert_published(dict(weights)), assign=True)
    return model
