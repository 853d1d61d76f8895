from dataclasses import asdict, replace
from pathlib import Path

import pytest

from recircle import ModelConfig, TrainConfig, UserError
from recircle.config import to_json
from recircle.models.checkpoints import arc_parameters
from studies import equal_time_ut_interaction, light_choice, miracl
from studies.contest import answer
from studies.equal_time import CONTEST
from studies.results import Results
from studies.step_time import Times, kept_times, measure
from studies.summary import Difference
from tests.small_run import write_clips
from tests.studies.records import record, times_for
from tests.studies.test_runner import trials as small_trials

TIMES = times_for(CONTEST)


def test_the_time_decides_about_epochs_and_about_the_wider_host() -> None:
    assert CONTEST.compared(TIMES) == [*CONTEST.networks, "TSM-R18, 24 channels"]
    slower = replace(TIMES, clip=TIMES.clip | {CONTEST.forms[0]: 0.029})
    assert CONTEST.compared(slower)[-2:] == ["TSM-R18, 24 channels", "TSM-R18, 28 channels"]
    planned = {trial.system: trial.config.epochs for trial in CONTEST.plan(Path(), TIMES)}
    assert [planned[CONTEST.named(name, 51)] for name in CONTEST.compared(TIMES)] == [51, 26, 26, 17, 26, 26]
    assert TIMES.epochs(CONTEST.whole, CONTEST.host, 1) == 1


def test_a_training_of_another_study_is_taken_only_with_the_same_settings(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    contest = replace(CONTEST, other=lambda: path)

    def taken(config: TrainConfig) -> set[str]:
        settings = {
            "model": asdict(config.model),
            "epochs": config.epochs,
            "batch_size": config.batch_size,
            "optimiser": asdict(config.optimiser),
        }
        known = replace(record("any", 2, fold="fixed"), settings=settings)
        Results(study="other", command="", records=(known,)).write(path)
        found = contest.elsewhere(contest.plan(Path(), TIMES))
        assert {one.seed for one in found} <= {2}
        return {one.system for one in found}

    assert contest.elsewhere(contest.plan(Path(), TIMES)) == []
    host = miracl.config(Path("m"), "tsm_resnet18", lr=miracl.LR, epochs=51)
    assert taken(host) == {contest.named(contest.host, 51)}
    assert taken(replace(host, epochs=50)) == {contest.named(contest.host, 51)}
    assert taken(replace(host, epochs=49)) == set()
    assert taken(replace(host, optimiser=replace(host.optimiser, lr=0.01))) == set()
    assert taken(replace(host, model=replace(host.model, width=32))) == set()
    whole = contest.networks[contest.whole](Path("m"), epochs=17)
    assert taken(whole) == {contest.named(contest.whole, 51)}
    assert taken(replace(whole, model=replace(whole.model, arc=None))) == {contest.named(contest.whole, 51)}


def test_minutes_are_those_of_the_measured_steps() -> None:
    trial = CONTEST.plan(Path(), TIMES)[1]
    one = replace(record(trial.system, trial.seed, fold=trial.fold), clips_seen=1600, seconds=1e6)
    contest = replace(CONTEST, other=lambda: Path("not there"))
    (found,) = contest.records(Results(study="", command="", records=(one, record("unknown"))), TIMES)
    assert found.seconds == pytest.approx(100 * 0.2)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.2, "win"),
        (-0.2, -0.01, "loss"),
        (-0.02, 0.03, "draw"),
        (-0.02, 0.04, "undecided"),
        (None, None, "undecided"),
    ],
)
def test_answers_are_those_that_the_page_states_in_advance(
    low: float | None, high: float | None, expected: str
) -> None:
    one = Difference(system="a", against="b", figure="top1", mean=0.0, low=low, high=high, pairs=3, p_value=None)
    assert answer(one) == expected


