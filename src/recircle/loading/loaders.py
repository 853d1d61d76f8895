"""Loaders: manifest rows in, batches of uint8 views out, the same whatever the number of workers."""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from recircle.errors import UserError
from recircle.loading.batch import Batch, BrokenClip
from recircle.loading.dataset import DatasetClips, DatasetEvalBatches, DatasetTrainBatches
from recircle.loading.guarded_loader import GuardedLoader
from recircle.loading.jobs import EvalBatches, Item, Job, TrainBatches
from recircle.loading.options import Loading, Shard
from recircle.manifest.manifest import Manifest
from recircle.views.crops import Crops, crop_boxes, view_size
from recircle.views.flip import FlipPolicy
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.views.views import EvalViews, TrainViews

WHOLE = Shard()
"""All of each batch, for a process that is alone."""


class _Loader:
    """What both loaders share: the usable rows, their division over ranks, and the worker processes."""

    def __init__(
        self,
        manifest: Manifest,
        labels: Sequence[str],
        maker: TrainBatches | EvalBatches,
        loading: Loading,
        shard: Shard,
    ) -> None:
        self.labels = tuple(labels)
        training = isinstance(maker, TrainBatches)
        self._items, self.left_out = _usable(manifest, self.labels, maker.views.sampling, training=training)
        self._batch_size, self._shard = loading.batch_size * shard.world, shard
        self._loader = GuardedLoader(
            maker, workers=loading.workers, persistent=training, pin_memory=shard.pin_memory, seconds=loading.seconds
        )

    def _split(self, epoch: int, items: Sequence[Item]) -> list[Job]:
        """Cut items into global batches, and take from each what is this rank's."""
        batches = [items[first : first + self._batch_size] for first in range(0, len(items), self._batch_size)]
        return [Job(epoch, tuple(batch[self._shard.rank :: self._shard.world])) for batch in batches]


class TrainLoader(_Loader):
    """Shuffled, augmented clips.

    Every random choice comes from (seed, epoch, row of the manifest), so a batch is the same bytes whatever ran before,
    whatever `workers` is, and wherever in the epoch one starts. With several processes, batch k over all ranks is the
    batch k of one process with `batch_size * world` clips.

    Attributes:
        labels: the class names, in the order of the label numbers.
        left_out: the clips that are not trained on, because the manifest calls them broken or gives no label.
        flip: what a horizontal flip does to the labels.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        labels: Sequence[str],
        views: TrainViews,
        loading: Loading,
        shard: Shard = WHOLE,
        dataset: DatasetClips | None = None,
    ) -> None:
        """Check the manifest against the labels; nothing is decoded yet.

        Args:
            manifest: the clips to train on.
            labels: class names; a label's number is its place here.
            views: what is seen of a clip.
            loading: how it is read.
            shard: the part of each batch for this process.
            dataset: what reads the clips; None reads files.

        Raises:
            UserError: a clip has a label that is not in `labels`, no frame count, or no frame rate where the sampling
                needs it; or no clip is left.

        Warns:
            UserWarning: the flip is off because of a class name, or the clips are fewer than one batch.
        """
        self.flip = FlipPolicy.from_labels(labels, views.augmentation.flip)
        how = (manifest.root, views, self.flip, loading.backend, loading.cache)
        maker = TrainBatches(*how) if dataset is None else DatasetTrainBatches(*how, source=dataset)
        super().__init__(manifest, labels, maker, loading, shard)
        if not views.augmentation.scales:
            _check_crops(manifest, views.preprocessing, 1)
        if self.flip.reason:
            warnings.warn(self.flip.reason, stacklevel=2)
        if len(self._items) < self._batch_size:
            warnings.warn(
                f"the {len(self._items)} clips to train on are fewer than a batch of {self._batch_size}; "
                "an epoch is one smaller batch",
                stacklevel=2,
            )
        self._seed = views.seed
        self._current: object = None

    def __len__(self) -> int:
        """The batches of an epoch, as many on all ranks; clips that do not fill one wait for another epoch."""
        return max(1, len(self._items) // self._batch_size)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from batch `start` on; those before are not decoded.

        One epoch at a time: starting another one ends this one, and to go on with it is a `RuntimeError`.
        """
        self._current = current = object()
        order = np.random.default_rng((self._seed, number)).permutation(len(self._items))
        jobs = self._split(number, [self._items[place] for place in order])
        for batch in self._loader.run(jobs[start : len(self)]):
            yield batch
            if self._current is not current:
                raise RuntimeError("another epoch of this loader has been started; go on with that one")


