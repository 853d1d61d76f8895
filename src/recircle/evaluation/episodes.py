"""Few-shot recognition with frozen features: how well a trunk tells classes apart of which it sees a few clips."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from recircle.engines.torch_engine import TorchEngine
from recircle.errors import UserError
from recircle.evaluation.estimate import Estimate
from recircle.evaluation.evaluate import DEFAULT_LOADING, check_broken, run_views, training_protocol
from recircle.evaluation.forward import Forward, pick_device
from recircle.evaluation.machine import Machine
from recircle.evaluation.predict import Progress
from recircle.evaluation.protocol import Protocol
from recircle.evaluation.provenance import ClipSource, Provenance
from recircle.loading.options import Loading
from recircle.manifest.manifest import Manifest
from recircle.manifest.outside import warn_outside
from recircle.models.base import VideoModel
from recircle.run import Run
from recircle.surgery.prepare import prepare_for_inference

_NORMAL_95 = 1.959964


@dataclass(frozen=True, kw_only=True)
class Features:
    """What a trunk makes of N clips.

    Attributes:
        values: float32 [N, C], pooled over space, frames and views.
        labels: int64 [N], the class of each clip.
        classes: names of the classes.
        paths: N paths, relative to the manifest's folder.
        provenance: which clips, and the views whose features are averaged.
        left_out: paths of the clips that could not be decoded, which are not among the N.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    provenance: Provenance
    left_out: tuple[str, ...]

    @property
    def protocol(self) -> str:
        """The views, in words."""
        return self.provenance.protocol_words

    @property
    def data(self) -> str:
        """Which clips, in words."""
        return self.provenance.data_words


@dataclass(frozen=True, kw_only=True)
class FewShotAccuracy:
    """What `few_shot` finds.

    Attributes:
        accuracy: mean over the episodes, with its 95 % interval (1.96 standard errors). It tells how far more episodes
            would move the mean; other clips may move it farther, since all episodes draw from the same ones.
        chance: accuracy of a guess.
        ways: classes of an episode.
        shots: clips of each that are known.
        queries: clips of each that are recognised.
        episodes: their number.
        classes: number of classes that the episodes draw from: those with enough clips.
        seed: of the draws.
    """

    accuracy: Estimate
    chance: float
    ways: int
    shots: int
    queries: int
    episodes: int
    classes: int
    seed: int


