"""The network as it is exported: frames in, logits out."""

from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from recircle.arc.running import MOST_FRAMES
from recircle.errors import UserError
from recircle.export.constants import fold_constants
from recircle.export.facts import Shape
from recircle.export.folded_frames import fold_frames
from recircle.models.base import VideoModel
from recircle.surgery.prepare import prepare_for_inference
from recircle.torch_internals import capture_errors, sizes_may_be_one
from recircle.views.preprocessing import Preprocessing

_EXAMPLE = (2, 3)
"""B and T of the clips that a network is captured with: not 1 and not equal, so that none is taken for a constant."""


class ExportedNetwork(nn.Module):
    """A network with its normalisation.

    Args:
        model: clips [B, T, 3, H, W] to logits [B, K]. It is copied, and the copy prepared for inference.
        preprocessing: normalises the frames.
    """

    def __init__(self, model: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.model = prepare_for_inference(model)
        self.preprocessing = preprocessing
        for tensor in (*self.model.parameters(), *self.model.buffers()):
            # files hold the bare values: a memory format of this machine's choice would not survive
            tensor.data = tensor.data.contiguous()
        self.eval().requires_grad_(False)

    def forward(self, frames: UInt8[Tensor, "B T 3 H W"]) -> Float[Tensor, "B K"]:
        """Return the logits of uint8 RGB frames."""
        return self.model(self.preprocessing.normalise(frames))


def capture(network: ExportedNetwork, shape: Shape | None = None) -> torch.export.ExportedProgram:
    """Capture the network as a graph.

    Args:
        network: what is captured.
        shape: of its frames; None is any B, any T that the network takes, and H and W of its crop.

    Raises:
        UserError: PyTorch cannot capture it so.
    """
    shape = shape or Shape(size=network.preprocessing.crop_size)
    batch, frames = _EXAMPLE
    time: Any = torch.export.Dim("T", min=1)
    if shape.frames is not None:
        frames, time = shape.frames, torch.export.Dim.STATIC
    elif isinstance(network.model, VideoModel):
        frames, time = _time(network.model, frames)
    clips = torch.zeros(shape.clips or batch, frames, 3, *shape.size, dtype=torch.uint8)
    many: Any = torch.export.Dim("B", min=1) if shape.clips is None else torch.export.Dim.STATIC
    dims = {0: many, 1: time}
    program = _export(network, clips, {"frames": dims})
    fold_frames(program)
    fold_constants(program)
    for node in program.graph.nodes:
        # paths of this machine, which do not belong in a file that travels
        node.meta.pop("stack_trace", None)
    return program


def _export(network: nn.Module, clips: Tensor, shapes: dict[str, Any]) -> torch.export.ExportedProgram:
    """Capture with sizes that are not known and may be 1, as that of the last maps where a network strides over time.

    A capture assumes that such sizes are not 1 unless told otherwise. Told so, it fails where an operator asks how its
    input lies in memory, which some do with maps of a single position; there the assumption is left to it.
    """
    try:
        with sizes_may_be_one():
            return torch.export.export(network, (clips,), dynamic_shapes=shapes, strict=False)
    except capture_errors():
        pass
    try:
        return torch.export.export(network, (clips,), dynamic_shapes=shapes, strict=False)
    except capture_errors() as error:
        raise UserError(
            "the network cannot be captured for any number of clips and frames, which is known of some with ARC or "
            f"with pools that stride over time: {str(error).partition(chr(10))[0]}"
        ) from None


def _time(model: VideoModel, frames: int) -> tuple[int, Any]:
    """Return a number of frames that the network takes, and what `torch.export` is to know of all such numbers."""
    least, most, multiple = model.min_frames, model.max_frames, model.frame_multiple
    if model.causal and most is None:
        most = MOST_FRAMES
    if least == most:
        return least, torch.export.Dim.STATIC
    fewest = -(-least // multiple)
    largest = None if most is None else most // multiple
    count = torch.export.Dim("T" if multiple == 1 else "T_", min=fewest, max=largest)
    return multiple * max(frames, fewest), count if multiple == 1 else multiple * count
