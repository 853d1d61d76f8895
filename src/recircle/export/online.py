"""A causal network as it is exported to run frame by frame: a frame and a state in, logits and the next state out."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from recircle.errors import UserError
from recircle.export.constants import fold_constants
from recircle.export.network import ExportedNetwork
from recircle.layers.memory import State
from recircle.models.base import VideoModel
from recircle.torch_internals import capture_errors
from recircle.views.preprocessing import Preprocessing

StepFunction = Callable[..., tuple[Tensor, ...]]
"""uint8 frames [B, 3, H, W] and the tensors of a state to logits [B, K] and the tensors of the next state."""

STATE, NEXT = "state.", "next."
"""What stands before the name of a tensor of the state where it goes in, and where the next one comes out."""

_BATCH = 2


@dataclass(frozen=True)
class StateEntry:
    """A tensor of the state that an exported network takes and returns.

    Attributes:
        shape: without B.
        dtype: "float32" or "int64".
        fill: the number that it is full of before the first frame.
    """

    shape: tuple[int, ...]
    dtype: str
    fill: float

    def start(self, batch: int) -> Tensor:
        """Return it as it is before the first frame, for B videos side by side."""
        return torch.full((batch, *self.shape), self.fill, dtype=getattr(torch, self.dtype))


class OnlineNetwork(nn.Module):
    """A causal network with its normalisation, frame by frame.

    Attributes:
        entries: of its state, in the order in which they go in and come out.
    """

    def __init__(self, model: VideoModel, preprocessing: Preprocessing) -> None:
        """Prepare a copy of the network for inference.

        Raises:
            UserError: the network is not causal.
        """
        super().__init__()
        model.check_causal()
        self.whole = ExportedNetwork(model, preprocessing)
        self.eval()
        with torch.no_grad():
            start = self._model.initial_state(1, preprocessing.crop_size)
        self.entries = {name: _entry(value) for name, value in start.items()}

    @property
    def preprocessing(self) -> Preprocessing:
        """How frames become the network's input."""
        return self.whole.preprocessing

    @property
    def _model(self) -> VideoModel:
        assert isinstance(self.whole.model, VideoModel)
        return self.whole.model

    def forward(self, frames: UInt8[Tensor, "B 3 H W"], *state: Tensor) -> tuple[Tensor, ...]:
        """Return logits [B, K] and the tensors of the next state."""
        before: State = dict(zip(self.entries, state, strict=True))
        logits, after = self._model.forward_step(self.preprocessing.normalise(frames), before)
        # one of its own, since the mean of the logits is in the state too, and an output has one name
        return (logits.clone(), *(after[name] for name in self.entries))


def _entry(value: Tensor) -> StateEntry:
    fill = value.unique()
    assert len(fill) == 1, "a state begins with one number everywhere"
    return StateEntry(tuple(value.shape[1:]), str(value.dtype).removeprefix("torch."), fill.item())


def capture_step(network: OnlineNetwork) -> torch.export.ExportedProgram:
    """Capture the network as a graph for any B, and for H and W of its crop.

    Raises:
        UserError: PyTorch cannot capture it so.
    """
    frames = torch.zeros(_BATCH, 3, *network.preprocessing.crop_size, dtype=torch.uint8)
    state = tuple(entry.start(_BATCH) for entry in network.entries.values())
    batch: Any = torch.export.Dim("B", min=1)
    shapes = {"frames": {0: batch}, "state": tuple({0: batch} for _ in state)}
    try:
        program = torch.export.export(network, (frames, *state), dynamic_shapes=shapes, strict=False)
    except capture_errors() as error:
        raise UserError(f"the network cannot be captured frame by frame: {str(error).partition(chr(10))[0]}") from None
    fold_constants(program)
    for node in program.graph.nodes:
        # paths of this machine, which do not belong in a file that travels
        node.meta.pop("stack_trace", None)
    return program


def state_json(entries: dict[str, StateEntry]) -> str:
    """Return the entries of a state as JSON text: their names in order, with shape, dtype and fill."""
    found = {name: {"shape": list(e.shape), "dtype": e.dtype, "fill": e.fill} for name, e in entries.items()}
    return json.dumps(found, indent=1)


def run_through(step: StepFunction, entries: dict[str, StateEntry]) -> Callable[[Tensor], Tensor]:
    """Return the function that shows a network a clip frame by frame: [B, T, 3, H, W] to [B T, K], after each frame."""

    def run(clips: UInt8[Tensor, "B T 3 H W"]) -> Float[Tensor, "BT K"]:
        state = tuple(entry.start(len(clips)) for entry in entries.values())
        found: list[Tensor] = []
        for frame in clips.unbind(1):
            logits, *state = step(frame.contiguous(), *state)
            found.append(logits)
        return torch.stack(found, 1).flatten(0, 1)

    return run
