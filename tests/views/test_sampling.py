"""Frame indices: the published rules, and what must hold for clips of every length."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recircle.config import from_json, to_json
from recircle.decode.frame_times import FrameTimes
from recircle.errors import UserError
from recircle.loading.config import DataConfig
from recircle.views.sampling import Sampling

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
        (Sampling(frames=1), "1 frame by time"),
        (Sampling(frames=8), "8 frames by time"),
        (Sampling(frames=8, mode="dense", stride=4), "8 frames 4 apart by time"),
        (Sampling(frames=24, snippet=3), "8x3 frames by time"),
        (Sampling(frames=8, by="index"), "8 frames by index"),
        (Sampling(frames=8, mode="dense", fps=15.0), "8 frames 8 apart at 15 fps"),
        (Sampling(frames=8, fps=29.97), "8 frames at 29.97 fps"),
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
        ({"by": "pts"}, "by='pts' is not one of time, index"),
        ({"fps": 0.0}, "fps=0.0 is not a rate"),
        ({"fps": float("nan")}, "fps=nan is not a rate"),
        ({"fps": float("inf")}, "fps=inf is not a rate"),
        ({"fps": 1e6}, "fps=1000000.0 is not a rate"),
        ({"fps": 15.0, "by": "index"}, "leave out by='index'"),
        ({"frames": 9, "snippet": 3, "mode": "dense"}, "snippet=3: snippets are of mode='segments'"),
    ],
)
def test_wrong_fields_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**fields)


def test_no_frames_and_no_clips_are_refused():
    with pytest.raises(ValueError, match="frames=0"):
        Sampling().train(0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="clips=0"):
        Sampling().test(5, 0)


# by time


def published(sampling, count, clips, rng):
    """The rules as published, for clips of a constant rate: test views [clips, T] and a training view [T]."""
    snippet, positions = sampling.snippet, sampling.frames // sampling.snippet
    if sampling.mode == "dense":
        places = max(1, 1 + count - sampling.frames * sampling.stride)
        starts = [(places - 1) // 2] if clips == 1 else np.linspace(0, places - 1, num=clips, dtype=np.int64).tolist()
        window = sampling.stride * np.arange(sampling.frames)
        return [((start + window) % count).tolist() for start in starts], ((rng.integers(places) + window) % count)
    room = max(1, count - snippet + 1)
    tick = room / positions
    shifts = [tick / 2] if clips == 1 else [tick * m / clips for m in range(clips)]
    views = [[int(shift + tick * k) for k in range(positions)] for shift in shifts]
    average = room // positions
    if average == 0:
        drawn = [int(value) for value in (np.arange(positions) + rng.random(positions)) * room / positions]
    else:
        offsets = rng.integers(average, size=positions)
        firsts = [k * average if snippet == 1 else round(k * tick) for k in range(positions)]
        drawn = [first + int(offset) for first, offset in zip(firsts, offsets)]
    follow = [[[min(start + k, count - 1) for start in view for k in range(snippet)] for view in views]]
    return follow[0], np.array([min(start + k, count - 1) for start in drawn for k in range(snippet)])


samplings = st.one_of(
    st.builds(
        lambda positions, snippet, by: Sampling(frames=positions * snippet, snippet=snippet, by=by),
        st.integers(1, 32),
        st.integers(1, 5),
        st.sampled_from(["time", "index"]),
    ),
    st.builds(
        lambda frames, stride, by: Sampling(frames=frames, mode="dense", stride=stride, by=by),
        st.integers(1, 32),
        st.integers(1, 20),
        st.sampled_from(["time", "index"]),
    ),
)


@given(samplings, counts, st.integers(1, 12), st.integers(0, 1000))
def test_constant_rates_give_the_published_frames_and_draws(sampling, count, clips, seed):
    oracle = np.random.default_rng(seed)
    views, drawn = published(sampling, count, clips, oracle)
    for clip in (count, FrameTimes(count), FrameTimes(count, 24.0)):
        rng = np.random.default_rng(seed)
        assert sampling.test(clip, clips).tolist() == views
        assert sampling.train(clip, rng).tolist() == drawn.tolist()
        assert rng.bit_generator.state == oracle.bit_generator.state


@st.composite
def varying(draw):
    """Timelines of 24 + 8 frames that last 40 ms or so, then far longer; and their times in milliseconds."""
    lasting = draw(st.lists(st.integers(5, 80), min_size=24, max_size=24))
    lasting += draw(st.lists(st.integers(200, 900), min_size=8, max_size=8))
    ends = np.cumsum(lasting)
    frame_times = FrameTimes.from_times([0.0, *(ends[:-1] / 1000).tolist()], ends[-1] / 1000)
    assert not frame_times.constant
    return frame_times, [0, *ends.tolist()]


def shown(times, moment):
    """The last frame that begins at a moment (a Fraction of milliseconds) or before it."""
    return max(k for k, time in enumerate(times[:-1]) if time <= moment)


@given(varying(), st.integers(1, 40), st.integers(1, 5))
def test_segments_show_what_is_there_at_the_moments(clip, frames, clips):
    frame_times, times = clip
    views = Sampling(frames=frames).test(frame_times, clips)
    for m, view in enumerate(views):
        shift = Fraction(1, 2) if clips == 1 else Fraction(m, clips)
        assert view.tolist() == [shown(times, times[-1] * (k + shift) / frames) for k in range(frames)]
    by_index = Sampling(frames=frames, by="index")
    assert np.array_equal(by_index.test(frame_times, clips), by_index.test(32, clips))
    first, second = (by_index.train(one, np.random.default_rng(0)) for one in (frame_times, 32))
    assert np.array_equal(first, second)


@given(varying(), st.integers(1, 12), st.integers(0, 100))
def test_training_draws_moments_from_all_of_each_part(clip, frames, seed):
    frame_times, times = clip
    drawn = Sampling(frames=frames).train(frame_times, np.random.default_rng(seed)).tolist()
    for k, frame in enumerate(drawn):
        first, last = (shown(times, times[-1] * Fraction(part, frames)) for part in (k, k + 1))
        assert first <= frame <= last


def test_training_reaches_every_frame_of_a_varying_rate():
    frame_times = FrameTimes(8, 4.0, "20*4 480*4")
    for sampling in (Sampling(frames=4), Sampling(frames=2, mode="dense", stride=1)):
        rng = np.random.default_rng(0)
        assert {int(k) for _ in range(3000) for k in sampling.train(frame_times, rng)} == set(range(8))


@given(varying(), st.integers(1, 8), st.integers(1, 6), st.integers(1, 4))
def test_dense_strides_are_of_the_mean_interval(clip, frames, stride, clips):
    frame_times, times = clip
    rule = Sampling(frames=frames, mode="dense", stride=stride)
    places = rule.test(32, clips)
    expected = [[shown(times, Fraction(int(place) * times[-1], 32)) for place in view] for view in places]
    assert rule.test(frame_times, clips).tolist() == expected
    drawn = rule.train(frame_times, np.random.default_rng(0))
    assert drawn.min() >= 0
    assert drawn.max() < 32


@given(varying(), st.integers(1, 8), st.integers(2, 4))
def test_snippets_go_on_by_the_mean_interval(clip, positions, snippet):
    frame_times, times = clip
    view = Sampling(frames=positions * snippet, snippet=snippet).test(frame_times, 1)[0]
    starts = [Fraction((2 * k + 1) * (33 - snippet), 2 * positions) for k in range(positions)]
    moments = [(start + k) * times[-1] / 32 for start in starts for k in range(snippet)]
    assert view.tolist() == [shown(times, moment) for moment in moments]


@given(samplings, st.integers(1, 600), st.sampled_from([24.0, 25.0, 30000 / 1001, 60.0]), st.integers(1, 4))
def test_the_own_rate_changes_nothing(sampling, count, fps, clips):
    own = replace(sampling, by="time", fps=fps)
    # snippets and segments begin between two frames, where rounding of a sum may be to either
    positions = sampling.test(count, clips)
    assert np.abs(own.test(FrameTimes(count, fps), clips) - positions).max() <= 1
    if sampling.mode == "dense":
        assert np.array_equal(own.test(FrameTimes(count, fps), clips), positions)


@pytest.mark.parametrize("mode", ["segments", "dense"])
def test_a_rate_brings_clips_of_all_rates_to_one(mode):
    sampling = Sampling(frames=4, mode=mode, stride=3, fps=12.0)
    slow, fast = (FrameTimes(2 * int(fps), fps) for fps in (24.0, 60.0))
    mixed = FrameTimes.from_times([k / 24 for k in range(24)] + [1 + k / 60 for k in range(60)], 2.0)
    assert not mixed.constant
    moments = [sampling.test(clip, 3) / clip.fps for clip in (slow, fast)]
    assert np.abs(moments[0] - moments[1]).max() < 1 / 24
    assert np.abs(mixed.times[sampling.test(mixed, 3)] - moments[1]).max() < 1 / 24
    if mode == "dense":
        assert np.diff(moments[0]) == pytest.approx(3 / 12)
        assert np.diff(moments[1]) == pytest.approx(3 / 12)


def test_a_rate_needs_the_rate_of_the_clip():
    sampling = Sampling(fps=15.0)
    for clip in (24, FrameTimes(24)):
        with pytest.raises(UserError, match=r"15 fps .* fill in the column fps"):
            sampling.test(clip, 1)
        with pytest.raises(UserError, match="15 fps"):
            sampling.train(clip, np.random.default_rng(0))
    assert sampling.test(FrameTimes(1, 1000.0), 2).tolist() == [[0] * 8] * 2


@given(varying(), st.floats(0.01, 1000), st.integers(1, 16), st.integers(0, 9), st.sampled_from(["segments", "dense"]))
def test_any_rate_stays_in_the_clip(clip, fps, frames, seed, mode):
    for frame_times in (clip[0], FrameTimes(32, 25.0)):
        rule = Sampling(frames=frames, mode=mode, fps=fps)
        for indices in (rule.test(frame_times, 3), rule.train(frame_times, np.random.default_rng(seed))):
            assert indices.dtype == np.int64
            assert indices.min() >= 0
            assert indices.max() < 32


def test_files_of_earlier_versions_are_read_as_they_were_made():
    earlier = '{"frames": 16, "mode": "segments", "stride": 8, "snippet": 1}'
    assert from_json(Sampling, earlier) == Sampling(frames=16, by="index")
    whole = f'{{"manifest": "m.csv", "sampling": {earlier}}}'
    assert from_json(DataConfig, whole).sampling.by == "index"
    for sampling in (Sampling(), Sampling(fps=15.0), Sampling(by="index")):
        assert from_json(Sampling, to_json(sampling)) == sampling
