"""Each study: its trials can be built, and its tables and pictures made of whatever part of them is done."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from studies import (
    causality,
    causality_tabletop,
    contest,
    dial,
    equal_time,
    equal_time_tabletop,
    equal_time_ut_interaction,
    fit_folds,
    light_choice,
    miracl_settings,
    miracl_words,
    tabletop,
    tabletop_ablations,
    tabletop_hosts,
    tabletop_settings,
    tabletop_systems,
    ut_interaction,
)
from studies.command import Study
from studies.results import Results
from studies.step_time import Times
from studies.trial import Record, Trial
from tests.studies.records import record, times_for

MODULES = (
    causality,
    causality_tabletop,
    dial,
    equal_time,
    equal_time_tabletop,
    equal_time_ut_interaction,
    fit_folds,
    light_choice,
    miracl_settings,
    miracl_words,
    tabletop_ablations,
    tabletop_hosts,
    tabletop_settings,
    tabletop_systems,
    ut_interaction,
)


@pytest.fixture(params=MODULES, ids=lambda module: module.STUDY.name)
def study(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    study = request.param.STUDY
    monkeypatch.setattr(tabletop, "clips", lambda folder: tmp_path / "manifest.csv")
    monkeypatch.setattr(tabletop, "few_clips", lambda folder: tmp_path / "manifest.csv")
    monkeypatch.setattr(request.param, "manifest", lambda *_: tmp_path / "manifest.csv", raising=False)
    # the records of other studies, which some tables show too, change while they are made
    monkeypatch.setattr(tabletop_hosts, "STUDY", replace(tabletop_hosts.STUDY, name="not there"))
    monkeypatch.setattr(miracl_settings, "STUDY", replace(miracl_settings.STUDY, name="not there"))
    monkeypatch.setattr(miracl_words, "STUDY", replace(miracl_words.STUDY, name="not there"))
    if hasattr(request.param, "CONTEST"):
        times = times_for(request.param.CONTEST)
        monkeypatch.setattr(contest, "kept_times", lambda *_: times)
        monkeypatch.setattr(Times, "read", lambda _: times)
    if request.param is dial:
        clip = {dial.alone(steps): 0.004 * steps for steps in dial.STEPS}
        times = Times(step=clip, clip=clip, rounds=3, machine={"threads": 1}, commit="abc")
        monkeypatch.setattr(dial, "kept_times", lambda *_: times)
        monkeypatch.setattr(Times, "read", lambda _: times)
    return study


def done(trials: Iterable[Trial]) -> list[Record]:
    return [
        replace(
            record(trial.system, trial.seed, fold=trial.fold, right="1100" if place % 3 else "1110", inside=0.3),
            inside=0.3 + 0.01 * (place % 7),
            settings={"model": asdict(trial.config.model)},
            right_with=dict.fromkeys(trial.steps, "1010"),
        )
        for place, trial in enumerate(trials)
    ]


def test_trials_can_be_told_apart_and_trained(study: Study) -> None:
    trials = study.trials(Path())
    assert len({trial.key for trial in trials}) == len({trial.folder for trial in trials}) == len(trials)
    for config in {repr(trial.config.model): trial.config for trial in trials}.values():
        model = replace(config.model, pretrained=None).build(6)
        model.check_frames(config.data.sampling.frames)


def test_settings_of_one_study_differ_only_where_they_say(study: Study) -> None:
    trials = study.trials(Path())
    assert len({(t.config.batch_size, t.config.optimiser.weight_decay, t.config.schedule.kind) for t in trials}) == 1
    for trial in trials:
        # frames of full size are not kept
        assert (trial.config.data.cache is None) == trial.config.data.augmentation.one_resample


@pytest.mark.parametrize("part", [1, 2, 10_000])
def test_tables_and_pictures_of_any_part(study: Study, part: int, tmp_path: Path) -> None:
    records = tuple(done(study.trials(Path())[:part]))
    results = Results(study=study.name, command="", records=records)
    for text in study.blocks(results).values():
        assert "nan" not in text
    assert any(records[0].system in text for text in study.blocks(results).values())
    if study.draw is not None:
        study.draw(results, tmp_path)
        assert list(tmp_path.glob(f"{study.name}*.png"))
