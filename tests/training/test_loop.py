import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from recircle.config import read_json, to_json
from recircle.errors import UserError
from recircle.evaluation.provenance import ClipSource, Provenance
from recircle.loading import jobs
from recircle.locks import locked
from recircle.manifest.manifest import Clip, Manifest
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.training import memory_watch
from recircle.training.checkpoint import Checkpoints
from recircle.training.config import TrainConfig
from recircle.training.learner import Learner
from recircle.training.loop import train
from recircle.training.metrics_log import read_metrics_log
from recircle.training.optimiser import Optimiser
from recircle.training.schedule import Schedule

MakeConfig = Callable[..., TrainConfig]
SCHEDULE = Schedule(kind="cosine", warmup_share=0.25)
FULL: dict[str, Any] = {
    "ema": 0.9,
    "schedule": SCHEDULE,
    "label_smoothing": 0.1,
    "clip_norm": 20.0,
    "freeze": ("conv1", "layer1.0"),
    "class_weights": "balanced",
}
"""Dropout (of the model), an average, a moving rate, frozen and weighted parts: all that a resumed run could get wrong.
"""


def exact(run: Run) -> list[dict[str, Any]]:
    """Return the lines of a run without its times and the place of its clips."""
    lines = read_metrics_log(run.metrics_path)
    for line in lines:
        if line["kind"] == "val":
            del line["provenance"]["clips"]["manifest"]
    return [{key: value for key, value in line.items() if key not in ("clips_per_s", "wait")} for line in lines]


def train_until(
    monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[Learner], object], config: TrainConfig, **options: Any
) -> Run:
    """Train, and do something just before a step."""
    original = Learner.step

    def patched(self: Learner, batches: Any, **values: Any) -> Any:
        if values["step"] == step:
            action(self)
        return original(self, batches, **values)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "step", patched)
        return train(config, progress=False, **options)


