"""The recogniser: it needs the run alone, agrees with evaluation bit for bit, and takes a clip in any form."""

import io
import json
import pickle
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from recircle.decode.frames import DecodeError, probe
from recircle.engines import torch_engine
from recircle.engines.torch_engine import logits_of_views
from recircle.errors import UserError
from recircle.evaluation.calibration import Calibration
from recircle.evaluation.evaluate import evaluate
from recircle.evaluation.protocol import Protocol
from recircle.inference.recognizer import Recognizer
from recircle.manifest.manifest import Clip, Manifest
from recircle.run import Run
from recircle.views.cut import frame_views
from recircle.views.preprocessing import Preprocessing
from recircle.views.views import EvalViews
from tests.media import moving_frames, write_video
from tests.small_run import IN_PROCESS, LABELS, SPEC, write_frames, write_run


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("media") / "clip.mp4", moving_frames(13, 48, 64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frames(tmp_path_factory.mktemp("media") / "clip", 9, seed=7)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def rec(run: Run) -> Recognizer:
    return Recognizer.load(run.path)


def frames_of(folder: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


@pytest.mark.parametrize(("clips", "crops"), [(1, 1), (2, 3), (1, 10)])
@pytest.mark.filterwarnings("ignore:ten crops have mirror images")
@pytest.mark.parametrize("kind", ["video", "folder"])
def test_it_is_the_evaluation_of_one_row_bit_for_bit(
    kind: str, clips: int, crops: int, run: Run, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(kind)
    found = probe(path)
    row = Clip(path=path.name, label="lift", frames=found.frames, width=found.width, height=found.height)
    manifest = path.parent / "one.csv"
    Manifest((row,), path.parent).write(manifest)
    protocol = Protocol(clips=clips, crops=crops)  # pyright: ignore[reportArgumentType]
    predictions, _ = evaluate(run, manifest=manifest, protocol=protocol, loading=IN_PROCESS)
    recognition = Recognizer.load(run.path, clips=clips, crops=crops)(path)  # pyright: ignore[reportArgumentType]
    np.testing.assert_array_equal(recognition.logits, predictions.logits[0])
    np.testing.assert_array_equal(recognition.probabilities, predictions.scores()[0])
    assert recognition.logits.shape == (clips * crops, 3)
    assert recognition.protocol == predictions.protocol


def test_only_model_json_and_the_weights_are_needed(folder: Path, run: Run, rec: Recognizer, tmp_path: Path) -> None:
    for path in (run.spec_path, run.weights_path):
        shutil.copy(path, tmp_path)
    np.testing.assert_array_equal(Recognizer.load(str(tmp_path))(str(folder)).logits, rec(folder).logits)


def test_the_runs_preprocessing_counts_and_not_the_models(
    run: Run, folder: Path, rec: Recognizer, tmp_path: Path
) -> None:
    other = replace(SPEC, preprocessing=Preprocessing(resize=36, crop=32, mean=(0.1, 0.2, 0.3)))
    changed = Recognizer.load(write_run(tmp_path / "run", other).path)
    assert not np.array_equal(changed(folder).logits, rec(folder).logits)


def test_arrays_tensors_and_folders_of_the_same_frames_agree(folder: Path, run: Run) -> None:
    rec = Recognizer.load(run.path, clips=2)
    array = frames_of(folder)
    tensor = torch.from_numpy(array).permute(0, 3, 1, 2)
    array.setflags(write=False)
    for clip in (array, tensor, np.ascontiguousarray(array[..., ::-1])[..., ::-1]):
        np.testing.assert_array_equal(rec(clip).logits, rec(folder).logits)


def test_it_prepares_a_copy_and_recognises_what_the_network_itself_would(folder: Path, run: Run) -> None:
    network = run.load_model().train()
    rec = Recognizer(network, LABELS, sampling=SPEC.sampling, preprocessing=SPEC.preprocessing)
    assert network.training
    frames = torch.from_numpy(frames_of(folder)).permute(0, 3, 1, 2)
    views = frame_views(frames, EvalViews(sampling=SPEC.sampling, preprocessing=SPEC.preprocessing))
    expected = logits_of_views(network.eval(), views[None], SPEC.preprocessing, device="cpu")[0].numpy()
    np.testing.assert_allclose(rec(folder).logits, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_recognition_answers_in_several_ways(folder: Path, rec: Recognizer) -> None:
    recognition = rec(folder)
    top = recognition.top(2)
    assert len(top) == 2
    assert top[0] == (recognition.label, recognition.probability)
    assert top[0][1] >= top[1][1]
    assert {label for label, _ in recognition.top(99)} == set(LABELS)
    assert sum(probability for _, probability in recognition.top(99)) == pytest.approx(1)
    values = json.loads(json.dumps(recognition.to_dict(2)))
    assert values["label"] == recognition.label
    assert values["top"] == [{"label": label, "probability": probability} for label, probability in top]
    assert values["protocol"] == "4 frames by time x 1 clip x 1 crop of 32 px from 36 px, softmax mean"
    assert values.get("family") == SPEC.families.get(recognition.label)
    with pytest.raises(ValueError, match="k=0"):
        recognition.top(0)


def test_a_broken_file_is_a_decode_error(rec: Recognizer, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    for path in (tmp_path / "text.mp4", tmp_path / "none.mp4", tmp_path):
        with pytest.raises(DecodeError) as caught:
            rec(path)
        assert caught.value.path == path


@pytest.mark.parametrize("workers", [1, 3])
def test_many_files_come_in_order_and_broken_ones_among_them(
    workers: int, folder: Path, rec: Recognizer, tmp_path: Path
) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    others = [write_frames(tmp_path / str(number), 4 + number, seed=number) for number in range(4)]
    paths = [others[0], tmp_path / "text.mp4", *others[1:], folder]
    results = list(rec.many(map(str, paths), workers=workers))
    assert [path for path, _ in results] == paths
    for path, result in results:
        if path.name == "text.mp4":
            assert isinstance(result, DecodeError)
        else:
            assert not isinstance(result, DecodeError)
            np.testing.assert_array_equal(result.logits, rec(path).logits)


def test_it_starts_a_process_when_a_file_comes_and_ends_it(run: Run, folder: Path) -> None:
    with Recognizer.load(run.path, seconds=60) as rec:
        processes = rec._decoders._processes
        frames = frames_of(folder)
        rec(frames)
        assert not processes._all
        first, second = rec(folder), rec(folder)
        (process,) = processes._all
        np.testing.assert_array_equal(first.logits, second.logits)
    assert not process.alive
    np.testing.assert_array_equal(rec(frames).logits, first.logits)
    with pytest.raises(DecodeError, match="stopped"):
        rec(folder)
    with pytest.raises(ValueError, match="seconds=-1"):
        Recognizer.load(run.path, seconds=-1)


def test_a_copy_of_it_works_in_another_process(rec: Recognizer, folder: Path) -> None:
    copied = pickle.loads(pickle.dumps(rec))
    np.testing.assert_array_equal(copied(folder).logits, rec(folder).logits)


def test_many_is_lazy(folder: Path, rec: Recognizer) -> None:
    asked: list[int] = []

    def endless() -> Iterator[Path]:
        while True:
            asked.append(1)
            yield folder

    results = rec.many(endless(), workers=1)
    next(results)
    next(results)
    results.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert len(asked) <= 4


@pytest.mark.parametrize(
    "clip",
    [
        np.zeros((4, 3, 40, 40), dtype=np.uint8),
        np.full((4, 40, 40, 3), 255.0, dtype=np.float32),
        np.zeros((0, 40, 40, 3), dtype=np.uint8),
        torch.zeros(4, 40, 40, 3, dtype=torch.uint8),
        torch.full((4, 3, 40, 40), -1.0),
        torch.zeros(3, 40, 40, dtype=torch.uint8),
        [],
        ["a.png"],
        [np.zeros((40, 40), dtype=np.uint8)],
        None,
        3,
        {"frames": 3},
    ],
)
def test_frames_of_another_shape_or_type_are_refused(clip: Any, rec: Recognizer) -> None:
    with pytest.raises(UserError, match=r"the clip"):
        rec(clip)


def test_frames_come_as_a_list_an_image_or_numbers_in_0_to_1(folder: Path, rec: Recognizer) -> None:
    array, images = frames_of(folder), [Image.open(path) for path in sorted(folder.iterdir())]
    expected = rec(folder).logits
    for clip in (list(array), images, tuple(torch.from_numpy(array).permute(0, 3, 1, 2)), array / 255):
        np.testing.assert_array_equal(rec(clip).logits, expected)
    np.testing.assert_array_equal(rec(images[0]).logits, rec(array[:1]).logits)


def test_a_file_comes_as_bytes_or_open(video: Path, rec: Recognizer, tmp_path: Path) -> None:
    content, expected = video.read_bytes(), rec(video).logits
    with video.open("rb") as file:
        np.testing.assert_array_equal(rec(file).logits, expected)
    for clip in (content, bytearray(content), memoryview(content), io.BytesIO(content)):
        np.testing.assert_array_equal(rec(clip).logits, expected)  # pyright: ignore[reportArgumentType]
    with video.open(encoding="latin-1") as text, pytest.raises(UserError, match="is open as text; open it in binary"):
        rec(text)  # pyright: ignore[reportArgumentType]
    for broken, name in ((b"no video", "a clip given as bytes"), (io.BytesIO(content[:200]), "given as BytesIO")):
        with pytest.raises(DecodeError, match=name):
            rec(broken)


def test_a_batch_is_its_clips_one_by_one(video: Path, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rec = Recognizer.load(run.path, clips=2)
    array = frames_of(folder)
    clips: list[Any] = [video, array, str(folder), video.read_bytes(), list(array[:3]), array[:, :40, :41]]
    single = [rec(clip) for clip in clips]
    sizes: list[int] = []
    original = torch_engine.logits_of_views

    def counted(model: Any, frames: Any, *args: Any, **options: Any) -> Any:
        sizes.append(len(frames))
        return original(model, frames, *args, **options)

    monkeypatch.setattr(torch_engine, "logits_of_views", counted)
    for size in (4, 100):
        found = rec.batch(iter(clips), batch_size=size)
        for one, alone in zip(found, single, strict=True):
            np.testing.assert_allclose(one.logits, alone.logits, rtol=0, atol=1e-5 * np.abs(alone.logits).max())
            assert one.label == alone.label
            assert one.preview == alone.preview
    assert sizes == [4, 2, 6]
    assert rec.batch([]) == []
    for wrong in (video, str(video), array, b"x"):
        with pytest.raises(UserError, match=r"batch takes clips, and this is .*; give \[clip\]"):
            rec.batch(wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match="batch_size=0"):
        rec.batch([video], batch_size=0)
    (video.parent / "bad.mp4").write_text("no video")
    with pytest.raises(DecodeError, match=r"bad\.mp4"):
        rec.batch([video, video.parent / "bad.mp4"])


def test_what_a_notebook_shows_is_small_safe_and_of_any_colours(rec: Recognizer, folder: Path) -> None:
    found = replace(rec(folder), labels=("<b>lift</b>", "push\x1b[31m", "pull"))
    html = found._repr_html_()
    assert len(html) < 40_000
    assert html.count("data:image/jpeg;base64,") == 4
    assert "&lt;b&gt;lift&lt;/b&gt;" in html
    assert "<b>lift" not in html
    assert "\x1b" not in html
    assert "color:inherit" in html
    assert not re.search(r"[^-]color:(?!inherit)", html)
    for frame in found.preview:
        assert max(Image.open(io.BytesIO(frame)).size) <= 96
    assert f"{found.probability:.1%}" in html
    assert f"{found.probability:.1%}" in str(found)
    assert "preview" not in repr(found)
    words = (
        "Recognizer(tsm_resnet18, 3 classes, 4 frames by time x 1 clip x 1 crop of 32 px from 36 px, softmax mean, on "
    )
    assert repr(rec).startswith(words)


def test_what_does_not_fit_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="2 labels for a model of 3 classes"):
        Recognizer(run.load_model(), ["a", "b"], sampling=SPEC.sampling)
    with pytest.raises(ValueError, match="crops=4"):
        Recognizer.load(run.path, crops=4)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match="is not a run's folder"):
        Recognizer.load(run.path / "none")


def test_a_calibrated_recogniser_divides_logits_by_the_runs_temperature(run: Run, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    copied = Run(tmp_path / "run")
    with pytest.raises(UserError, match="has no temperature; fit one with `recircle eval RUN --calibrate`"):
        Recognizer.load(copied.path, calibrated=True)
    plain = Recognizer.load(copied.path)(folder)
    figures = dict.fromkeys(("nll_before", "nll_after", "ece_before", "ece_after"), 0.5)
    calibration = Calibration(
        temperature=2.5, fitted_on=5, tried_on=5, bins=15, seed=0, provenance=plain.provenance, **figures
    )
    calibration.save(copied.calibration_path)
    found = Recognizer.load(copied.path, calibrated=True)(folder)
    np.testing.assert_array_equal(found.logits, plain.logits)
    expected = torch.from_numpy(plain.logits[0] / 2.5).double().softmax(0).numpy()
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-5)
    with pytest.warns(
        UserWarning,
        match="the temperature was fitted for .* 1 clip x 1 crop .*, not for .* 2 clips .*, which differs in clips",
    ):
        Recognizer.load(copied.path, clips=2, calibrated=True)
    with pytest.raises(ValueError, match=r"temperature=0\.0"):
        Recognizer(run.load_model(), LABELS, sampling=SPEC.sampling, temperature=0.0)