def test_what_is_missing_is_told() -> None:
    planned = CONTEST.plan(Path(), TIMES)
    records = [record(trial.system, trial.seed, fold=trial.fold) for trial in planned]
    assert CONTEST.missing(records, TIMES) == "All 90 trainings are there."
    text = CONTEST.missing(records[1:], TIMES)
    assert text == f"89 of 90 trainings are there. These are missing:\n\n* {planned[0].system}: seed 0"
    kept = [one for one in records if one.system != planned[0].system]
    assert CONTEST.missing(kept, TIMES).endswith(f"are missing:\n\n* {planned[0].system}: all 5")


def test_pictures_leave_out_the_mean_of_a_few_trainings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    contest = replace(CONTEST, other=lambda: Path("not there"))
    monkeypatch.setattr(Times, "read", lambda _: TIMES)
    main = contest.budgets[0]
    trials = [one for one in contest.plan(Path(), TIMES) if one.system.endswith(f"of {main} epochs")]
    few = {contest.named(contest.host, main): 5, contest.named(contest.whole, main): 2}
    records = [record(one.system, one.seed, fold=one.fold) for one in trials if one.seed < few.get(one.system, 3)]
    shown: list[str] = []
    monkeypatch.setattr("studies.contest.curves", lambda *_, **__: None)
    monkeypatch.setattr("studies.contest.scatter", lambda rows, *_, **__: shown.extend(row.system for row in rows))
    contest.draw(Results(study="", command="", records=tuple(records)), tmp_path)
    assert shown == [name for name in contest.compared(TIMES) if name != contest.whole]


@pytest.mark.slow
def test_steps_are_timed_and_kept(tmp_path: Path) -> None:
    write_clips(tmp_path / "data")
    plain, arc = (trial.config for trial in small_trials(tmp_path / "data")[:2])
    times = measure({"TSM": plain, "ARC": arc}, rounds=1)
    assert times.step.keys() == times.clip.keys() == {"TSM", "ARC"}
    assert all(0 < seconds < 60 for seconds in [*times.step.values(), *times.clip.values()])
    assert times.machine["threads"] == 1
    path = tmp_path / "times.json"
    path.write_text(to_json(times))
    assert kept_times(path, {"TSM": plain}) == Times.read(path) == times
    with pytest.raises(UserError, match=r"times.json has no times of other; move it"):
        kept_times(path, {"other": plain})
    path.write_text(to_json(replace(times, step={"TSM": 4.0}, clip={"TSM": 0.5})))
    more = kept_times(path, {"TSM": plain, "ARC": arc})
    assert more == Times.read(path)
    assert (more.step["TSM"], more.clip["TSM"], more.added) == (4.0, 0.5, ("ARC",))
    assert 0.5 < more.step["ARC"] / 4.0 < 50


def test_folds_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    contest = replace(equal_time_ut_interaction.CONTEST, other=lambda: Path("not there"))
    times = times_for(contest)
    monkeypatch.setattr(Times, "read", lambda _: times)
    planned = contest.plan(Path(), times)
    assert len(planned) == 2 * 20 * 4
    assert all(trial.config.data.test_groups == (trial.fold,) for trial in planned)
    assert contest.compared(times) == [contest.host, *contest.forms, contest.whole]
    records = [record(one.system, one.seed, fold=one.fold) for one in planned[1:]]
    assert contest.missing(records, times).endswith(f"* {planned[0].system}: seed 0 of set1/01")
    found = contest.blocks(Results(study="", command="", records=tuple(records)))
    assert found.keys() == {"uti_times", "uti_results", "uti_answers", "uti_missing"}


def test_candidates_of_the_light_layer_see_no_test_speaker() -> None:
    for speakers in light_choice.VALIDATION:
        assert set(speakers) <= set(miracl.TRAIN_SPEAKERS)
        assert not set(speakers) & set(miracl.TEST_SPEAKERS)
    assert all(one.arc is None or not one.arc.fusion or one.in_settings for one in light_choice.CANDIDATES.values())
    late = light_choice.CANDIDATES["T, n = 2, last two stages"]
    model = ModelConfig(name="arc_tsm_resnet18", width=8, arc=late.arc, options={"stages": late.stages}).build(3)
    assert {name.partition(".")[0] for name in arc_parameters(model)} == {"layer3", "layer4"}
