"""Loaders whose workers are killed by clips: the clip is left out, and every batch is what it would be without it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recircle.decode.frames import DecodeError
from recircle.errors import UserError
from recircle.loading import guarded_loader, jobs
from recircle.loading.batch import Batch
from recircle.loading.guarded_loader import LoadingError
from recircle.loading.loaders import TrainLoader
from recircle.manifest.manifest import Clip, Manifest
from recircle.views.augmentation import Augmentation
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from tests.flat_loaders import flat_eval_loader, flat_train_loader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes end otherwise there")

OPTIONS = {
    "labels": ("lift", "push"),
    "sampling": Sampling(frames=2),
    "preprocessing": Preprocessing(resize=12, crop=8),
    "batch_size": 3,
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root = tmp_path_factory.mktemp("clips")
    rows = []
    for number in range(14):
        (root / f"c{number:02}").mkdir()
        for frame in range(3):
            image = np.full((12, 16, 3), 15 * number + frame, np.uint8)
            Image.fromarray(image).save(root / f"c{number:02}" / f"{frame}.png")
        rows.append(Clip(path=f"c{number:02}", label=("lift", "push")[number % 2], frames=3, width=16, height=12))
    return Manifest(tuple(rows), root)


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch):
    """Let clips do something where they are decoded, in workers alone; a `DecodeError` elsewhere."""
    deeds: dict[str, object] = {}
    here, decode = os.getpid(), jobs.decode

    def decode_or_die(path, *args, **kwargs):
        deed = deeds.get(path.name)
        if deed is not None:
            if os.getpid() == here:
                raise DecodeError(path, "")
            deed()  # pyright: ignore[reportCallIssue]
        return decode(path, *args, **kwargs)

    monkeypatch.setattr(jobs, "decode", decode_or_die)
    monkeypatch.setattr("recircle.views.cut.decode", decode_or_die)
    return deeds


def die(number: int):
    return lambda: os.kill(os.getpid(), number)


def flood() -> None:
    bytearray(2**40)


def flood_torch() -> None:
    torch.empty(2**40, dtype=torch.uint8)


def train_loader(manifest: Manifest, **changes) -> TrainLoader:
    return flat_train_loader(manifest, augmentation=Augmentation(), seed=3, **(OPTIONS | changes))


def same_clips(first: list[Batch], second: list[Batch]) -> bool:
    assert len(first) == len(second)
    return all(
        torch.equal(one.frames, other.frames)
        and torch.equal(one.labels, other.labels)
        and torch.equal(one.rows, other.rows)
        and [clip.path for clip in one.broken] == [clip.path for clip in other.broken]
        for one, other in zip(first, second)
    )


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_clips_that_kill_workers_are_left_out_and_all_else_is_the_same(workers: int, clips: Manifest, hostile) -> None:
    hostile |= {"c02": os.abort, "c07": die(signal.SIGSEGV), "c09": lambda: time.sleep(1000)}
    here = train_loader(clips)
    expected = [list(here.epoch(0)), list(here.epoch(1, start=1))]
    assert {clip.path for batch in expected[0] for clip in batch.broken} <= set(hostile)
    loader = train_loader(clips, workers=workers, seconds=0.7)
    found = [list(loader.epoch(0)), list(loader.epoch(1, start=1))]
    for one, other in zip(found, expected):
        assert same_clips(one, other)
    faults = {clip.path: clip.fault for epoch in found for batch in epoch for clip in batch.broken}
    assert faults == {
        "c02": "the decoder crashed (SIGABRT)",
        "c07": "the decoder crashed (SIGSEGV)",
        "c09": "decoding does not end within 0.7 seconds (--seconds, or --data.seconds, allows more)",
    }


def test_evaluation_lists_them_in_their_place(clips: Manifest, hostile) -> None:
    hostile |= {"c00": die(signal.SIGBUS), "c13": die(signal.SIGFPE)}
    found = list(flat_eval_loader(clips, **OPTIONS, workers=2))
    assert same_clips(found, list(flat_eval_loader(clips, **OPTIONS)))
    assert [clip.fault for batch in found for clip in batch.broken] == [
        "the decoder crashed (SIGBUS)",
        "the decoder crashed (SIGFPE)",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to a size")
@pytest.mark.parametrize("deed", [flood, flood_torch])
def test_a_clip_that_takes_too_much_memory_costs_itself(deed, clips: Manifest, hostile) -> None:
    hostile["c01"] = deed
    found = list(flat_eval_loader(clips, **OPTIONS, workers=1))
    assert same_clips(found, list(flat_eval_loader(clips, **OPTIONS)))
    assert "than the 4 GiB that a clip may take" in found[0].broken[0].fault


def test_a_worker_that_somebody_kills_is_one_sentence(clips: Manifest, hostile) -> None:
    hostile["c05"] = die(signal.SIGKILL)
    loader = flat_eval_loader(clips, **OPTIONS, workers=1)
    got: list[Batch] = []
    with pytest.raises(LoadingError, match=r"was killed while it decoded c05, most likely because memory"):
        got.extend(loader)
    hostile["c05"] = die(signal.SIGTERM)
    with pytest.raises(LoadingError, match=r"ended while it decoded c05 \(SIGTERM\)"):
        list(loader)
    del hostile["c05"]
    assert same_clips(list(loader), list(flat_eval_loader(clips, **OPTIONS)))


@pytest.mark.skipif(not hasattr(os, "setpgid"), reason="there are no groups of processes")
def test_a_signal_to_the_group_of_this_process_ends_no_worker(clips: Manifest) -> None:
    batches = iter(flat_eval_loader(clips, **OPTIONS, workers=1))
    next(batches)
    groups = {os.getpgid(child.pid) for child in torch.multiprocessing.active_children() if child.pid is not None}
    assert groups
    assert os.getpgid(0) not in groups
    batches.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_a_worker_that_dies_while_nobody_waits_interrupts_nothing(clips: Manifest) -> None:
    loader = train_loader(clips, workers=2)
    batches = loader.epoch(0)
    next(batches)
    assert loader._loader._kept is not None
    for worker in loader._loader._kept._iterator._workers:
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    time.sleep(0.1)  # a handler of the signal that a child has ended would raise here
    with pytest.raises(LoadingError, match=r"was killed( while it decoded c\d\d)?, most likely"):
        list(batches)
    assert same_clips(list(loader.epoch(0)), list(train_loader(clips).epoch(0)))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left"),
            "shm",
        ),
        (OSError(24, "Too many open files"), r"no file handles .* \(ulimit -n\), or use fewer processes"),
        (RuntimeError("received 0 items of ancdata"), "ulimit -n"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "memory or the number of processes"),
    ],
)
def test_what_is_used_up_is_one_sentence(error: Exception, words: str, clips: Manifest, monkeypatch) -> None:
    def fail(self, clips):
        raise error

    monkeypatch.setattr(jobs.BatchMaker, "_stack", fail)
    with pytest.raises(LoadingError, match=words):
        list(flat_eval_loader(clips, **OPTIONS, workers=1))


def test_a_bus_error_outside_a_clip_is_the_shared_memory(clips: Manifest, monkeypatch) -> None:
    monkeypatch.setattr(jobs.BatchMaker, "_stack", lambda self, clips: os.kill(os.getpid(), signal.SIGBUS))
    with pytest.raises(LoadingError, match=r"/dev/shm, .*--shm-size"):
        list(flat_eval_loader(clips, **OPTIONS, workers=1))


def test_processes_that_cannot_be_started_are_one_sentence(clips: Manifest, monkeypatch) -> None:
    def fork():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(LoadingError, match="the number of processes does not suffice"):
        list(flat_eval_loader(clips, **OPTIONS, workers=1))


def test_too_few_file_handles_are_told_before_a_batch_is_lost(clips: Manifest) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    loader = flat_eval_loader(clips, **OPTIONS, workers=2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (sum(1 for _ in Path("/dev/fd").iterdir()) + 20, hard))
    try:
        with pytest.raises(LoadingError, match=r"file handles are too few, .*raise ulimit -n"):
            list(loader)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(list(loader)) == 5


def test_a_batch_that_cannot_be_sent_is_not_waited_for(clips: Manifest, monkeypatch) -> None:
    class Unsendable(Batch):
        def __reduce__(self):
            raise OSError(24, "Too many open files")

    monkeypatch.setattr(jobs, "Batch", Unsendable)
    with pytest.raises(LoadingError, match="a batch cannot be handed over"):
        list(flat_eval_loader(clips, **OPTIONS, workers=1))


@pytest.mark.parametrize("error", [KeyError("a bug"), RuntimeError("a bug"), UserError("a full disk")])
def test_other_errors_come_out_as_they_are(error: Exception, clips: Manifest, hostile) -> None:
    def deed():
        raise error

    hostile["c03"] = deed
    with pytest.raises(type(error), match=str(error.args[0])) as caught:
        list(flat_eval_loader(clips, **OPTIONS, workers=1))
    assert not isinstance(caught.value, LoadingError)


def test_two_passes_side_by_side_blame_the_right_clips(clips: Manifest, hostile) -> None:
    hostile["c08"] = os.abort
    loader = flat_eval_loader(clips, **OPTIONS, workers=1)
    expected = list(flat_eval_loader(clips, **OPTIONS))
    pairs = list(zip(loader, loader, strict=True))
    for one in zip(*pairs):
        assert same_clips(list(one), expected)


def test_seconds_must_be_above_zero(clips: Manifest) -> None:
    with pytest.raises(ValueError, match="seconds=0 must be above 0"):
        flat_eval_loader(clips, **OPTIONS, seconds=0)


def test_an_alarm_that_the_parent_handles_or_blocks_still_ends_a_clip(clips: Manifest, hostile) -> None:
    hostile["c04"] = lambda: time.sleep(1000)
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    try:
        found = list(flat_eval_loader(clips, **OPTIONS, workers=1, seconds=0.5))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        signal.signal(signal.SIGALRM, before)
    assert [clip.path for batch in found for clip in batch.broken] == ["c04"]


SPAWNED = """
import multiprocessing, sys
from pathlib import Path
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    from recircle.loading.loaders import EvalLoader
    from recircle.loading.options import Loading
    from recircle.views.views import EvalViews
    from recircle.manifest.manifest import Manifest
    from recircle.views.preprocessing import Preprocessing
    from recircle.views.sampling import Sampling
    loader = EvalLoader(Manifest.read(sys.argv[1]), labels=("lift", "push"),
                        views=EvalViews(sampling=Sampling(frames=2), preprocessing=Preprocessing(resize=12, crop=8)),
                        loading=Loading(batch_size=3, workers=1))
    print(sum(len(batch) for batch in loader))
"""


def test_workers_that_are_spawned_are_guarded_too(clips: Manifest, tmp_path: Path) -> None:
    clips.write(tmp_path / "clips.csv")
    (tmp_path / "main.py").write_text(SPAWNED)
    command = [sys.executable, "-W", "ignore", tmp_path / "main.py", tmp_path / "clips.csv"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("14\n", 0), ended.stderr


def test_a_thread_may_load(clips: Manifest, hostile) -> None:
    hostile["c06"] = os.abort
    found: list[Batch] = []
    thread = threading.Thread(target=lambda: found.extend(flat_eval_loader(clips, **OPTIONS, workers=1)))
    thread.start()
    thread.join()
    assert same_clips(found, list(flat_eval_loader(clips, **OPTIONS)))
    assert guarded_loader.CLIP_SECONDS == 300
