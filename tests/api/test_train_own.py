"""Networks and Datasets of one's own through `recircle.train`: one loop, one run, and a sentence for what is wrong."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

import recircle
from recircle.cli.main import main
from recircle.decode.frames import DecodeError
from recircle.manifest.manifest import Manifest
from recircle.models import registry
from recircle.training.loop import _Training
from recircle.training.metrics_log import read_metrics_log
from tests.small_run import LABELS, write_clips

SMALL: dict[str, Any] = {"resize": 36, "crop": 32, "frames": 4, "workers": 0, "batch_size": 3, "epochs": 1}


def small(**changes: Any) -> dict[str, Any]:
    return {**SMALL, **changes}


QUICK: dict[str, Any] = {"workers": 0, "resamples": 10}


def images(classes: int = 3) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 4),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, classes),
    )


def volumes(classes: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv3d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(8, classes))


def converted() -> nn.Module:
    return recircle.FrameModel(recircle.convert(images(), 2))


def of_this_package() -> nn.Module:
    return recircle.create_model("tsn_resnet18", 3, width=8)


class Noise(Dataset[Any]):
    """Clips of noise whose brightness is their class, of lengths and sizes that differ."""

    def __init__(self, count: int = 8, change: Callable[[int, Any, Any], Any] = lambda i, clip, label: (clip, label)):
        self.classes, self.count, self.change = [*LABELS], count, change

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        rng = np.random.default_rng(index)
        clip = rng.integers(80, size=(5 + index % 3, 40 + index, 50, 3), dtype=np.uint8) + np.uint8(80 * (index % 3))
        return self.change(index, clip, index % 3)


@pytest.fixture
def clips(tmp_path: Path) -> Manifest:
    return write_clips(tmp_path / "clips")


def weights(run: recircle.Run) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(run.weights_path)


@pytest.mark.parametrize("build", [images, volumes, converted, of_this_package])
def test_a_network_itself_is_trained_and_loaded_by_one_like_it(
    build: Callable[[], nn.Module], clips: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    net = build()
    run = recircle.train(net, clips, output=tmp_path / "run", progress=False, **SMALL)
    # it is this network that was trained
    trained = weights(run)
    for key, value in net.state_dict().items():
        assert any(torch.equal(value, trained[name]) for name in trained if f".{name}".endswith(f".{key}"))
    other = build()
    before = {key: value.clone() for key, value in other.state_dict().items()}
    found = recircle.evaluate(run, model=other, **QUICK)
    assert all(torch.equal(value, before[key]) for key, value in other.state_dict().items())
    last = [line for line in read_metrics_log(run.metrics_path) if line["kind"] == "val"][-1]
    assert found.metrics.top1.value == pytest.approx(last["top1"])
    with recircle.Recognizer.load(run.path, model=other) as recognizer:
        path = clips.path(clips.select("val").clips[0])
        np.testing.assert_allclose(recognizer(path).logits[0], found.predictions.logits[0, 0], atol=1e-4)
    again = recircle.train(other, clips, output=run.path, resume=True, progress=False, **small(epochs=2))
    assert again.load_config(recircle.TrainConfig).epochs == 2
    assert main(["report", str(run.path), "--no-clips", "--resamples", "2"]) == 0
    capsys.readouterr()
    for command in (
        ["eval", str(run.path)],
        ["train", "--resume", str(run.path)],
        ["predict", str(run.path), str(path)],
    ):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert "as an object, and no name builds it" in error or "was trained from Python on a network" in error


def test_a_run_that_goes_on_with_a_network_itself_is_that_of_one_that_was_not_interrupted(
    clips: Manifest, tmp_path: Path
) -> None:
    def build() -> nn.Module:
        torch.manual_seed(3)
        return converted()

    calls: dict[str, Any] = {"schedule": "cosine", "progress": False}
    whole = recircle.train(build(), clips, output=tmp_path / "whole", **small(**calls, epochs=2))
    original = _Training._end_epoch

    def interrupted(self: _Training, epoch: int) -> None:
        original(self, epoch)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Training, "_end_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            recircle.train(build(), clips, output=tmp_path / "parts", **small(**calls, epochs=2))
    # weights of other values, which the checkpoint replaces
    parts = recircle.train(converted(), clips, output=tmp_path / "parts", resume=True, **small(**calls, epochs=2))
    assert all(torch.equal(value, weights(parts)[name]) for name, value in weights(whole).items())


@pytest.mark.parametrize(
    ("net", "arguments", "message"),
    [
        (images(5), {}, "Sequential gives 5 logits a clip, and .*manifest.csv has 3 classes; give its last layer 3"),
        (recircle.create_model("tsn_resnet18", 4, width=8), {}, "tsn_resnet18 gives 4 logits a clip, .* 3 classes"),
        (images(), {"takes": "BCTHW"}, "Sequential cannot be used"),
        (images(), {"width": 8}, "Sequential was given as an object, so change it before"),
        (nn.Sequential(nn.Conv2d(3, 3, 1)), {}, r"returned a tensor \[2, 3, 32, 32\]"),
        (nn.LSTM(3, 3), {}, "LSTM cannot be used"),
    ],
)
def test_networks_that_do_not_fit_are_told_before_anything_is_written(
    net: nn.Module, arguments: dict[str, Any], message: str, clips: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(recircle.UserError, match=f"(?s){message}"):
        recircle.train(net, clips, output=tmp_path / "run", progress=False, **SMALL, **arguments)
    assert not (tmp_path / "run").exists()


def test_a_registered_function_is_a_name_everywhere(
    clips: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))

    @recircle.register_model(takes="NCHW")
    def my_images(num_classes: int, depth: int) -> nn.Module:
        return images(num_classes * depth)

    run = recircle.train(my_images, clips, output=tmp_path / "run", progress=False, options={"depth": 1}, **SMALL)
    assert run.load_spec().model.name == "my_images"
    assert main(["eval", str(run.path), "--workers", "0", "--resamples", "5"]) == 0
    assert main(["train", "--resume", str(run.path), "--epochs", "2", "--data.workers", "0"]) == 0
    for wrong, message in (
        ({"depth": 2}, r"my_images does not fit as a network for images .*a tensor \[2, 6\].* of 3 classes"),
        ({}, "my_images needs depth"),
    ):
        with pytest.raises(recircle.UserError, match=message):
            recircle.train("my_images", clips, output=tmp_path / "new", progress=False, options=wrong, **SMALL)
    with pytest.raises(recircle.UserError, match="is built by its name, my_images; leave out model="):
        run.load_model(model=images())


def test_a_folder_without_a_manifest_is_indexed_which_is_told(
    clips: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "plain"
    for clip in clips.clips:
        shutil.copytree(clips.path(clip), folder / clip.label / clip.split)
    run = recircle.train("tsn_resnet18", folder, output=tmp_path / "run", width=8, **SMALL)
    told = " ".join(capsys.readouterr().err.split())
    for words in ("has no manifest", "held out for validation: 3 of 6 clips", "manifest.csv", "--holdout SHARE"):
        assert words in told
    assert run.load_config(recircle.DataConfig, "data").manifest == folder / "manifest.csv"
    recircle.train("tsn_resnet18", folder, output=tmp_path / "next", width=8, **SMALL)
    assert "has no manifest" not in capsys.readouterr().err


def test_a_dataset_trains_as_the_same_clips_in_files_do(clips: Manifest, tmp_path: Path) -> None:
    """Each frame of a folder is a lossless image, so that nothing but the way in differs."""
    from PIL import Image

    def items(split: str) -> list[Any]:
        return [
            ([Image.open(path) for path in sorted(clips.path(clip).iterdir())], clip.label)
            for clip in clips.select(split).clips
        ]

    # views as they are cut from a whole frame: a decoder resizes by its own filter
    same: dict[str, Any] = {**SMALL, "preprocessing": recircle.Preprocessing(resize=(40, 56), crop=32), "width": 8}
    for name in ("resize", "crop"):
        del same[name]
    files = recircle.train("tsn_resnet18", clips, output=tmp_path / "files", progress=False, **same)
    same |= {"classes": LABELS, "validation": items("val"), "output": tmp_path / "dataset"}
    items_in_memory = recircle.train("tsn_resnet18", items("train"), progress=False, **same)
    assert all(torch.equal(value, weights(items_in_memory)[name]) for name, value in weights(files).items())
    (one,), (two,) = (
        [line["top1"] for line in read_metrics_log(run.metrics_path) if line["kind"] == "val"]
        for run in (files, items_in_memory)
    )
    assert one == two


def test_a_run_of_a_dataset_goes_on_is_evaluated_and_reported(
    clips: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: dict[str, Any] = {**SMALL, "output": tmp_path / "run", "width": 8}
    data = Subset(Noise(12), range(9))
    run = recircle.train("tsn_resnet18", data, **calls)
    assert "held out for validation: 3 of 9 clips" in " ".join(capsys.readouterr().err.split())
    assert run.load_spec().labels == LABELS
    rows = Manifest.read(run.path / "items.csv")
    assert [clip.frames for clip in rows.clips] == [5 + number % 3 for number in range(9)]
    assert {clip.split for clip in rows.clips} == {"train", "val"}
    calls |= {"epochs": 2, "progress": False, "resume": True, "workers": 1}
    recircle.train("tsn_resnet18", data, **calls)
    found = recircle.evaluate(run, data, **QUICK)
    assert found.metrics.clips == 9
    assert found.path.name == "Noise-all-clips-1x1-softmax.npz"
    recircle.evaluate(run, [Noise()[0]], name="one", **QUICK)
    assert main(["report", str(run.path), "--resamples", "2", "--predictions", "one"]) == 0
    capsys.readouterr()
    assert main(["eval", str(run.path)]) == 2
    assert "was trained on a Dataset, Noise, which is not in a file: call" in capsys.readouterr().err
    assert main(["train", "--resume", str(run.path)]) == 2
    assert "was trained from Python on a Dataset, Noise, which no command has" in capsys.readouterr().err
    assert clips.file is not None
    assert main(["eval", str(run.path), "--data", str(clips.file), "--workers", "0", "--resamples", "5"]) == 0
    with pytest.raises(recircle.UserError, match=r"are not those that .* was started with"):
        recircle.train("tsn_resnet18", Noise(6), **calls)
    with pytest.raises(recircle.UserError, match="split= is for a manifest"):
        recircle.evaluate(run, data, split="val")
    with pytest.raises(recircle.UserError, match="has the class 'nod', on which the run was not trained"):
        recircle.evaluate(run, data, classes=["lift", "nod", "push left"])


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(())


def third(change: Callable[[Any, Any], Any]) -> Noise:
    return Noise(change=lambda i, clip, label: change(clip, label) if i == 3 else (clip, label))


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (Noise(0), {}, "the train data, a Noise, is empty"),
        (Stream(), {}, "a Stream, which has no numbered items; a Dataset of the map style is needed"),
        (DataLoader(Noise()), {}, "a DataLoader, which makes batches; give its Dataset, DataLoader.dataset"),
        ({"a": 1}, {}, "a dict; give a Dataset or a list"),
        (3, {}, "the clips to train on are a int; give a manifest"),
        ([(np.zeros((4, 40, 40, 3), np.uint8), 0)], {}, "nobody says what the labels are called: give classes="),
        (Noise(), {"classes": ["a", "a"]}, "are not two or more names of classes, each once"),
        (Noise(), {"classes": "abc"}, "classes='abc' are not"),
        (Noise(), {"validation": Noise(0)}, "the validation data, a Noise, is empty"),
        (third(lambda clip, label: clip), {}, "item 3 of Noise is a ndarray; an item is a pair"),
        (third(lambda clip, label: (clip, label, 0)), {}, "item 3 of Noise is a tuple of 3; an item is a pair"),
        (third(lambda clip, label: (clip[0], label)), {}, r"item 3 of Noise: its clip is an array \[43, 50, 3\]"),
        (third(lambda clip, label: (clip.astype(int), label)), {}, "item 3 of Noise: its clip is of torch.int64"),
        (third(lambda clip, label: (clip / 1.0, label)), {}, "item 3 of Noise: .*divide by 255"),
        (third(lambda clip, label: (clip, 3)), {}, "item 3 of Noise has the label 3; of 3 classes .* 0 to 2"),
        (third(lambda clip, label: (clip, -1)), {}, "item 3 of Noise has the label -1"),
        (third(lambda clip, label: (clip, "nod")), {}, "item 3 of Noise has the label 'nod', which is none"),
        (third(lambda clip, label: (clip, 1.0)), {}, r"item 3 of Noise has the label 1.0, a float"),
        (third(lambda clip, label: (clip, torch.zeros(3))), {}, "item 3 of Noise has the label tensor"),
        (third(lambda clip, label: 1 / 0), {}, "item 3 of Noise cannot be read: ZeroDivisionError: division by zero"),
        (Noise(), {"frames": 4, "fps": 5.0}, "train/000000: .*frame rate"),
    ],
)
def test_what_is_wrong_with_a_dataset_is_told_before_anything_is_written(
    data: Any, arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(recircle.UserError, match=f"(?s){message}"):
        recircle.train("tsn_resnet18", data, output=tmp_path / "run", progress=False, width=8, **small(**arguments))
    assert not (tmp_path / "run" / "model.json").exists()


def test_an_item_that_does_not_decode_is_a_broken_clip_and_one_that_fails_later_stops(tmp_path: Path) -> None:
    def change(clip: Any, label: Any) -> Any:
        raise DecodeError("a.mp4", "it ends too early")

    calls: dict[str, Any] = {"progress": False, "width": 8}
    told = r"1 of the items of Noise cannot be decoded, and is left out: train/000003: it ends too early"
    with pytest.warns(UserWarning, match=told):
        run = recircle.train("tsn_resnet18", third(change), output=tmp_path / "run", **small(**calls))
    assert "train/000003,,,,,,0,0.0,0,0,0,broken,it ends too early," in (run.path / "items.csv").read_text()
    with pytest.warns(UserWarning, match="item|clip") as both:
        run = recircle.train(
            "tsn_resnet18", third(change), validation=Noise(), output=tmp_path / "two", **small(**calls)
        )
    assert ["cannot be decoded" in str(one.message) for one in both] == [True, False]
    assert "it ends too early" in (run.path / "broken.txt").read_text()

    asked: list[int] = []

    def later(i: int, clip: Any, label: Any) -> Any:
        asked.append(i)
        return (clip, label) if len(asked) <= 8 else 1 / 0

    with pytest.raises(recircle.UserError, match=r"item \d of Noise cannot be read: ZeroDivisionError"):
        recircle.train("tsn_resnet18", Noise(change=later), output=tmp_path / "later", **small(**calls, workers=1))