@pytest.fixture(scope="module")
def reference(config_in: Callable[[Path], TrainConfig], tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """The config of a finished run of two epochs of three steps that nothing interrupted."""
    config = replace(config_in(tmp_path_factory.mktemp("reference") / "run"), **FULL)
    train(config, progress=False)
    return config


def test_a_killed_worker_stops_a_run_that_goes_on_exactly(
    reference: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(reference, output=tmp_path / "killed", data=replace(reference.data, workers=1))
    decode, decoded = jobs.decode, []

    def killed(*args: Any, **options: Any) -> Any:
        decoded.append(args)
        if len(decoded) == 6:  # in the second batch
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "decode", killed)
        with pytest.raises(UserError, match=r"was killed while it decoded .*`recircle train --resume .*killed`"):
            train(config, progress=False)
    latest = Checkpoints(Run(config.output).checkpoints_path, config.keep).latest()
    assert latest is not None
    assert latest["step"] <= 1  # the first batch may have been on its way from the worker
    assert exact(train(config, resume=True, progress=False)) == exact(Run.open(reference.output))


def test_a_clip_that_crashes_its_worker_is_listed_as_broken(
    reference: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(reference, output=tmp_path / "crashed", epochs=1, data=replace(reference.data, workers=2))
    decode = jobs.decode

    def hostile(path: Path, *args: Any, **options: Any) -> Any:
        if path.name == "clip00":
            os.abort()
        return decode(path, *args, **options)

    monkeypatch.setattr(jobs, "decode", hostile)
    with pytest.warns(UserWarning, match="1 clip could not be used"):
        run = train(config, progress=False)
    assert (run.path / "broken.txt").read_text() == "clip00\tthe decoder crashed (SIGABRT)\n"
    assert [line["kind"] for line in read_metrics_log(run.metrics_path)] == ["train"] * 3 + ["val", "end"]


def test_a_run_holds_all_that_is_promised(reference: TrainConfig, clips: Path) -> None:
    run = Run.open(reference.output)
    assert read_json(TrainConfig, run.config_path) == reference
    lines = read_metrics_log(run.metrics_path)
    assert [line["kind"] for line in lines] == ["train"] * 3 + ["val"] + ["train"] * 3 + ["val", "end"]
    steps = [line for line in lines if line["kind"] == "train"]
    assert [(line["step"], line["epoch"]) for line in steps] == [(s, 1 + (s > 3)) for s in range(1, 7)]
    for line in steps:
        rate = SCHEDULE.lr_at((line["step"] - 0.5) / 3, lr=reference.optimiser.lr, epochs=2)
        assert line["lr"] == pytest.approx(rate)
        assert line["clips"] == 4
        assert line["clips_per_s"] > 0
        assert 0 <= line["wait"] <= 1
    epochs = [line for line in lines if line["kind"] == "val"]
    assert epochs[1]["train_loss"] == pytest.approx(sum(line["loss"] for line in steps[3:]) / 3)
    assert epochs[1]["clips"] == 4
    measured = Provenance.from_dict(epochs[1]["provenance"], run.metrics_path)
    assert measured.protocol_words == "4 frames by time x 1 clip x 1 crop of 32 px from 32 px, softmax mean"
    assert measured.clips == ClipSource(manifest=str(clips), split="held out")
    assert measured.unknown == ()
    assert 0 <= epochs[1]["top1"] <= epochs[1]["top5"] == 1
    assert [path.name for path in Checkpoints(run.checkpoints_path).paths()] == ["step-00000003.pt", "step-00000006.pt"]
    assert run.load_spec().labels == Manifest.read(clips).labels


def test_the_average_is_what_is_saved(reference: TrainConfig) -> None:
    run = Run.open(reference.output)
    state = Checkpoints(run.checkpoints_path).latest()
    assert state is not None
    saved = load_file(run.weights_path)
    assert saved.keys() == state["ema"].keys()
    assert all(torch.equal(saved[name], state["ema"][name]) for name in saved)
    assert any(not torch.equal(saved[name], state["model"][name]) for name in saved)


def test_a_run_killed_inside_an_epoch_goes_on_bit_for_bit(reference: TrainConfig, tmp_path: Path) -> None:
    config = replace(reference, output=tmp_path / "killed", checkpoint_every=2)
    (tmp_path / "config.json").write_text(to_json(config))
    script = """
import os, signal, sys
from pathlib import Path
from recircle.config import read_json
from recircle.training.config import TrainConfig
from recircle.training.metrics_log import MetricsLog
from recircle.training.loop import train

write = MetricsLog.write
def write_and_die(self, kind, **values):
    line = write(self, kind, **values)
    if kind == "train" and values["step"] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return line

MetricsLog.write = write_and_die
train(read_json(TrainConfig, Path(sys.argv[1])), progress=False)
"""
    killed = subprocess.run([sys.executable, "-c", script, tmp_path / "config.json"], timeout=120)
    assert killed.returncode == -signal.SIGKILL
    run = Run(config.output)
    # the checkpoint lies inside the second epoch, and the run was ahead of it
    assert [path.name for path in Checkpoints(run.checkpoints_path).paths()] == ["step-00000002.pt", "step-00000004.pt"]
    assert exact(run)[-1]["step"] == 5
    with run.metrics_path.open("a") as file:
        file.write('{"kind": "tra')

    train(config, resume=True, progress=False)
    assert exact(run) == exact(Run(reference.output))
    assert run.weights_path.read_bytes() == Run(reference.output).weights_path.read_bytes()


def test_ctrl_c_leaves_a_checkpoint_and_the_run_goes_on_bit_for_bit(
    reference: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(reference, output=tmp_path / "stopped", data=replace(reference.data, workers=1))
    with pytest.raises(KeyboardInterrupt, match=r"after step 5 of 6; go on with `recircle train --resume .*stopped`"):
        train_until(monkeypatch, 5, lambda _: os.kill(os.getpid(), signal.SIGINT), config)
    run = Run(config.output)
    assert Checkpoints(run.checkpoints_path).paths()[-1].name == "step-00000005.pt"
    train(config, resume=True, progress=False)
    assert exact(run) == exact(Run(reference.output))


def test_ctrl_c_during_evaluation_loses_nothing(
    reference: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(reference, output=tmp_path / "stopped", checkpoint_every=2)

    def press(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("recircle.training.loop.validate", press)
        with pytest.raises(KeyboardInterrupt, match="after step 3 of 6"):
            train(config, progress=False)
    run = Run(config.output)
    assert [line["kind"] for line in exact(run)] == ["train"] * 3
    train(config, resume=True, progress=False)
    assert exact(run) == exact(Run(reference.output))


def test_accumulated_passes_make_the_steps_of_larger_batches(make_config: MakeConfig, tmp_path: Path) -> None:
    still = make_config(model=ModelConfig(name="tsm_resnet18", width=8, dropout=0.0), freeze_norms="all", epochs=1)
    still = replace(still, optimiser=Optimiser(lr=0.001))
    whole = exact(train(still, progress=False))
    parts = exact(train(replace(still, output=tmp_path / "parts", batch_size=2, accumulate=2), progress=False))
    assert [line.get("clips") for line in parts] == [line.get("clips") for line in whole] == [4, 4, 4, 4, None]
    losses = [[line["loss"] for line in lines if line["kind"] == "train"] for lines in (parts, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_longer_run_goes_on_from_the_end_of_a_shorter_one(make_config: MakeConfig, tmp_path: Path) -> None:
    schedule = Schedule(milestones=(1,))
    short = make_config(epochs=1, schedule=schedule)
    with pytest.warns(UserWarning, match=r"schedule\.milestones: 1 is not reached in epochs=1"):
        train(short, progress=False)
    run = train(replace(short, epochs=2), resume=True, progress=False)
    whole = train(replace(short, epochs=2, output=tmp_path / "whole"), progress=False)
    assert exact(run) == exact(whole)
    with pytest.raises(UserError, match=r"has done 6 steps, more than the 3 of epochs=1"):
        train(short, resume=True, progress=False)


def test_a_finished_run_says_so_and_is_left_alone(reference: TrainConfig, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(reference.output)
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    train(reference, resume=True)
    assert "is finished: all 2 epochs are done" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_a_run_killed_before_its_first_checkpoint_begins_anew(
    reference: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(reference, output=tmp_path / "early")

    def fail(learner: Learner) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        train_until(monkeypatch, 2, fail, config)
    train(config, resume=True, progress=False)
    assert exact(Run(config.output)) == exact(Run(reference.output))


def test_a_full_disk_is_explained_and_the_run_goes_on(
    reference: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(reference, output=tmp_path / "full", checkpoint_every=2)

    def fill(learner: Learner) -> None:
        def full(handle: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(
        UserError,
        match=r"No space left on device; free some space.*the checkpoint after step 2 is intact: go on with `",
    ):
        train_until(monkeypatch, 4, fill, config)
    monkeypatch.undo()
    run = train(config, resume=True, progress=False)
    assert exact(run) == exact(Run(reference.output))


@pytest.mark.parametrize("refusal", [None, "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"])
def test_too_little_memory_is_explained_and_the_run_goes_on(
    refusal: str | None, reference: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(reference, output=tmp_path / "large", checkpoint_every=2)

    def fill(learner: Learner) -> None:
        if refusal is not None:
            raise RuntimeError(refusal)
        free.append(1)
        for _ in range(500):
            time.sleep(0.01)

    free = [50]
    monkeypatch.setattr(memory_watch, "machine_memory", lambda: (free[-1], 100))
    with pytest.raises(UserError, match=r"the memory of cpu is used up with batch_size=\d+; halve it"):
        train_until(monkeypatch, 4, fill, config)
    monkeypatch.undo()
    run = train(config, resume=True, progress=False)
    assert exact(run) == exact(Run(reference.output))


def test_a_loss_that_is_not_finite_stops_the_run_with_a_good_checkpoint(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(checkpoint_every=1, epochs=1)

    def spoil(learner: Learner) -> None:
        learner.model.get_parameter("fc.weight").data.fill_(torch.inf)

    with pytest.raises(UserError, match=r"in step 3 at learning rate 0\.05: start again with a lower learning rate"):
        train_until(monkeypatch, 3, spoil, config)
    state = Checkpoints(Run(config.output).checkpoints_path).latest()
    assert state is not None
    assert state["step"] == 2
    assert all(value.isfinite().all() for value in state["model"].values())


def test_clips_that_cannot_be_used_are_skipped_counted_and_listed(
    make_config: MakeConfig, clips: Path, tmp_path: Path
) -> None:
    manifest = Manifest.read(clips)
    rows = list(manifest.clips)
    rows[0] = replace(rows[0], status="broken", fault="no frames")
    for row in (1, 2):
        rows[row] = replace(rows[row], path=f"gone{row}")
    path = clips.with_name("some_broken.csv")
    replace(manifest, clips=tuple(rows)).write(path)
    config = make_config()
    config = replace(config, data=replace(config.data, manifest=path))
    with pytest.warns(
        UserWarning,
        match=r"3 clips could not be used, and training went on without; .*broken.txt lists them:\n  clip00",
    ):
        run = train(config, progress=False)
    lines = read_metrics_log(run.metrics_path)
    listed = (run.path / "broken.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in listed] == ["clip00", "gone1", "gone2"]
    assert listed[0] == "clip00\tno frames"
    seen = sum(line["clips"] for line in lines if line["kind"] == "train")
    assert lines[-1]["broken"] == 3
    assert seen + lines[-1]["skipped"] == 2 * 3 * 4
    assert lines[-1]["skipped"] > 0


def with_clips(config: TrainConfig, path: Path, change: Callable[[int, Clip], Clip]) -> TrainConfig:
    """Return a config of the same clips, each changed by its number."""
    manifest = Manifest.read(config.data.manifest)
    rows = tuple(change(number, clip) for number, clip in enumerate(manifest.clips))
    replace(manifest, clips=rows).write(path)
    return replace(config, data=replace(config.data, manifest=path))


def broken(clip: Clip) -> Clip:
    return replace(clip, status="broken", fault="no frames")


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (range(14), r"^none of the 14 clips to train on in .* can be read \(the first: clip00: no frames\)"),
        (
            range(8),
            r"^only 6 of the 14 clips to train on in .* less than data\.min_readable=0\.5 .*min-readable 0\.42$",
        ),
        (range(14, 18), "^none of the 4 clips to evaluate on"),
        (range(14, 17), "^only 1 of the 4 clips to evaluate on"),
    ],
)
def test_too_few_readable_clips_stop_before_a_folder_is_made(
    numbers: range, words: str, make_config: MakeConfig, clips: Path
) -> None:
    config = with_clips(
        make_config(), clips.with_name("few.csv"), lambda n, clip: broken(clip) if n in numbers else clip
    )
    with pytest.raises(UserError, match=words):
        train(config, progress=False)
    assert not config.output.exists()


def test_half_of_the_clips_are_enough_or_as_few_as_are_asked_for(make_config: MakeConfig, clips: Path) -> None:
    half = with_clips(make_config(epochs=1), clips.with_name("half.csv"), lambda n, c: broken(c) if n < 7 else c)
    with pytest.warns(UserWarning, match="7 clips could not be used"):
        train(half, progress=False)
    one = with_clips(make_config(epochs=1), clips.with_name("one.csv"), lambda n, c: broken(c) if n < 11 else c)
    one = replace(one, output=one.output.with_name("one"), data=replace(one.data, min_readable=0.0))
    with pytest.warns(UserWarning, match="11 clips could not be used|fewer than a batch"):
        train(one, progress=False)


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (range(14), r"at most 6 of the 14 clips to train on in .*gone\.csv can be read.*with --data\.min-readable$"),
        (range(1, 14), r"at most [1-6] of the 14 clips to train on in .*gone\.csv can be read"),
        (range(14, 18), "none of the 4 clips to evaluate on in .* can be read"),
    ],
)
def test_clips_that_break_while_they_are_read_stop_the_run_without_a_model(
    gone: range, words: str, make_config: MakeConfig, clips: Path
) -> None:
    config = with_clips(
        make_config(checkpoint_every=1),
        clips.with_name("gone.csv"),
        lambda n, c: replace(c, path=f"gone{n}") if n in gone else c,
    )
    with pytest.raises(UserError, match=words):
        train(config, progress=False)
    run = Run(config.output)
    assert not run.weights_path.exists()
    assert not run.spec_path.exists()
    with pytest.raises(UserError, match="holds no trained model"):
        Run.open(run.path)
    if gone == range(14):
        assert Checkpoints(run.checkpoints_path).paths() == [], "what nothing was learnt in is not kept"


def test_an_epoch_without_a_step_stops_the_run_however_few_clips_are_asked_for(
    make_config: MakeConfig, clips: Path
) -> None:
    config = with_clips(
        make_config(), clips.with_name("none.csv"), lambda n, c: replace(c, path=f"gone{n}") if n < 14 else c
    )
    config = replace(config, data=replace(config.data, min_readable=0.0), batch_size=5)
    with pytest.raises(UserError, match="nothing was learnt in epoch 1: in none of its 2 steps could a clip be read"):
        train(config, progress=False)
    assert not Run(config.output).weights_path.exists()


def test_a_lost_mount_stops_a_run_and_leaves_its_model_and_the_way_on(reference: TrainConfig, tmp_path: Path) -> None:
    root = Path(shutil.copytree(reference.data.manifest.parent, tmp_path / "clips"))
    config = replace(
        reference, output=tmp_path / "run", data=replace(reference.data, manifest=root / reference.data.manifest.name)
    )
    with pytest.MonkeyPatch.context() as patch:
        away = tmp_path / "away"
        with pytest.raises(UserError, match=r"of the 14 clips to train on|nothing was learnt"):
            train_until(patch, 4, lambda _: root.rename(away), config)
    run = Run.open(config.output)
    kept = run.weights_path.read_bytes()
    assert [path.name for path in Checkpoints(run.checkpoints_path).paths()] == ["step-00000003.pt"]
    away.rename(root)
    train(config, resume=True, progress=False)
    assert exact(run) == exact(Run(reference.output))
    assert run.weights_path.read_bytes() == Run(reference.output).weights_path.read_bytes() != kept


def test_another_runs_folder_is_refused(reference: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds a run already; .*recircle train --resume .* or choose another output"):
        train(reference, progress=False)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty; choose another output"):
        train(replace(reference, output=tmp_path), progress=False)
    with pytest.raises(UserError, match=r"notes\.txt is not a folder"):
        train(replace(reference, output=tmp_path / "notes.txt" / "run"), progress=False)
    with pytest.raises(UserError, match="holds no run that can be continued"):
        train(replace(reference, output=tmp_path), resume=True, progress=False)


def test_a_run_that_is_being_trained_is_refused(make_config: MakeConfig) -> None:
    config = make_config()
    run = Run.create(config.output)
    with locked(run.lock_path, "train"), pytest.raises(UserError, match="another process seems to train the run in"):
        train(config, progress=False)
    # as after a kill: the file is there, and nobody holds it
    assert run.lock_path.exists()
    train(replace(config, epochs=1), progress=False)


def test_other_settings_are_refused_by_name(reference: TrainConfig, clips: Path) -> None:
    changed = replace(
        reference,
        optimiser=replace(reference.optimiser, lr=0.5),
        data=replace(reference.data, sampling=replace(reference.data.sampling, frames=2), workers=1),
        keep=5,
    )
    expected = r"with other settings \(data\.sampling\.frames 4 -> 2, optimiser\.lr 0\.05 -> 0\.5\)"
    with pytest.raises(UserError, match=expected):
        train(changed, resume=True, progress=False)

    manifest = Manifest.read(clips)
    fewer = clips.with_name("fewer.csv")
    replace(manifest, clips=manifest.clips[1:]).write(fewer)
    changed = replace(reference, data=replace(reference.data, manifest=fewer))
    with pytest.raises(UserError, match=r"fewer\.csv are not those that .* was started with"):
        train(changed, resume=True, progress=False)


def test_tensorboard_gets_the_figures_too(make_config: MakeConfig) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = make_config(tracker="tensorboard", epochs=1, precision="bf16", freeze_norms="all_but_first")
    run = train(config, progress=False)
    events = EventAccumulator(str(run.path / "tracker" / "recircle"))
    events.Reload()
    logged = {event.step: event.value for event in events.Scalars("train/loss")}
    lines = [line for line in read_metrics_log(run.metrics_path) if line["kind"] == "train"]
    assert logged == pytest.approx({line["step"]: line["loss"] for line in lines})
    assert [event.step for event in events.Scalars("val/top1")] == [3]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tracker": "paper"}, "no tracker is called 'paper'"),
        ({"tracker": "aim"}, "'aim' is not installed; `pip install aim`"),
        ({"precision": "fp16"}, "needs a CUDA GPU"),
        ({"model": ModelConfig(name="tsm_resnet18", pretrained="none.pth")}, "none.pth"),
    ],
)
def test_what_cannot_work_here_is_said_before_a_folder_is_made(
    make_config: MakeConfig, values: dict[str, Any], message: str
) -> None:
    if "fp16" in values.values() and torch.cuda.is_available():
        pytest.skip("this machine can do fp16")
    config = make_config(**values)
    with pytest.raises(UserError, match=message):
        train(config, progress=False)
    assert not config.output.exists()


def test_lines_for_a_log_file_carry_the_figures(make_config: MakeConfig, capsys: pytest.CaptureFixture[str]) -> None:
    train(make_config(epochs=1, optimiser=Optimiser(kind="adamw", lr=0.001)))
    lines = capsys.readouterr().err.splitlines()
    assert "tsm_resnet18: 3 classes, 14 clips to train on, 4 to evaluate on; 3 steps an epoch" in lines[0]
    assert lines[1].startswith("step 1/3  epoch 1  loss ")
    assert all(word in lines[1] for word in ("lr 0.001", "clips/s", "waiting"))
    assert lines[-1].startswith("epoch 1/1  loss ")
    assert "of 4 clips (4 frames by time x 1 clip x 1 crop of 32 px from 32 px, softmax mean)" in lines[-1]
