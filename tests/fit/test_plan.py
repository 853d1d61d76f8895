"""Settings follow from the clips and from the pace of the machine, and end in time."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recircle.cores import cores
from recircle.errors import UserError
from recircle.fit.plan import choose, suit_clips, views_of
from recircle.fit.sizes import SIDES, aspect, of_size, sides
from recircle.fit.step_time import Measured, Pace
from recircle.manifest.manifest import Clip, Manifest
from recircle.recipes.registry import get_recipe
from recircle.training.data import TrainingData
from recircle.views.preprocessing import Preprocessing

RECIPE = get_recipe("finetune")(Path("clips.csv"))
PLAIN = Preprocessing()


def data_of(counts: dict[str, int], *, val: int = 12, width: int = 640, height: int = 360) -> TrainingData:
    def clips(split: str, number: dict[str, int]) -> Manifest:
        rows = (
            Clip(path=f"{split}/{label}{n}", label=label, frames=9, width=width, height=height)
            for label, count in number.items()
            for n in range(count)
        )
        return Manifest(tuple(rows), Path())

    return TrainingData(tuple(counts), {}, clips("train", counts), clips("val", {next(iter(counts)): val}))


@given(
    clips=st.integers(8, 3000),
    per_clip=st.floats(0.001, 3),
    fixed=st.floats(0, 0.5),
    start=st.floats(0, 5),
    minutes=st.floats(1, 600),
)
def test_a_plan_ends_in_time(clips: int, per_clip: float, fixed: float, start: float, minutes: float) -> None:
    data = data_of({"a": clips // 2, "b": clips - clips // 2})
    config = suit_clips(RECIPE, data, ())
    views = views_of(data, PLAIN)
    pace = Pace(fixed, per_clip / 224**2, start)
    try:
        plan = choose(config, data, views, pace, seconds=60 * minutes, given=())
    except UserError:
        least = clips // config.batch_size * config.batch_size * pace.clip(views[0]) + pace.evaluation(views[0], 12)
        assert 3 * least > 0.8 * (60 * minutes - 20 - pace.evaluation(views[0], 12)) - 3, "three epochs do not fit"
        return
    view = plan.config.data.preprocessing
    assert view is not None
    trained = clips // config.batch_size * config.batch_size * pace.clip(view)
    evaluation = pace.evaluation(view, 12)
    assert plan.config.epochs * (trained + evaluation) + evaluation <= 60 * minutes
    assert plan.config.minutes is not None
    assert 60 * plan.config.minutes <= 60 * minutes
    assert 3 <= plan.config.epochs <= 60
    if plan.config.epochs < 15:
        assert view == views[0], "frames are made smaller before epochs are left out"


def test_more_time_gives_larger_frames_then_more_epochs() -> None:
    data = data_of({"a": 24, "b": 24})
    views, pace = views_of(data, PLAIN), Pace(0.02, 0.3 / 112**2, 1.0)
    plans = [choose(RECIPE, data, views, pace, seconds=60 * m, given=()) for m in (3, 5, 10, 20, 40, 300)]
    places = [views.index(plan.config.data.preprocessing) for plan in plans if plan.config.data.preprocessing]
    assert places == sorted(places)
    assert places[0] < places[-1] == len(views) - 1
    assert plans[-1].config.epochs == 60
    assert any("epochs would be better" in reason for reason in plans[0].reasons)


def test_the_time_to_see_clips_first_is_left_out_of_the_epochs() -> None:
    data = data_of({"a": 24, "b": 24})
    views = views_of(data, PLAIN)
    paces = [Pace(0.02, 0.3 / 112**2, 1.0, first) for first in (0.0, 2.0)]
    anew, kept = (choose(RECIPE, data, views[:1], pace, seconds=400, given=()).config.epochs for pace in paces)
    assert kept < anew
    # 48 clips and 12 to evaluate on, two seconds each
    fewer = choose(RECIPE, data, views[:1], paces[0], seconds=400 - 120, given=()).config.epochs
    assert kept == fewer


def test_what_the_user_gave_stays() -> None:
    data = data_of({"a": 100, "b": 20})
    given = {"--batch-size", "--class-weights", "--epochs"}
    config = suit_clips(RECIPE, data, given)
    assert config == RECIPE
    plan = choose(config, data, [PLAIN], Pace(0.1, 0.0, 0.0), seconds=1e6, given=given)
    assert (plan.config.epochs, plan.config.data.preprocessing) == (RECIPE.epochs, PLAIN)


def test_classes_and_clips_decide_weights_and_batches() -> None:
    assert suit_clips(RECIPE, data_of({"a": 20, "b": 30}), ()) == RECIPE
    assert suit_clips(RECIPE, data_of({"a": 10, "b": 30}), ()).class_weights == "balanced"
    assert suit_clips(RECIPE, data_of({"a": 500, "b": 400}), ()).batch_size == 16
    assert suit_clips(RECIPE, data_of({"a": 3, "b": 2}), ()).batch_size == 2


def test_too_little_time_is_told_with_the_minutes_that_are_missing() -> None:
    data = data_of({"a": 5000, "b": 5000})
    with pytest.raises(UserError, match=r"an epoch of the 10000 clips takes about \d+ s here .* add \d+ to --minutes"):
        choose(RECIPE, data, views_of(data, PLAIN), Pace(0.5, 0.0, 1.0), seconds=600, given=())


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(640, 360)] * 9, 16 / 9),
        ([(360, 640)] * 9, 9 / 16),
        ([(428, 312)] * 5 + [(600, 330)] * 4, 428 / 312),
        ([(640, 360)] * 5 + [(360, 640)] * 5, 1.0),
        ([(3000, 300)] * 5, 2.0),
        ([], 1.0),
    ],
)
def test_whole_frames_are_seen_where_clips_have_one_shape(shapes: list[tuple[int, int]], expected: float) -> None:
    clips = [Clip(path=f"{n}", width=width, height=height) for n, (width, height) in enumerate(shapes)]
    assert aspect(clips) == pytest.approx(expected)


@given(side=st.sampled_from(SIDES), shape=st.floats(0.5, 2))
def test_a_view_has_the_pixels_and_the_shape_asked_for(side: int, shape: float) -> None:
    view = of_size(PLAIN, side, shape)
    height, width = view.crop_size
    assert height * width == pytest.approx(side * side, rel=0.12)
    assert width / height == pytest.approx(shape, rel=0.12)
    assert math.isclose(view.mean[0], PLAIN.mean[0])


def test_small_clips_are_not_blown_up() -> None:
    assert sides([Clip(path="a", width=112, height=112)])[-1] == 112
    assert sides([Clip(path="a", width=20, height=20)]) == [64]
    assert sides([]) == list(SIDES)


def test_the_pace_of_two_sizes_is_that_of_all() -> None:
    pace = Pace.through([Measured(100, 0.3, 1.0), Measured(400, 0.6, 2.0)])
    assert (pace.fixed, pace.of_pixel, pace.start) == pytest.approx((0.2, 0.001, 2.0))
    for noisy in ([Measured(100, 0.3, 1.0)], [Measured(100, 0.9, 1.0), Measured(400, 0.4, 0.0)]):
        assert Pace.through(noisy).fixed == 0
        assert Pace.through(noisy).of_pixel > 0


def test_no_recipe_has_more_processes_than_cores() -> None:
    for name in ("finetune", "tsm_resnet18", "something_v1_tsm_resnet18_8f"):
        assert get_recipe(name)(Path("clips.csv")).data.workers <= cores()
