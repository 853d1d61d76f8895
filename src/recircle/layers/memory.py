"""What layers remember of the frames before, where a network sees a video frame by frame.

A layer that looks back asks for its memory, which is there while such a network runs; the tensors themselves come from
the caller and go back to it, so that a network holds none of them. As with the length of a clip, this is passed beside
the tensors for one call and one thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from recircle.errors import UserError

State = dict[str, Tensor]
"""What a network remembers: tensors [B, ...] by the names of the layers that they belong to."""

FRAMES = "frames"
"""The entry that counts the frames so far, int64 [B]."""


class Memory:
    """What one layer remembers."""

    def __init__(self, step: "Step", layer: str) -> None:
        self._step, self._layer = step, layer

    def read(self, name: str, shape: Sequence[int], fill: float, like: Tensor) -> Tensor:
        """Return what was written in the frame before.

        Args:
            name: of the entry.
            shape: it has.
            fill: what it is full of before the first frame.
            like: a tensor of its dtype, on its device.

        Raises:
            UserError: it has another shape, or is not there.
        """
        return self._step.read(f"{self._layer}.{name}", like.new_full(tuple(shape), fill))

    def write(self, name: str, value: Tensor) -> None:
        """Remember a value for the next frame."""
        self._step.after[f"{self._layer}.{name}"] = value

    def count(self, dims: int) -> Tensor:
        """Return the number of this frame, from 1, for each clip of the batch, [B, 1, ...] with `dims` dimensions."""
        return self._step.count.view(-1, *[1] * (dims - 1))


class Step:
    """One frame's way through a network.

    Attributes:
        count: the number of this frame, from 1, for each clip of the batch: [B].
        start: what is remembered before the first frame.
        after: what is remembered after this one.
    """

    def __init__(self, network: nn.Module, before: Mapping[str, Tensor] | None, batch: int) -> None:
        """Begin.

        Args:
            network: whose layers remember.
            before: what they do; None is nothing yet, and then `start` is what they would begin with.
            batch: B.
        """
        self._names = {id(module): name for name, module in network.named_modules()}
        self._before = before
        device = next(network.parameters()).device
        self.start: State = {}
        self.after: State = {}
        self.count = self.read(FRAMES, torch.zeros(batch, dtype=torch.int64, device=device)) + 1
        self.after[FRAMES] = self.count

    def memory(self, layer: nn.Module) -> Memory:
        """Return that of one layer."""
        return Memory(self, self._names[id(layer)])

    def read(self, name: str, start: Tensor) -> Tensor:
        """Return an entry, which before the first frame is `start`.

        Raises:
            UserError: it has another shape, or is not there.
        """
        self.start[name] = start
        if self._before is None:
            return start
        if name not in self._before:
            raise UserError(f"the state has no entry {name!r}, so it is that of another network; {_BEGIN}")
        value = self._before[name]
        if not torch.compiler.is_exporting() and value.shape != start.shape:
            raise UserError(
                f"the state's entry {name!r} has the shape {list(value.shape)} and should have {list(start.shape)}: "
                f"it is of other frames, or of another number of them side by side; {_BEGIN}"
            )
        return value

    def finish(self) -> State:
        """Return what is remembered for the next frame.

        Raises:
            UserError: layers that should have remembered did not run or cannot, or the state is another network's.
        """
        if self._before is not None and (differing := self._before.keys() ^ self.after.keys()):
            raise UserError(
                f"the entry {min(differing)!r} of the state was not used or not written: it is that of another "
                f"network, or parts of this one are compiled, which cannot remember; {_BEGIN}"
            )
        return self.after


_BEGIN = "begin with the network's initial_state()"
_now: ContextVar[Step | None] = ContextVar("frame by frame", default=None)


@contextmanager
def remembering(step: Step) -> Iterator[None]:
    """Let the layers of the network that runs inside of the block remember."""
    token = _now.set(step)
    try:
        yield
    finally:
        _now.reset(token)


def memory_of(layer: nn.Module) -> Memory | None:
    """Return what a layer remembers, if its network runs frame by frame; else None."""
    if torch.compiler.is_dynamo_compiling():
        # compiled code cannot see what belongs to a thread, and `Step.finish` will find nothing written
        return None
    step = _now.get()
    return None if step is None else step.memory(layer)
