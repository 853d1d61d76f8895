"""What a worker process does: one batch from one job."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from recircle.decode.frame_cache import FrameCache
from recircle.decode.frame_times import FrameTimes
from recircle.decode.frames import Backend, DecodeError, decode
from recircle.decode.limits import is_out_of_memory, too_large
from recircle.decode.resize import Resampling
from recircle.loading.batch import Batch, BrokenClip
from recircle.views.augmentation import RandomView
from recircle.views.cut import file_views
from recircle.views.flip import FlipPolicy
from recircle.views.views import EvalViews, TrainViews


@dataclass(frozen=True, slots=True)
class Item:
    """What a worker needs to know of a clip; sent with each job, so that workers hold no manifest.

    Attributes:
        row: of the manifest.
        path: relative to the root of the manifest.
        frame_times: how many frames decode, and when they are shown.
        label: its number, -1 for none.
        fault: why it is not to be decoded again; empty for nearly all.
    """

    row: int
    path: str
    frame_times: FrameTimes
    label: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One batch to be made.

    Attributes:
        epoch: its number, for the random choices.
        items: the clips.
    """

    epoch: int
    items: tuple[Item, ...]


class BatchMaker(Dataset[Batch], ABC):
    """Makes whole batches from jobs, in the worker.

    The channels of a pixel lie side by side in the memory of a batch, as the decoder gives them and as convolutions in
    the memory format channels_last want them: nobody has to move them.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of the views of a clip: (V, T, 3, H, W)."""

    @abstractmethod
    def view(self, item: Item, epoch: int) -> tuple[UInt8[Tensor, "V T 3 h w"], int]:
        """Return the uint8 views of a clip and its label."""

    def __getitem__(self, index: Job) -> Batch:
        """Make the batch of a job."""
        return self.make(index, nullcontext)

    def make(self, job: Job, around: Callable[[int], AbstractContextManager[Any]]) -> Batch:
        """Make the batch of a job; a clip that does not decode is listed instead.

        Args:
            job: the clips.
            around: is called with the row of each clip, and what it returns is entered while the clip is decoded.
        """
        clips: list[UInt8[Tensor, "V T 3 h w"]] = []
        made: list[tuple[int, int]] = []
        broken: list[BrokenClip] = []
        for item in job.items:
            if item.fault:
                broken.append(BrokenClip(item.path, item.fault))
                continue
            try:
                with around(item.row):
                    frames, label = self.view(item, job.epoch)
            except DecodeError as error:
                broken.append(BrokenClip(item.path, error.reason))
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                broken.append(BrokenClip(item.path, too_large()))
            else:
                clips.append(frames)
                made.append((label, item.row))
        labels, rows = torch.tensor(made, dtype=torch.int64).reshape(-1, 2).T.contiguous()
        return Batch(frames=self._stack(clips), labels=labels, rows=rows, broken=broken)

    def _stack(self, clips: list[UInt8[Tensor, "V T 3 h w"]]) -> UInt8[Tensor, "B V T 3 h w"]:
        if not clips:
            return torch.empty(0, *self.shape, dtype=torch.uint8)
        # in a worker, this writes where the other process reads; what lies elsewhere would be copied there once more
        return default_collate([clip.movedim(-3, -1) for clip in clips]).movedim(-1, -3)


@dataclass(frozen=True)
class TrainBatches(BatchMaker):
    """One random view a clip, from (seed, epoch, row) alone."""

    root: Path
    views: TrainViews
    flip: FlipPolicy
    backend: Backend
    cache: Path | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(1, T, 3, h, w)."""
        return self.views.shape

    def view(self, item: Item, epoch: int) -> tuple[UInt8[Tensor, "V T 3 h w"], int]:
        """Return a random view; the label is the partner's if the view is flipped."""
        rng = np.random.default_rng((self.views.seed, epoch, item.row))
        augmentation, preprocessing = self.views.augmentation, self.views.preprocessing
        resize, crop = preprocessing.resizer, preprocessing.crop_size
        view = RandomView(augmentation, resize, crop, rng, flip=self.flip.enabled)
        if augmentation.one_resample:
            frames, label = self.frames(item, rng, view)
        else:
            frames, label = self.frames(item, rng, resize)
            frames = view.apply(frames)
        return frames[None], self.flip.flipped(label) if view.flipped else label

    def frames(self, item: Item, rng: np.random.Generator, resize: Resampling) -> tuple[Tensor, int]:
        """Return the frames of a random view, resized, and the label."""
        indices = self.views.sampling.train(item.frame_times, rng).tolist()
        path = self.root / item.path
        if self.cache is None:
            frames = decode(path, indices, resize=resize, backend=self.backend, memory_format=torch.channels_last)
        else:
            count, kept = item.frame_times.frames, self.views.preprocessing.resizer
            frames = FrameCache(self.cache).frames(path, count, indices, resize=kept, backend=self.backend)
        return frames, item.label


@dataclass(frozen=True)
class EvalBatches(BatchMaker):
    """All test views of a clip."""

    root: Path
    views: EvalViews
    backend: Backend
    cache: Path | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(clips * crops, T, 3, h, w)."""
        return self.views.shape

    def view(self, item: Item, epoch: int) -> tuple[UInt8[Tensor, "V T 3 h w"], int]:  # noqa: ARG002  (test views do not change)
        """Return the views, clip by clip, and the label."""
        path = self.root / item.path
        return file_views(path, item.frame_times, self.views, backend=self.backend, cache=self.cache), item.label
