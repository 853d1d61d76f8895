"""How fast networks are on a clock."""

import statistics
import time
from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from recircle.engines.torch_engine import logits_of_views
from recircle.run import Run

_CLIPS_AT_ONCE = 8
_TIMINGS = 5


def measure_network_speeds(runs: Sequence[Run], device: torch.device) -> list[float]:
    """Return the views a second of each network: they take turns, so that a busy moment meets all of them."""
    torch.manual_seed(0)
    networks = [(run.load_model(device), run.load_spec().preprocessing, _views(run)) for run in runs]
    seconds: list[list[float]] = [[] for _ in runs]
    for turn in range(_TIMINGS + 1):
        for number, (model, preprocessing, views) in enumerate(networks):
            began = time.perf_counter()
            logits_of_views(model, views, preprocessing, device=device).cpu()
            # the first turn warms up
            if turn:
                seconds[number].append(time.perf_counter() - began)
    return [_CLIPS_AT_ONCE / statistics.median(times) for times in seconds]


def _views(run: Run) -> UInt8[Tensor, "B 1 T 3 h w"]:
    spec = run.load_spec()
    shape = (_CLIPS_AT_ONCE, 1, spec.sampling.frames, 3, *spec.preprocessing.crop_size)
    return torch.randint(256, shape, dtype=torch.uint8)
