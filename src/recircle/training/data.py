"""The clips of a run, as loaders for one of its processes."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from recircle.errors import UserError
from recircle.loading.dataset import DatasetClips
from recircle.loading.loaders import EvalLoader, TrainLoader
from recircle.loading.options import Shard
from recircle.manifest.label_checks import warn_divided_videos, warn_look_alikes, warn_one_sided
from recircle.manifest.manifest import Clip, Manifest
from recircle.manifest.outside import warn_outside
from recircle.training.config import TrainConfig
from recircle.training.readable import check_readable
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.views.views import TrainViews
from recircle.words import counted


@dataclass(frozen=True)
class TrainingData:
    """The manifest of a run and its two parts.

    Attributes:
        labels: the classes, those of the whole manifest.
        families: the family of each class that has one.
        train: clips to learn from.
        val: clips to evaluate on after each epoch.
        sampling: which frames of them are looked at.
        dataset: what has the clips, where they are not in files.
    """

    labels: tuple[str, ...]
    families: dict[str, str]
    train: Manifest
    val: Manifest
    sampling: Sampling = field(default_factory=Sampling)
    dataset: DatasetClips | None = None

    @classmethod
    def read(cls, config: TrainConfig, dataset: DatasetClips | None = None) -> "TrainingData":
        """Read the manifest and divide it.

        Args:
            config: of the run.
            dataset: the clips, where they are of a Dataset and not of the manifest's files.

        Raises:
            UserError: the manifest cannot be read, there are fewer than two classes, or the manifest says already that
                too few clips can be read.
        """
        manifest = _clips_of(config, dataset)
        labels = manifest.labels if dataset is None else dataset.classes
        train, val = config.data.split(manifest)
        if len(labels) < 2:
            classes = counted(len(labels), "class", "classes")
            raise UserError(f"{config.data.manifest} has {classes}; training needs two or more")
        for part, purpose in ((train, "train on"), (val, "evaluate on")):
            labelled = labelled_clips(part)
            if not labelled:
                raise UserError(f"none of the clips to {purpose} in {config.data.manifest} has a label; fill them in")
            check_readable(
                len(labelled),
                {path: clip.fault for path, clip in labelled.items() if clip.status == "broken"},
                least=config.data.min_readable,
                purpose=purpose,
                manifest=config.data.manifest,
            )
        warn_look_alikes(config.data.manifest, labels)
        warn_one_sided(config.data.manifest, train.clips, val.clips)
        warn_divided_videos(config.data.manifest, train.clips, val.clips)
        return cls(tuple(labels), dict(manifest.families), train, val, config.data.sampling, dataset)

    @property
    def fingerprint(self) -> str:
        """Return a digest of the classes and the clips to learn from, in order: what a run must find again to go on."""
        return self._digest(self.train)

    @property
    def val_fingerprint(self) -> str:
        """Return the same of the clips to evaluate on."""
        return self._digest(self.val)

    def _digest(self, part: Manifest) -> str:
        digest = hashlib.sha256(repr(self.labels).encode())
        for clip in part.clips:
            # a Dataset may cut its clips anew each time
            frames = clip.frames if self.dataset is None else 0
            digest.update(repr((clip.name, clip.label, frames, clip.status)).encode())
            # times count where they choose the frames
            if self.sampling.by == "time" and clip.durations:
                digest.update(clip.durations.encode())
            if self.sampling.fps is not None:
                digest.update(repr(clip.fps).encode())
        return digest.hexdigest()

    @property
    def clips_of_classes(self) -> dict[str, int]:
        """How many clips to learn from each class has that can be read, in the order of `labels`."""
        counts = Counter(clip.label for clip in self.train.clips if clip.status != "broken")
        return {label: counts[label] for label in self.labels}

    def train_loader(self, config: TrainConfig, preprocessing: Preprocessing, shard: Shard) -> TrainLoader:
        """Return the loader of this process.

        Raises:
            UserError: the processes cannot share a batch equally, or there is not a clip for each.
        """
        if config.batch_size % shard.world:
            raise UserError(
                f"batch_size={config.batch_size} cannot be shared by {shard.world} processes; use a multiple of "
                f"{shard.world}"
            )
        views = TrainViews(
            sampling=config.data.sampling,
            preprocessing=preprocessing,
            augmentation=config.data.augmentation,
            seed=config.seed,
        )
        loading = config.data.loading(config.batch_size // shard.world)
        loader = TrainLoader(
            self.train, labels=self.labels, views=views, loading=loading, shard=shard, dataset=self.dataset
        )
        clips = len(self.train) - len(loader.left_out)
        if clips < shard.world:
            raise UserError(
                f"{counted(clips, 'clip')} to train on cannot be shared by {shard.world} processes; start fewer"
            )
        return loader

    def val_loader(self, config: TrainConfig, preprocessing: Preprocessing, shard: Shard) -> EvalLoader:
        """Return the loader of this process."""
        views = config.evaluation.eval_views(config.data.sampling, preprocessing)
        # as many views at a time as training has
        loading = config.data.loading(max(1, config.batch_size // shard.world // config.evaluation.views))
        return EvalLoader(self.val, labels=self.labels, views=views, loading=loading, shard=shard, dataset=self.dataset)


def _clips_of(config: TrainConfig, dataset: DatasetClips | None) -> Manifest:
    """Return all clips of a run.

    Raises:
        UserError: the manifest cannot be read, or its clips are those of a Dataset that is not here.
    """
    if dataset is not None:
        return dataset.manifest
    if config.data.dataset:
        raise UserError(
            f"the clips of {config.output} are those of a Dataset, {config.data.dataset}, which is not in a file: go "
            f"on from Python, by recircle.train(model, dataset, output={str(config.output)!r}, resume=True)"
        )
    manifest = Manifest.read(config.data.manifest).check_found(config.data.manifest)
    warn_outside(config.data.manifest, manifest)
    return manifest


def labelled_clips(manifest: Manifest) -> dict[str, Clip]:
    """Return the clips that have a label, readable or not, by their paths."""
    return {clip.name: clip for clip in manifest.clips if clip.label}
