"""Frame indices: the published rules, and what must hold for clips of every length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recircle.data.sampling import Sampling

counts = st.integers(1, 2000)
lengths = st.integers(1, 40)


@given(counts, lengths, st.sampled_from(["segments", "dense"]), st.integers(1, 20), st.integers(0, 10))
def test_training_indices_lie_in_the_clip(count, frames, mode, stride, seed):
    indices = Sampling(frames=frames, mode=mode, stride=stride).train(count, np.random.default_rng(seed))
    assert indices.shape == (frames,)
    assert indices.dtype == np.int64
    assert indices.min() >= 0
    assert indices.max() < count
    if mode == "segments":
        assert np.all(np.diff(indices) >= 0)


@given(counts, lengths, st.sampled_from(["segments", "dense"]), st.integers(1, 20), st.integers(1, 12))
def test_test_indices_lie_in_the_clip(count, frames, mode, stride, clips):
    indices = Sampling(frames=frames, mode=mode, stride=stride).test(count, clips)
    assert indices.shape == (clips, frames)
    assert indices.dtype == np.int64
    assert indices.min() >= 0
    assert indices.max() < count
    if mode == "segments":
        assert np.all(np.diff(indices, axis=1) >= 0)
        assert np.all(np.diff(indices, axis=0) >= 0) or clips == 1


@given(counts, lengths)
def test_one_clip_takes_the_middle_of_each_segment(count, frames):
    tick = count / float(frames)
    expected = [int(tick / 2.0 + tick * k) for k in range(frames)]
    assert Sampling(frames=frames).test(count, 1)[0].tolist() == expected


@given(counts, lengths)
def test_two_clips_start_at_the_segment_and_half_a_segment_later(count, frames):
    tick = count / float(frames)
    first, second = Sampling(frames=frames).test(count, 2).tolist()
    assert first == [int(tick * k) for k in range(frames)]
    assert second == [int(tick / 2.0 + tick * k) for k in range(frames)]


@given(st.integers(1, 500), st.integers(1, 16), st.integers(0, 100))
def test_training_draws_each_frame_in_its_own_segment(count, frames, seed):
    indices = Sampling(frames=frames).train(count, np.random.default_rng(seed))
    average = count // frames
    if average:
        assert np.array_equal(indices // average, np.arange(frames))
    else:
        assert np.all(indices >= np.arange(frames) * count // frames)
        assert np.all(indices <= np.arange(1, frames + 1) * count // frames)


def test_training_reaches_every_frame_of_every_segment():
    sampling = Sampling(frames=4)
    rng = np.random.default_rng(0)
    drawn = np.stack([sampling.train(22, rng) for _ in range(300)])
    assert [sorted(set(column)) for column in drawn.T.tolist()] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9],
        [10, 11, 12, 13, 14],
        [15, 16, 17, 18, 19],
    ]


def test_a_short_clip_shows_all_its_frames_in_order():
    assert Sampling(frames=8).test(4, 1)[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    drawn = Sampling(frames=8).train(4, np.random.default_rng(0))
    assert drawn.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_dense_test_clips_are_those_of_tsm_on_kinetics():
    sampling = Sampling(frames=8, mode="dense", stride=8)
    count = 300
    starts = np.linspace(0, max(1, 1 + count - 64) - 1, num=10, dtype=int)
    expected = [[(k * 8 + start) % count for k in range(8)] for start in starts]
    assert sampling.test(count, 10).tolist() == expected


def test_a_dense_window_longer_than_the_clip_goes_round():
    sampling = Sampling(frames=4, mode="dense", stride=3)
    assert sampling.train(5, np.random.default_rng(0)).tolist() == [0, 3, 1, 4]
    assert sampling.test(5, 2).tolist() == [[0, 3, 1, 4]] * 2


def test_dense_training_draws_every_start_and_one_test_clip_the_middle():
    sampling = Sampling(frames=4, mode="dense", stride=2)
    rng = np.random.default_rng(0)
    assert {int(sampling.train(11, rng)[0]) for _ in range(100)} == {0, 1, 2, 3}
    assert sampling.test(11, 1)[0].tolist() == [1, 3, 5, 7]


def test_the_same_generator_draws_the_same_frames():
    sampling = Sampling(frames=8)
    first, second = (sampling.train(100, np.random.default_rng((1, 2, 3))) for _ in range(2))
    assert np.array_equal(first, second)


@given(counts, st.integers(1, 16), st.integers(2, 5), st.integers(0, 10))
def test_snippets_are_consecutive_frames_in_order(count, positions, snippet, seed):
    sampling = Sampling(frames=positions * snippet, snippet=snippet)
    for indices in (sampling.train(count, np.random.default_rng(seed)), *sampling.test(count, 3)):
        assert indices.shape == (positions * snippet,)
        assert indices.min() >= 0
        assert indices.max() < count
        snippets = indices.reshape(positions, snippet)
        assert np.all(np.diff(snippets[:, 0]) >= 0)
        if count >= snippet:
            assert np.all(np.diff(snippets, axis=1) == 1)
        else:
            assert np.all(snippets[:, -1] == count - 1)


@given(counts, st.integers(1, 16), st.integers(2, 5), st.integers(0, 100))
def test_snippets_start_where_the_code_of_abm_starts_them(count, positions, snippet, seed):
    sampling = Sampling(frames=positions * snippet, snippet=snippet)
    room = count - snippet + 1
    if room < positions:
        return
    tick = room / float(positions)
    starts = sampling.test(count, 1)[0, ::snippet].tolist()
    assert starts == [int(tick / 2.0 + tick * k) for k in range(positions)]
    drawn = sampling.train(count, np.random.default_rng(seed))[::snippet]
    offsets = drawn - np.multiply(range(positions), tick).round()
    assert offsets.min() >= 0
    assert offsets.max() < int(tick)
    assert np.array_equal(offsets, np.random.default_rng(seed).integers(int(tick), size=positions))


def test_snippets_of_one_frame_are_frames():
    for count in (3, 8, 100):
        plain, single = Sampling(frames=8), Sampling(frames=8, snippet=1)
        assert np.array_equal(plain.test(count, 2), single.test(count, 2))
        first, second = (rule.train(count, np.random.default_rng(0)) for rule in (plain, single))
        assert np.array_equal(first, second)


def test_snippets_of_short_clips_repeat():
    sampling = Sampling(frames=12, snippet=3)
    assert sampling.test(5, 1)[0].tolist() == [0, 1, 2, 1, 2, 3, 1, 2, 3, 2, 3, 4]
    assert sampling.test(2, 1)[0].tolist() == [0, 1, 1] * 4
    assert sampling.train(2, np.random.default_rng(0)).tolist() == [0, 1, 1] * 4


@pytest.mark.parametrize(
    ("sampling", "text"),
    [
        (Sampling(frames=1), "1 frame"),
        (Sampling(frames=8), "8 frames"),
        (Sampling(frames=8, mode="dense", stride=4), "8 frames 4 apart"),
        (Sampling(frames=24, snippet=3), "8x3 frames"),
    ],
)
def test_in_words(sampling, text):
    assert str(sampling) == text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"frames": 0}, "frames=0"),
        ({"mode": "sparse"}, "mode='sparse'"),
        ({"stride": 0}, "stride=0"),
        ({"snippet": 0}, "snippet=0"),
        ({"frames": 8, "snippet": 3}, r"snippet=3: frames=8 .* 8 snippets of 3 are frames=24, snippet=3"),
        ({"frames": 9, "snippet": 3, "mode": "dense"}, "snippet=3: snippets are of mode='segments'"),
    ],
)
def test_wrong_fields_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**fields)


def test_no_frames_and_no_clips_are_refused():
    with pytest.raises(ValueError, match="count=0"):
        Sampling().train(0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="clips=0"):
        Sampling().test(5, 0)
