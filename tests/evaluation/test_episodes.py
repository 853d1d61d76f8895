"""Few-shot episodes: features that are easy, useless or in between, and clips of classes the run never saw."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from recircle.errors import UserError
from recircle.evaluation.bootstrap import Bootstrap
from recircle.evaluation.episodes import FeatureNetwork, extract_features, few_shot
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.protocol import Protocol
from recircle.manifest.manifest import Clip, Manifest
from recircle.models.registry import create_model
from recircle.run import Run
from tests.small_run import IN_PROCESS, write_clips, write_run

LABELS = np.repeat(np.arange(6), 8)


def noisy(spread: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 16))[LABELS] + spread * rng.normal(size=(48, 16))


def test_classes_apart_are_always_told_apart_and_equal_ones_never() -> None:
    easy = few_shot(noisy(0), LABELS, episodes=50)
    assert (easy.accuracy.value, easy.accuracy.low, easy.accuracy.high) == (1, 1, 1)
    # among equal features the first class wins
    same = few_shot(np.ones((48, 4)), LABELS, episodes=50, queries=2)
    assert same.accuracy.value == pytest.approx(1 / 5) == same.chance


def test_random_features_are_at_chance() -> None:
    features = np.random.default_rng(0).normal(size=(6 * 200, 64))
    result = few_shot(features, np.repeat(np.arange(6), 200), ways=4, queries=5, episodes=2000)
    assert result.accuracy.low - 0.01 < 0.25 < result.accuracy.high + 0.01
    assert result.chance == 0.25


def test_more_shots_are_better_and_more_ways_harder() -> None:
    def accuracy(**options: int) -> float:
        return few_shot(noisy(2.0), LABELS, episodes=400, **options).accuracy.value

    assert accuracy(shots=5) > accuracy(shots=1) + 0.05
    assert accuracy(ways=2) > accuracy(ways=6) + 0.05


def test_episodes_average_to_all_that_can_be_drawn() -> None:
    # two classes of three clips: each episode asks for one clip of each class and knows the other two
    features = np.array([[1.0, 0.0], [0.9, 1.0], [4.0, -9.0], [0.0, 5.0], [0.8, 1.0], [0.7, 0.6]])

    def cosine(query: int, known: list[int]) -> float:
        centroid = np.mean([features[row] / np.linalg.norm(features[row]) for row in known], axis=0)
        return float(features[query] @ centroid / np.linalg.norm(features[query]) / np.linalg.norm(centroid))

    right = []
    for first, second in product((0, 1, 2), (3, 4, 5)):
        known = [row for row in (0, 1, 2) if row != first], [row for row in (3, 4, 5) if row != second]
        right.append(cosine(first, known[0]) > cosine(first, known[1]))
        right.append(cosine(second, known[1]) > cosine(second, known[0]))
    result = few_shot(features, np.array([0, 0, 0, 1, 1, 1]), ways=2, shots=2, episodes=4000)
    assert 0 < np.mean(right) < 1
    assert result.accuracy.value == pytest.approx(np.mean(right), abs=0.02)


def test_the_length_of_a_feature_does_not_matter() -> None:
    scales = np.random.default_rng(1).uniform(0.1, 10, size=(48, 1))
    one, two = (few_shot(features, LABELS, shots=3, episodes=100) for features in (noisy(1.0), noisy(1.0) * scales))
    assert one == two


def test_the_interval_narrows_with_the_episodes_and_follows_from_the_seed() -> None:
    def interval(episodes: int, seed: int = 0) -> tuple[float, float]:
        accuracy = few_shot(noisy(2.0), LABELS, episodes=episodes, seed=seed).accuracy
        return accuracy.low, accuracy.high

    few, many = interval(200), interval(3200)
    assert (few[1] - few[0]) / (many[1] - many[0]) == pytest.approx(4, rel=0.15)
    assert interval(200) == few != interval(200, seed=1)


def test_classes_with_too_few_clips_do_not_take_part() -> None:
    labels = LABELS.copy()
    labels[-1] = 9
    assert few_shot(noisy(0), labels, episodes=2).classes == 6
    with pytest.raises(UserError, match="8 clips, 7 to know and 1 to recognise, and of the 7 classes here 5 have"):
        few_shot(noisy(0), labels, ways=6, shots=7)
    with pytest.raises(UserError, match="takes 8 classes, and the number of classes here is 7"):
        few_shot(noisy(0), labels, ways=8)


@pytest.mark.parametrize("options", [{"ways": 1}, {"shots": 0}, {"queries": 0}, {"episodes": 1}])
def test_wrong_arguments_are_named(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}={next(iter(options.values()))}"):
        few_shot(noisy(0), LABELS, **options)


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="must be finite"):
        few_shot(np.full((48, 2), np.nan), LABELS)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_clips(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


def written(manifest: Manifest, name: str, clips: tuple[Clip, ...]) -> Path:
    replace(manifest, clips=clips).write(manifest.root / name)
    return manifest.root / name


def test_features_are_what_the_classifier_takes(manifest: Manifest, run: Run) -> None:
    path = manifest.root / "manifest.csv"
    features = extract_features(run, path, loading=IN_PROCESS)
    assert features.values.shape == (6, 64)
    assert features.paths == tuple(clip.path for clip in manifest.clips)
    assert [features.classes[label] for label in features.labels] == [clip.label for clip in manifest.clips]
    assert features.data == f"{path}, all clips"
    fc = run.load_model().fc
    assert isinstance(fc, torch.nn.Linear)
    with torch.inference_mode():
        logits = fc(torch.from_numpy(features.values)).numpy()
    predictions, _ = evaluate(run, manifest=path, split="all", loading=IN_PROCESS, bootstrap=Bootstrap(resamples=2))
    np.testing.assert_allclose(logits, predictions.logits[:, 0], rtol=1e-4, atol=1e-4)


def test_views_are_averaged_and_named(manifest: Manifest, run: Run) -> None:
    features = extract_features(
        run, manifest.root / "manifest.csv", split="val", protocol=Protocol(clips=2), loading=IN_PROCESS
    )
    assert features.values.shape == (3, 64)
    assert features.protocol == "4 frames by time x 2 clips x 1 crop of 32 px from 36 px, feature mean"


def test_classes_may_be_new(manifest: Manifest, run: Run) -> None:
    new = tuple(replace(clip, label=f"new {n % 2}") for n, clip in enumerate(manifest.clips))
    features = extract_features(run, written(manifest, "new.csv", new), loading=IN_PROCESS)
    assert features.classes == ("new 0", "new 1")
    assert few_shot(features.values, features.labels, ways=2, shots=2, episodes=20).classes == 2


def test_clips_without_a_label_are_no_class(manifest: Manifest, run: Run) -> None:
    partly = (replace(manifest.clips[0], label=""), *manifest.clips[1:])
    assert len(extract_features(run, written(manifest, "partly.csv", partly), loading=IN_PROCESS).values) == 5
    path = written(manifest, "none.csv", tuple(replace(clip, label="") for clip in manifest.clips))
    with pytest.raises(UserError, match="no clip of the split 'val' has a label"):
        extract_features(run, path, split="val", loading=IN_PROCESS)
    with pytest.raises(UserError, match=r"no clip has a label, so there are no classes to tell apart$"):
        extract_features(run, path, split="all", loading=IN_PROCESS)


def test_broken_clips_stop_it(manifest: Manifest, run: Run) -> None:
    torn = Clip(path="torn.mp4", label="lift", split="val", status="broken", fault="cut short")
    path = written(manifest, "torn.csv", (*manifest.clips, torn))
    with pytest.raises(UserError, match=r"torn\.mp4: cut short"):
        extract_features(run, path, loading=IN_PROCESS)
    features = extract_features(run, path, loading=IN_PROCESS, skip_broken=True)
    assert len(features.values) == 6
    assert features.left_out == ("torn.mp4",)


def test_decoded_frames_are_kept_and_give_the_same_features(manifest: Manifest, run: Run, tmp_path: Path) -> None:
    path = manifest.root / "manifest.csv"
    plain = extract_features(run, path, split="val", loading=IN_PROCESS)
    for _ in range(2):
        kept = extract_features(run, path, split="val", loading=replace(IN_PROCESS, cache=tmp_path / "cache"))
        np.testing.assert_array_equal(kept.values, plain.values)
    assert any((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("name", ["tsn_resnet18", "arc_tsm_resnet18"])
def test_frames_are_averaged(name: str) -> None:
    model = create_model(name, 3, width=8).eval()
    clips = torch.rand(2, 4, 3, 32, 32)
    with torch.inference_mode():
        pooled = FeatureNetwork(model).eval()(clips)
        torch.testing.assert_close(model.fc(pooled), model(clips))
    assert pooled.shape == (2, model.num_features)