class EvalLoader(_Loader):
    """Clips in the order of the manifest, each with all its test views; nothing is random.

    Attributes:
        labels: the class names, in the order of the label numbers.
        left_out: the clips that the manifest calls broken.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        labels: Sequence[str],
        views: EvalViews,
        loading: Loading,
        shard: Shard = WHOLE,
        dataset: DatasetClips | None = None,
    ) -> None:
        """Check the manifest against the labels and the crops; nothing is decoded yet.

        Args:
            manifest: the clips to look at; those without a label get label -1.
            labels: class names; a label's number is its place here.
            views: what is seen of a clip.
            loading: how it is read.
            shard: the part of each batch for this process.
            dataset: what reads the clips; None reads files.

        Raises:
            UserError: a clip has a label that is not in `labels`, no frame count, or no frame rate where the sampling
                needs it; its frames are too small for the crop; or no clip is left.

        Warns:
            UserWarning: ten crops are asked for, and their mirror images turn one class into another.
        """
        how = (manifest.root, views, loading.backend, loading.cache)
        maker = EvalBatches(*how) if dataset is None else DatasetEvalBatches(*how, source=dataset)
        super().__init__(manifest, labels, maker, loading, shard)
        _check_crops(manifest, views.preprocessing, views.crops)
        flip = FlipPolicy.from_labels(labels)
        if views.crops == 10 and (flip.pairs or not flip.enabled):
            warnings.warn(
                "ten crops have mirror images among them, in which the classes that name a side look like others "
                f"({', '.join(' / '.join(pair) for pair in flip.pairs) or flip.reason}); use 3 crops instead",
                stacklevel=2,
            )

    def __len__(self) -> int:
        """The number of batches, the same on all ranks; the last one may be smaller, or empty on some."""
        return -(-len(self._items) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        yield from self._loader.run(self._split(0, self._items))


def _usable(
    manifest: Manifest, labels: tuple[str, ...], sampling: Sampling, *, training: bool
) -> tuple[list[Item], list[BrokenClip]]:
    """Return the rows to load, and the clips left out with the reason."""
    numbers = {label: number for number, label in enumerate(labels)}
    if len(numbers) < len(labels):
        twice = next(label for place, label in enumerate(labels) if numbers[label] != place)
        raise UserError(f"the label {twice!r} is twice in the label list; remove one of them")
    items: list[Item] = []
    left_out: list[BrokenClip] = []
    for row, clip in enumerate(manifest.clips):
        if clip.status == "broken":
            left_out.append(BrokenClip(clip.name, clip.fault))
        elif training and not clip.label:
            left_out.append(BrokenClip(clip.name, "it has no label"))
        elif clip.label and clip.label not in numbers:
            raise UserError(
                f"{clip.name} has the label {clip.label!r}, which is not one of the {len(labels)} labels in use; "
                "correct the manifest, or train with this label"
            )
        elif clip.frames < 1:
            raise UserError(f"{clip.name} has no frame count in the manifest; write the manifest with `recircle index`")
        else:
            try:
                sampling.check(clip.frame_times)
            except UserError as error:
                raise UserError(f"{clip.name}: {error}") from None
            items.append(Item(row, clip.name, clip.frame_times, numbers.get(clip.label, -1)))
    if not items:
        raise UserError(
            f"none of the {len(manifest.clips)} clips under {manifest.root} can be used"
            + (f"; the first is left out because: {left_out[0].fault}" if left_out else "")
        )
    return items, left_out


def _check_crops(manifest: Manifest, preprocessing: Preprocessing, crops: Crops) -> None:
    """Find a clip whose frames are too small for the crop before hours of work have gone by."""
    size = view_size(preprocessing, crops)
    for clip in manifest.clips:
        if clip.status == "ok" and clip.width and clip.height:
            height, width = preprocessing.resizer.size_for(clip.height, clip.width)
            try:
                crop_boxes(height, width, size, crops)
            except UserError as error:
                raise UserError(f"{clip.name}: {error}") from None
