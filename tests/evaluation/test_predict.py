"""The forward pass over views: the same whatever is computed together, and no trace left in the model."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from recircle.engines import torch_engine
from recircle.errors import UserError
from recircle.evaluation import predict as module
from recircle.evaluation.forward import Forward, pick_device
from recircle.evaluation.predict import evaluation_mode, predict
from recircle.loading.batch import Batch, BrokenClip
from recircle.models.base import VideoModel
from recircle.models.registry import create_model
from recircle.views.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(resize=32, crop=32, mean=(0.1, 0.5, 0.9))
CPU = Forward(device=torch.device("cpu"))


@pytest.fixture(scope="module")
def model() -> VideoModel:
    torch.manual_seed(2)
    model = create_model("arc_tsm_resnet18", 3, width=8)
    nn.init.normal_(model.get_parameter("fc.weight"))
    return model


def batch(clips: int, views: int = 2, first: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(first)
    return Batch(
        frames=torch.randint(256, (clips, views, 4, 3, 32, 32), dtype=torch.uint8, generator=generator),
        labels=torch.arange(clips) % 3,
        rows=torch.arange(first, first + clips),
        broken=[BrokenClip(f"{first}.mp4", "torn")] if clips < 2 else [],
    )


def run(model: VideoModel, batches: Iterable[Batch]) -> module.ViewLogits:
    return predict(model, batches, PREPROCESSING, CPU)


def test_each_view_is_classified_by_itself(model: VideoModel) -> None:
    given = batch(3)
    result = run(model, [given])
    assert result.logits.shape == (3, 2, 3)
    assert result.logits.dtype == np.float32
    with evaluation_mode(model), torch.inference_mode():
        for clip in range(3):
            for view in range(2):
                expected = model(PREPROCESSING.normalise(given.frames[clip, view])[None])[0]
                np.testing.assert_allclose(result.logits[clip, view], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 5, 8])
def test_the_parts_do_not_matter(frames: int, model: VideoModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(model, [batch(3)]).logits
    monkeypatch.setattr(torch_engine, "FRAMES_AT_ONCE", frames)
    np.testing.assert_allclose(run(model, [batch(3)]).logits, whole, rtol=1e-4, atol=1e-5)


def test_permuted_clips_give_permuted_logits(model: VideoModel) -> None:
    given = batch(3)
    order = torch.tensor([2, 0, 1])
    permuted = Batch(frames=given.frames[order], labels=given.labels[order], rows=given.rows[order])
    np.testing.assert_allclose(
        run(model, [permuted]).logits, run(model, [given]).logits[order.numpy()], rtol=1e-4, atol=1e-5
    )


def test_batches_are_joined_and_broken_clips_listed(model: VideoModel) -> None:
    calls: list[tuple[int, int]] = []
    result = predict(
        model,
        [batch(2), batch(0, first=2), batch(1, first=3)],
        PREPROCESSING,
        CPU,
        progress=lambda done, total: calls.append((done, total)),
        total=5,
    )
    assert result.rows.tolist() == [0, 1, 3]
    assert result.labels.tolist() == [0, 1, 0]
    assert [clip.path for clip in result.broken] == ["2.mp4", "3.mp4"]
    assert calls == [(2, 5), (3, 5), (5, 5)]


@pytest.mark.parametrize("batches", [[], [batch(0)]])
def test_no_clip_gives_empty_arrays(batches: list[Batch], model: VideoModel) -> None:
    result = run(model, batches)
    assert (len(result.logits), result.logits.shape[2], len(result.labels), len(result.rows)) == (0, 3, 0, 0)


def test_the_model_is_left_as_it_was(model: VideoModel) -> None:
    model.train()
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    norms[0].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [part.training for part in model.modules()]
    run(model, [batch(2)])
    assert [part.training for part in model.modules()] == modes
    assert not norms[0].training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_modes_come_back_after_an_error(model: VideoModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(clips: torch.Tensor) -> torch.Tensor:
        raise ValueError("in the network")

    model.train()
    monkeypatch.setattr(model, "forward_features", fail)
    with pytest.raises(ValueError, match="in the network"):
        run(model, [batch(1)])
    assert model.training


def test_half_precision_is_near_and_comes_back_as_float32(model: VideoModel) -> None:
    exact = run(model, [batch(2)]).logits
    rough = predict(model, [batch(2)], PREPROCESSING, replace(CPU, precision="bf16")).logits
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.05 * np.abs(exact).max()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precision": "fp64"}, "the engine torch computes in fp32, bf16 or fp16, and not in fp64"),
        ({"engine": "abacus"}, "there is no engine 'abacus'; there are torch, onnxruntime, openvino, aoti"),
        ({"engine": "openvino", "precision": "fp16"}, "openvino computes in .*; fp16 is for torch"),
        ({"order": "backwards"}, "order='backwards' is not one of as is, shuffled, reversed, single"),
        ({"order_seed": -1}, "order_seed=-1"),
    ],
)
def test_an_impossible_way_to_run_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Forward(device=torch.device("cpu"), **options)


def test_a_device_that_is_not_there_is_a_user_error() -> None:
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(UserError, match="'abacus' cannot be used here"):
        pick_device("abacus")
    with pytest.raises(UserError, match="cannot be used here"):
        pick_device("cuda:99")