class FeatureNetwork(VideoModel):
    """A network up to its classifier: clips [B, T, 3, H, W] to features [B, C], the mean over the frames."""

    def __init__(self, network: VideoModel) -> None:
        super().__init__(network.name, network.preprocessing)
        self.network = network
        self.num_features = self.num_classes = network.num_features

    def forward(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B C"]:
        """Return what the classifier takes, averaged over the frames where it takes each."""
        pooled = self.network.forward_head(self.network.forward_features(clips), pre_logits=True)
        return pooled.mean(1) if pooled.dim() == 3 else pooled


def extract_features(
    run: Run,
    manifest: Path,
    *,
    split: str | None = None,
    protocol: Protocol | None = None,
    skip_broken: bool = False,
    loading: Loading = DEFAULT_LOADING,
    device: str = "auto",
    progress: Progress | None = None,
) -> Features:
    """Return the features of the labelled clips of a manifest, whose classes need not be those of the run.

    Args:
        run: the trained run, whose preprocessing and sampling the clips go through.
        manifest: the clips.
        split: only the clips of this split; None or "all" takes all.
        protocol: views, whose features are averaged; None takes those of training.
        skip_broken: leave out clips that cannot be decoded, instead of failing.
        loading: how clips are read.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        progress: called with (clips done, clips in all) after each batch.

    Raises:
        UserError: files are missing; no clip of the split has a label; clips cannot be decoded and `skip_broken` is
            off; decoded frames cannot be kept in the cache.
    """
    forward = Forward(device=pick_device(device))
    spec = run.load_spec()
    protocol = protocol if protocol is not None else training_protocol(run)
    clips, source = labelled_clips(manifest, split, skip_broken=skip_broken)
    warn_outside(str(source), clips)
    network = FeatureNetwork(prepare_for_inference(run.load_model(forward.device, steps=forward.steps)))
    result, left_out = run_views(
        TorchEngine(model=network, preprocessing=spec.preprocessing, device=forward.device),
        clips,
        labels=clips.labels,
        views=protocol.eval_views(spec.sampling, spec.preprocessing),
        loading=loading,
        skip_broken=skip_broken,
        forward=forward,
        progress=progress,
    )
    return Features(
        values=result.logits.mean(1),
        labels=result.labels,
        classes=clips.labels,
        paths=tuple(clips.clips[row].name for row in result.rows),
        provenance=Provenance(
            protocol=protocol,
            sampling=spec.sampling,
            preprocessing=spec.preprocessing,
            clips=source,
            averaged="features",
            order=forward.order,
            precision=forward.precision,
            machine=Machine.here(forward.device),
        ),
        left_out=tuple(clip.path for clip in left_out),
    )


def labelled_clips(
    manifest: Path, split: str | None = None, *, skip_broken: bool = False
) -> tuple[Manifest, ClipSource]:
    """Return the clips that `extract_features` takes, and which they are.

    Args:
        manifest: the clips.
        split: only those of this split; None or "all" takes all.
        skip_broken: keep clips that the manifest calls broken, instead of failing.

    Raises:
        UserError: the manifest cannot be read; no clip of the split has a label; clips are broken and `skip_broken` is
            off.
    """
    table = Manifest.read(manifest)
    whole = split is None or split == "all"
    chosen = table if whole else table.select(split=split)
    clips = replace(chosen, clips=tuple(clip for clip in chosen.clips if clip.label))
    if not len(clips):
        part = "" if whole else f" of the split {split!r}"
        splits = ", ".join(sorted({clip.split for clip in table.clips} - {""})) or "none"
        there = "" if whole else f"; of splits there are {splits}"
        raise UserError(f"{manifest}: no clip{part} has a label, so there are no classes to tell apart{there}")
    clips.check_found(manifest)
    check_broken(clips, skip_broken)
    return clips, ClipSource(manifest=str(manifest), datasets=clips.datasets, split=split or "all")


def check_classes(counts: Collection[int], *, ways: int, shots: int, queries: int) -> None:
    """Insist on enough classes with enough clips, which can be told before any clip is decoded.

    Args:
        counts: clips of each class.
        ways: classes of an episode.
        shots: known clips of each class.
        queries: clips of each class to recognise.

    Raises:
        UserError: fewer than `ways` classes have `shots` + `queries` clips.
    """
    if len(counts) < ways:
        raise UserError(
            f"each episode takes {ways} classes, and the number of classes here is {len(counts)}; give fewer --ways, "
            "or index clips of more classes"
        )
    needed = shots + queries
    enough = sum(count >= needed for count in counts)
    if enough < ways:
        raise UserError(
            f"each episode takes {ways} classes with {needed} clips, {shots} to know and {queries} to recognise, and "
            f"of the {len(counts)} classes here {enough} have as many; give fewer --ways, --shots or --queries, or "
            "index more clips"
        )


def few_shot(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 1,
    episodes: int = 10_000,
    seed: int = 0,
) -> FewShotAccuracy:
    """Draw episodes of N classes and K known clips of each, and recognise other clips of these classes.

    A clip is of the class whose centroid has the largest cosine with it; features have length 1 before they are
    averaged to centroids (nearest centroids as in Snell et al., "Prototypical Networks", NeurIPS 2017; cosine and
    frozen features as in Chen et al., "A Closer Look at Few-shot Classification", ICLR 2019).

    Args:
        features: [N, C], one for each clip.
        labels: [N], the class of each.
        ways: classes of an episode.
        shots: known clips of each class.
        queries: clips of each class to recognise.
        episodes: how many.
        seed: of the draws.

    Raises:
        UserError: fewer than `ways` classes have `shots` + `queries` clips.
        ValueError: shapes do not match, features are not finite, or an argument is out of range.
    """
    if features.ndim != 2 or labels.shape != features.shape[:1] or not np.isfinite(features).all():
        raise ValueError(f"features {features.shape} and labels {labels.shape} must be finite [N, C] and [N]")
    if ways < 2 or min(shots, queries) < 1 or episodes < 2:
        raise ValueError(
            f"ways={ways} and episodes={episodes} must be 2, shots={shots} and queries={queries} 1 or more"
        )
    needed = shots + queries
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    check_classes([len(clips) for clips in rows], ways=ways, shots=shots, queries=queries)
    rows = [clips for clips in rows if len(clips) >= needed]
    unit = _unit(features.astype(np.float64))
    rng = np.random.default_rng(seed)
    truth = np.arange(ways)[:, None]
    accuracies = np.empty(episodes)
    for episode in range(episodes):
        chosen = rng.choice(len(rows), ways, replace=False)
        drawn = unit[np.stack([rng.choice(rows[place], needed, replace=False) for place in chosen])]
        centroids = _unit(drawn[:, :shots].mean(1))
        accuracies[episode] = ((drawn[:, shots:] @ centroids.T).argmax(-1) == truth).mean()
    mean = float(accuracies.mean())
    half = _NORMAL_95 * float(accuracies.std(ddof=1)) / episodes**0.5
    return FewShotAccuracy(
        accuracy=Estimate(value=mean, low=mean - half, high=mean + half),
        chance=1 / ways,
        ways=ways,
        shots=shots,
        queries=queries,
        episodes=episodes,
        classes=len(rows),
        seed=seed,
    )


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return vectors of length 1; those of length 0 stay as they are."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
