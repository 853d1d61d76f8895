"""The loaders, on frame folders whose colours say which clip and which frame they are."""

import gc
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recircle.decode.frame_times import FrameTimes
from recircle.decode.frames import probe
from recircle.errors import UserError
from recircle.loading import jobs
from recircle.loading.batch import Batch
from recircle.loading.loaders import EvalLoader, TrainLoader
from recircle.manifest.manifest import Clip, Manifest
from recircle.views.augmentation import Augmentation
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from tests.flat_loaders import flat_eval_loader, flat_train_loader

HEIGHT, WIDTH, FRAMES = 12, 16, 6
LABELS = ("push left", "push right", "wave")


def write_clip(folder: Path, number: int) -> None:
    """Write frames with red = clip, green = frame, and blue brighter on the right."""
    folder.mkdir(parents=True)
    for frame in range(FRAMES):
        image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
        image[..., 0], image[..., 1] = 10 * number, 10 * frame
        image[:, WIDTH // 2 :, 2] = 200
        Image.fromarray(image).save(folder / f"{frame:05}.png")


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Manifest:
    root = tmp_path_factory.mktemp("clips")
    rows = []
    for number in range(11):
        write_clip(root / f"c{number:02}", number)
        rows.append(clip(f"c{number:02}", LABELS[number % 3]))
    return Manifest(tuple(rows), root)


def clip(path: str, label: str = "wave") -> Clip:
    return Clip(path=path, label=label, frames=FRAMES, width=WIDTH, height=HEIGHT)


def train_loader(manifest: Manifest, **changes) -> TrainLoader:
    options = {
        "labels": LABELS,
        "sampling": Sampling(frames=3),
        "preprocessing": Preprocessing(resize=HEIGHT, crop=8),
        "augmentation": Augmentation(),
        "batch_size": 4,
        "seed": 5,
    }
    return flat_train_loader(manifest, **(options | changes))


def eval_loader(manifest: Manifest, **changes) -> EvalLoader:
    options = {
        "labels": LABELS,
        "sampling": Sampling(frames=3),
        "preprocessing": Preprocessing(resize=HEIGHT, crop=8),
        "batch_size": 4,
    }
    return flat_eval_loader(manifest, **(options | changes))


def assert_same(first: Batch, second: Batch) -> None:
    assert torch.equal(first.frames, second.frames)
    assert torch.equal(first.labels, second.labels)
    assert torch.equal(first.rows, second.rows)
    assert first.broken == second.broken


def assert_all_same(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second):
        assert_same(one, other)


# training


def test_a_training_batch_is_what_its_rows_say(clips):
    plain = Augmentation(scales=(), flip="off")
    for batch in train_loader(clips, augmentation=plain).epoch(0):
        assert batch.frames.shape == (4, 1, 3, 3, 8, 8)
        assert batch.frames.dtype == torch.uint8
        assert batch.broken == []
        for frames, label, row in zip(batch.frames, batch.labels, batch.rows):
            assert torch.all(frames[0, :, 0] == 10 * row)
            assert int(label) == int(row) % 3
            rng = np.random.default_rng((5, 0, int(row)))
            assert (frames[0, :, 1, 0, 0] // 10).tolist() == Sampling(frames=3).train(FRAMES, rng).tolist()


def test_views_resampled_once_are_the_same_views_sharper(clips):
    twice, once = (
        list(train_loader(clips, preprocessing=Preprocessing(resize=24, crop=16), augmentation=augmentation).epoch(0))
        for augmentation in (Augmentation(), Augmentation(one_resample=True))
    )
    for one, other in zip(once, twice):
        assert one.frames.shape == other.frames.shape
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.rows, other.rows)
        # frame and clip as before; the edge in blue a pixel apart at most, and steeper
        assert torch.equal(one.frames[..., :2, :, :], other.frames[..., :2, :, :])
        assert (one.frames[:, :, :, 2].float() - other.frames[:, :, :, 2].float()).abs().mean() < 200 * 2 / 16


@pytest.mark.parametrize("workers", [0, 2])
def test_networks_get_the_memory_order_of_the_decoder(clips, workers):
    training = next(iter(train_loader(clips, workers=workers).epoch(0)))
    evaluation = next(iter(eval_loader(clips, workers=workers)))
    for batch in (training, evaluation):
        assert batch.frames.movedim(-3, -1).is_contiguous()


def test_batches_do_not_depend_on_the_number_of_workers(clips):
    alone = list(train_loader(clips).epoch(3))
    loader = train_loader(clips, workers=2)
    for _ in range(2):
        assert_all_same(list(loader.epoch(3)), alone)


def test_an_epoch_does_not_depend_on_what_ran_before(clips):
    fresh = list(train_loader(clips).epoch(2))
    for workers in (0, 1):
        loader = train_loader(clips, workers=workers)
        list(loader.epoch(0))
        next(loader.epoch(1))
        assert_all_same(list(loader.epoch(2)), fresh)


def test_epochs_and_seeds_differ(clips):
    rows = [
        [batch.rows.tolist() for batch in train_loader(clips, seed=seed).epoch(epoch)]
        for seed, epoch in ((5, 0), (5, 1), (6, 0))
    ]
    assert rows[0] != rows[1]
    assert rows[0] != rows[2]


@pytest.mark.parametrize("workers", [0, 1])
def test_an_epoch_can_start_at_any_batch(clips, workers):
    loader = train_loader(clips, batch_size=2, workers=workers)
    whole = list(loader.epoch(1))
    assert len(whole) == len(loader) == 5
    assert_all_same(list(loader.epoch(1, start=3)), whole[3:])
    assert list(loader.epoch(1, start=5)) == []


def test_skipped_batches_are_not_decoded(clips, monkeypatch):
    decoded = []

    def spy(path, *args, **kwargs):
        decoded.append(path.name)
        return decode(path, *args, **kwargs)

    decode = jobs.decode
    monkeypatch.setattr(jobs, "decode", spy)
    last = list(train_loader(clips, batch_size=2).epoch(0, start=4))
    assert decoded == [f"c{row:02}" for row in last[0].rows.tolist()]


@pytest.mark.parametrize("world", [2, 3])
def test_the_ranks_share_the_batches_of_one_process(clips, world):
    one = list(train_loader(clips, batch_size=6).epoch(1))
    ranks = [train_loader(clips, batch_size=6 // world, rank=rank, world=world) for rank in range(world)]
    for number, batches in enumerate(zip(*(loader.epoch(1) for loader in ranks), strict=True)):
        for rank, batch in enumerate(batches):
            assert torch.equal(batch.rows, one[number].rows[rank::world])
            assert torch.equal(batch.frames, one[number].frames[rank::world])
            assert torch.equal(batch.labels, one[number].labels[rank::world])


def test_a_batch_that_would_not_be_full_is_dropped(clips):
    loader = train_loader(clips, batch_size=4)
    batches = list(loader.epoch(0))
    assert len(loader) == len(batches) == 2
    assert len({row for batch in batches for row in batch.rows.tolist()}) == 8


def test_fewer_clips_than_a_batch_are_one_smaller_batch(clips):
    with pytest.warns(UserWarning, match="11 clips .* fewer than a batch of 20"):
        loaders = [train_loader(clips, batch_size=10, rank=rank, world=2) for rank in range(2)]
    batches = [list(loader.epoch(0)) for loader in loaders]
    assert [len(batch) for (batch,) in batches] == [6, 5]
    assert sorted(torch.cat([batch.rows for (batch,) in batches]).tolist()) == list(range(11))


def test_a_flip_mirrors_the_frames_and_swaps_the_labels(clips):
    options = {"scales": (1.0,), "flip_probability": 1.0}
    for batch in train_loader(clips, augmentation=Augmentation(**options)).epoch(0):
        assert batch.labels.tolist() == [(1, 0, 2)[row % 3] for row in batch.rows.tolist()]
        assert torch.all(batch.frames[..., 2, :, 0] > batch.frames[..., 2, :, -1])
    for batch in train_loader(clips, augmentation=Augmentation(**options, flip="off")).epoch(0):
        assert batch.labels.tolist() == [row % 3 for row in batch.rows.tolist()]
        assert torch.all(batch.frames[..., 2, :, 0] < batch.frames[..., 2, :, -1])


def test_half_of_the_clips_are_flipped(clips):
    loader = train_loader(clips, augmentation=Augmentation(scales=(1.0,)))
    mirrored = [
        bool(frames[0, 0, 2, 0, 0] > frames[0, 0, 2, 0, -1])
        for epoch in range(12)
        for batch in loader.epoch(epoch)
        for frames in batch.frames
    ]
    assert 0.3 < np.mean(mirrored) < 0.7


def test_a_side_without_partner_switches_the_flip_off_with_a_warning(clips):
    labels = ("push left", "push right", "wave", "turn left")
    with pytest.warns(UserWarning, match="flip is off.*'turn left'"):
        loader = train_loader(clips, labels=labels, augmentation=Augmentation(flip_probability=1.0))
    for batch in loader.epoch(0):
        assert batch.labels.tolist() == [row % 3 for row in batch.rows.tolist()]


def test_short_clips_repeat_frames(clips):
    (batch, *_) = train_loader(clips, sampling=Sampling(frames=9)).epoch(0)
    frames = batch.frames[:, 0, :, 1, 0, 0]
    assert frames.shape == (4, 9)
    assert torch.all(frames.int().diff(dim=1) >= 0)


def test_an_older_epoch_cannot_go_on_beside_a_newer_one(clips):
    loader = train_loader(clips)
    older, newer = loader.epoch(0), loader.epoch(1)
    next(older)
    next(newer)
    with pytest.raises(RuntimeError, match="another epoch"):
        next(older)


def test_the_global_generators_are_left_alone(clips):
    before, numpy_before = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    list(train_loader(clips, workers=1).epoch(0))
    list(eval_loader(clips))
    assert torch.equal(torch.get_rng_state(), before)
    assert str(np.random.get_state()) == numpy_before  # noqa: NPY002


# what cannot be used


@pytest.fixture
def damaged(clips, tmp_path) -> Manifest:
    """Six clips: the second has vanished, the fourth is not a video, the fifth has fewer frames than it should."""
    for number in (0, 2, 4, 5):
        write_clip(tmp_path / f"c{number}", number)
    (tmp_path / "c4" / f"{FRAMES - 1:05}.png").unlink()
    (tmp_path / "c3.mp4").write_bytes(b"no video at all")
    names = ["c0", "c1", "c2", "c3.mp4", "c4", "c5"]
    return Manifest(tuple(clip(name) for name in names), tmp_path)


@pytest.mark.parametrize("workers", [0, 1])
def test_broken_clips_are_listed_and_the_others_are_untouched(damaged, workers):
    batches = list(eval_loader(damaged, batch_size=3, sampling=Sampling(frames=FRAMES), workers=workers))
    assert [batch.rows.tolist() for batch in batches] == [[0, 2], [5]]
    assert [[broken.path for broken in batch.broken] for batch in batches] == [["c1"], ["c3.mp4", "c4"]]
    assert all(broken.fault for batch in batches for broken in batch.broken)
    for batch in batches:
        for frames, row in zip(batch.frames, batch.rows):
            assert torch.all(frames[..., 0, :, :] == 10 * row)


def test_a_training_batch_may_be_empty(damaged):
    lost = replace(damaged, clips=tuple(damaged.clips[row] for row in (1, 3)))
    (batch,) = train_loader(lost, batch_size=2).epoch(0)
    assert batch.frames.shape == (0, 1, 3, 3, 8, 8)
    assert batch.labels.shape == batch.rows.shape == (0,)
    assert batch.labels.dtype == batch.rows.dtype == torch.int64
    assert sorted(broken.path for broken in batch.broken) == ["c1", "c3.mp4"]


def test_clips_the_manifest_calls_broken_are_left_out(clips):
    rows = list(clips.clips)
    rows[2] = replace(rows[2], status="broken", fault="ends in the middle", frames=0)
    manifest = replace(clips, clips=tuple(rows))
    for loader in (train_loader(manifest), eval_loader(manifest)):
        assert [(broken.path, broken.fault) for broken in loader.left_out] == [("c02", "ends in the middle")]
    seen = [row for batch in eval_loader(manifest) for row in batch.rows.tolist()]
    assert seen == [0, 1, *range(3, 11)]


def test_clips_without_label_are_left_out_of_training_only(clips):
    rows = list(clips.clips)
    rows[0] = replace(rows[0], label="")
    manifest = replace(clips, clips=tuple(rows))
    assert [broken.path for broken in train_loader(manifest).left_out] == ["c00"]
    loader = eval_loader(manifest)
    assert loader.left_out == []
    assert next(iter(loader)).labels.tolist() == [-1, 1, 2, 0]


def test_an_unknown_label_names_clip_and_label(clips):
    for make in (train_loader, eval_loader):
        with pytest.raises(UserError, match=r"c01 has the label 'push right'.*1 labels"):
            make(clips, labels=("push left",))


def test_a_label_twice_in_the_list_is_refused(clips):
    with pytest.raises(UserError, match="'wave' is twice"):
        eval_loader(clips, labels=("wave", *LABELS))


def test_a_clip_without_frame_count_is_refused(clips):
    manifest = replace(clips, clips=(replace(clips.clips[0], frames=0),))
    with pytest.raises(UserError, match=r"c00 has no frame count.*recircle index"):
        eval_loader(manifest)


def test_no_clip_at_all_is_refused_with_the_reason(clips):
    with pytest.raises(UserError, match=r"none of the 1 clips.*it has no label"):
        train_loader(replace(clips, clips=(clip("c00", ""),)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"workers": -1}, "workers=-1"),
        ({"rank": 2, "world": 2}, "rank=2"),
        ({"clips": 0}, "clips=0"),
        ({"crops": 5}, "crops=5"),
    ],
)
def test_wrong_arguments_are_named(clips, changes, message):
    with pytest.raises(ValueError, match=message):
        eval_loader(clips, **changes)


def test_a_negative_seed_is_refused(clips):
    with pytest.raises(ValueError, match="seed=-1"):
        train_loader(clips, seed=-1)


def test_a_crop_that_does_not_fit_is_found_before_decoding(clips):
    preprocessing = Preprocessing(resize=12, crop=(10, 18))
    with pytest.raises(UserError, match=r"c00: .*10 x 18.*12 x 16"):
        eval_loader(clips, preprocessing=preprocessing)
    with pytest.raises(UserError, match=r"c00: .*10 x 18"):
        train_loader(clips, preprocessing=preprocessing, augmentation=Augmentation(scales=()))


# evaluation


def test_views_are_all_crops_of_the_first_clip_first(clips):
    loader = eval_loader(clips, clips=2, crops=3, batch_size=2)
    sampling = Sampling(frames=3).test(FRAMES, 2)
    batch = next(iter(loader))
    assert batch.frames.shape == (2, 6, 3, 3, 12, 12)
    for view in range(6):
        assert (batch.frames[0, view, :, 1, 0, 0] // 10).tolist() == sampling[view // 3].tolist()
        bright = int((batch.frames[0, view, 0, 2, 0] > 100).sum())
        assert bright == (4, 6, 8)[view % 3]


def test_evaluation_keeps_the_order_and_the_last_batch(clips):
    loader = eval_loader(clips, workers=2)
    batches = list(loader)
    assert [batch.rows.tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert len(loader) == 3
    assert_all_same(list(loader), batches)
    assert_all_same(list(eval_loader(clips)), batches)


def test_ranks_of_an_evaluation_see_each_clip_once_in_equally_many_batches(clips):
    loaders = [eval_loader(clips, batch_size=1, rank=rank, world=5) for rank in range(5)]
    assert {len(loader) for loader in loaders} == {3}
    batches = [list(loader) for loader in loaders]
    assert [len(batch) for batch in batches[1]] == [1, 1, 0]
    seen = [row for rank in batches for batch in rank for row in batch.rows.tolist()]
    assert sorted(seen) == list(range(11))


def test_ten_crops_of_classes_that_name_a_side_are_warned_about(clips):
    with pytest.warns(UserWarning, match="mirror images.*push left / push right"):
        loader = eval_loader(clips, crops=10)
    assert next(iter(loader)).frames.shape == (4, 10, 3, 3, 8, 8)


# processes


def test_workers_can_be_spawned(clips):
    maker = train_loader(clips)._loader._maker
    job = jobs.Job(0, (jobs.Item(1, "c01", FrameTimes(FRAMES), 1),))
    assert_same(pickle.loads(pickle.dumps(maker))[pickle.loads(pickle.dumps(job))], maker[job])


def test_a_batch_moves_as_a_whole(clips):
    batch = next(iter(eval_loader(clips))).to("meta")
    assert {batch.frames.device.type, batch.labels.device.type, batch.rows.device.type} == {"meta"}
    assert len(batch) == 4


class Debris:
    """Garbage in a cycle, which notes the process that frees it."""

    def __init__(self, note: Path) -> None:
        self.note, self.cycle = note, self

    def __del__(self) -> None:
        with self.note.open("a") as file:
            print(os.getpid(), file=file)


def test_workers_do_not_free_what_the_parent_left_behind(clips, tmp_path, monkeypatch):
    decode = jobs.decode

    def collecting_decode(*args, **kwargs):
        gc.collect()
        return decode(*args, **kwargs)

    monkeypatch.setattr(jobs, "decode", collecting_decode)
    note = tmp_path / "note"
    gc.collect()
    gc.disable()
    try:
        Debris(note)
        loader = train_loader(clips, workers=1)
        assert len(list(loader.epoch(0))) == 2
        assert not note.exists()
    finally:
        gc.enable()
    gc.collect()
    assert note.read_text().split() == [str(os.getpid())]


def test_workers_after_decoding_real_videos_in_this_process(shared_data):
    folder = shared_data / "ut_interaction" / "set1"
    files = sorted(folder.glob("*.avi"))[:4]
    rows = [Clip(path=file.name, label="wave", frames=probe(file).frames) for file in files]
    manifest = Manifest(tuple(rows), folder)
    options = {"preprocessing": Preprocessing(resize=64, crop=56), "batch_size": 2}
    here = list(train_loader(manifest, **options).epoch(0))
    assert [len(batch) for batch in here] == [2, 2]
    assert_all_same(list(train_loader(manifest, **options, workers=1).epoch(0)), here)


INTERRUPTED = """
import itertools, signal, sys
# a shell ignores Ctrl-C for what it starts in the background, and children inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)
from recircle.views.augmentation import Augmentation
from recircle.loading.loaders import TrainLoader
from recircle.manifest.manifest import Manifest
from recircle.views.preprocessing import Preprocessing
from recircle.loading.options import Loading
from recircle.views.sampling import Sampling
from recircle.views.views import TrainViews
views = TrainViews(sampling=Sampling(), preprocessing=Preprocessing(resize=12, crop=8), augmentation=Augmentation(),
                   seed=0)
loader = TrainLoader(Manifest.read(sys.argv[1]), labels=("push left", "push right", "wave"), views=views,
                     loading=Loading(batch_size=1, workers=2))
try:
    for epoch in itertools.count():
        for batch in loader.epoch(epoch):
            print("batch", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_the_workers_without_a_word(clips, tmp_path):
    clips.write(tmp_path / "clips.csv")
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, tmp_path / "clips.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        # the second batch comes from the second worker: after it both have started
        assert [process.stdout.readline() for _ in range(2)] == ["batch\n"] * 2
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert output.splitlines()[-1] == "interrupted"
    assert errors == ""
    assert process.returncode == 0
