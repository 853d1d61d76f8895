"""The networks that are timed and the clips they get, as evaluation and training have them."""

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.machine import Run, precision
from recircle import ArcConfig, UserError, VideoModel, create_model
from recircle.models.registry import model_options

CLASSES = 174
"""Of Something-Something."""


def build(name: str, *, arc: ArcConfig | None = None, width: int | None = None) -> VideoModel:
    """Return a new network.

    Args:
        name: one of `recircle.list_models()`.
        arc: its ARC layers; None for a network without any, or the default.
        width: channels of the stem; None is the published width.

    Raises:
        UserError: there is no such network, or the layers or the width do not fit it.
    """
    wanted: dict[str, Any] = {"arc": arc, "width": width}
    try:
        with warnings.catch_warnings():
            # a layer that stays as it was, since n does not divide it, would make ARC look cheaper
            warnings.simplefilter("error", UserWarning)
            return create_model(name, CLASSES, **{key: value for key, value in wanted.items() if value is not None})
    except UserError:
        raise
    except (ValueError, UserWarning) as problem:
        raise UserError(f"{name} cannot be built so: {problem}") from problem


def has_steps(name: str) -> bool:
    """Tell whether a network has ARC layers.

    Raises:
        UserError: there is no such network.
    """
    return "steps" in model_options(name)


def random_clips(batch: int, frames: int, size: int | tuple[int, int], device: torch.device) -> Tensor:
    """Return clips [B, T, 3, H, W] whose frames have their channels side by side in memory, as evaluation lays them."""
    height, width = (size, size) if isinstance(size, int) else size
    images = torch.randn(batch * frames, 3, height, width, device=device)
    return images.contiguous(memory_format=torch.channels_last).unflatten(0, (batch, frames))


def inference(model: nn.Module, clips: Tensor, dtype: torch.dtype) -> Run:
    """Return the forward pass of evaluation as a callable."""
    model.eval()

    def run() -> None:
        with torch.inference_mode(), precision(clips.device, dtype):
            model(clips)

    return run


def compiled(model: nn.Module) -> nn.Module:
    """Return the network compiled anew for every shape of clips, when it first sees them."""
    whole: Any = torch.compile(model, dynamic=False, fullgraph=True)
    return whole


def compiled_for_any_batch(model: nn.Module) -> nn.Module:
    """Return the network compiled with the number of clips left open, from the second batch on that it sees."""
    whole: Any = torch.compile(model, fullgraph=True)
    return whole


def compiled_step(model: nn.Module) -> nn.Module:
    """Return the network compiled for training."""
    whole: Any = torch.compile(model, dynamic=False)
    return whole


def graphed(run: Run) -> Run:
    """Return what a call does on a GPU as one CUDA graph, which is replayed without the calls of Python."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        # libraries choose their kernels and take their memory before the recording
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


class TrainingStep:
    """One optimiser step as a callable: forward, backward and plain SGD, weights and frames channels-last.

    Attributes:
        clips: what it learns from, [B, T, 3, H, W]; may be replaced.
    """

    def __init__(self, model: nn.Module, clips: Tensor, dtype: torch.dtype, *, compiled: bool = False) -> None:
        network = prepare_for_training(model, clips.device)
        self._model, self.clips = compiled_step(network) if compiled else network, clips
        self._dtype = dtype
        self._optimiser = torch.optim.SGD(model.parameters(), lr=1e-4)

    def __call__(self) -> None:
        """Take the step."""
        self._optimiser.zero_grad()
        labels = torch.arange(len(self.clips), device=self.clips.device) % CLASSES
        with precision(self.clips.device, self._dtype):
            loss = F.cross_entropy(self._model(self.clips), labels)
        loss.backward()
        self._optimiser.step()


def prepare_for_training(model: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to the device, in training mode, with channels-last weights."""
    model.to(device).train()
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return model
