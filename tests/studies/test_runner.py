"""A whole small study: from the command to the result file, the page and the picture."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.errors import UserError
from recircle.loading.config import DataConfig
from recircle.locks import locked
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from studies import command, runner
from studies.command import Study
from studies.datasets import manifest
from studies.pages import block, table
from studies.results import Results
from studies.summary import summarise
from studies.tabletop import VALIDATION_ACTORS, config
from studies.trial import Trial, current_commit, run_trial
from tests.small_run import write_clips
from tests.studies.records import quick

PAGE = "<!-- results -->\n<!-- /results -->\n"


def trials(data: Path) -> list[Trial]:
    base = TrainConfig(
        model=ModelConfig(name="tsm_resnet18", width=8),
        data=DataConfig(
            manifest=data / "manifest.csv",
            sampling=Sampling(frames=2),
            preprocessing=Preprocessing(resize=36, crop=32),
            workers=0,
            cache=data / "cache",
        ),
        output=Path(),
        epochs=2,
        batch_size=3,
    )
    arc = replace(base, model=ModelConfig(name="arc_tsm_resnet18", width=8))
    return [Trial(system=name, seed=seed, config=c) for seed in range(2) for name, c in (("TSM", base), ("ARC", arc))]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.md").write_text(PAGE)
    write_clips(tmp_path / "data")
    return Study(
        name="small",
        about="Small.",
        trials=trials,
        blocks=lambda results: {"results": table(summarise(results.records))},
        draw=lambda results, folder: None,
        needs_data=True,
    )


def test_a_dial_is_tested_with_each_number_of_steps(tmp_path: Path) -> None:
    write_clips(tmp_path / "data")
    arc = trials(tmp_path / "data")[1]
    path = tmp_path / "results.json"
    trial = replace(arc, steps=(1, 4), config=replace(arc.config, drawn_steps=(1, 2, 4)))
    record = run_trial(trial, tmp_path / "runs", "abc")
    assert set(record.right_with) == {1, 4}
    # the layers learned four steps, so this is the network as it is
    assert record.right_with[4] == record.right
    Results(study="small", command="", records=(record,)).write(path)
    assert Results.read(path).records == (record,)


def test_a_trial_is_trained_tested_and_noted(tmp_path: Path) -> None:
    write_clips(tmp_path / "data")
    trial = trials(tmp_path / "data")[1]
    record = run_trial(trial, tmp_path / "runs", "abc")
    assert record.key == trial.key == ("ARC", 0, "")
    assert len(record.right) == 3
    assert record.top1 == pytest.approx(record.right.count("1") / 3)
    assert record.inside is not None
    assert (record.clips_seen, record.commit) == (6, "abc")
    assert record.settings["model"]["name"] == "arc_tsm_resnet18"
    assert record.seconds > 0
    folder = Run(tmp_path / "runs" / trial.folder)
    log = folder.metrics_path.read_text()
    assert (folder.path / "model.safetensors").is_file()
    assert not folder.checkpoints_path.exists()
    # a finished run is tested again and not trained again
    assert run_trial(trial, tmp_path / "runs", "abc").right == record.right
    assert folder.metrics_path.read_text() == log


def test_a_study_goes_on_where_it_ended(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = replace(study, work=quick)
    arguments = ["--data", "data", "--jobs", "1"]
    study.run([*arguments, "--only", "TSM*"])
    assert [record.key for record in Results.read(study.path).records] == [("TSM", 0, ""), ("TSM", 1, "")]
    assert block(tmp_path / "small.md", "results").count("\n") == 2
    study.run([*arguments, "--only", "ARC-seed-0"])
    names = [(record.system, record.seed) for record in Results.read(study.path).records]
    assert names == [("TSM", 0), ("ARC", 0), ("TSM", 1)]
    with pytest.raises(UserError, match="--only nothing matches no trial, such as TSM-seed-0"):
        study.run([*arguments, "--only", "nothing"])
    study.run(arguments)
    results = Results.read(study.path)
    assert [record.key for record in results.records] == [trial.key for trial in trials(Path())]
    assert json.loads(study.path.read_text())["command"] == "python -m studies.small"
    assert "4/4" not in capsys.readouterr().err
    study.run(arguments)
    assert "4 of 4 trials are done" in capsys.readouterr().err
    (tmp_path / "small.md").write_text(PAGE)
    study.run(["--report-only"])
    assert block(tmp_path / "small.md", "results").count("\n") == 3
    (tmp_path / "small.md").unlink()
    study.run(["--report-only"])
    assert "| ARC | 2 |" in capsys.readouterr().out


def test_two_commands_do_not_complete_one_file_at_once(study: Study, tmp_path: Path) -> None:
    busy = pytest.raises(UserError, match="another process seems to complete")
    with locked(tmp_path / ".small.json.lock", "test"), busy:
        study.run(["--data", "data"])
    assert not study.path.exists()


def test_a_trial_that_fails_leaves_the_others(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, *_ = trials(tmp_path / "data")
    bad = replace(bad, config=replace(bad.config, data=replace(bad.config.data, manifest=tmp_path / "none.csv")))
    with pytest.raises(UserError, match="1 of 2 trials failed"):
        runner.run_trials(
            [bad, good],
            Results(study="small", command=""),
            tmp_path / "results.json",
            order=[good, bad],
            runs=tmp_path / "runs",
            jobs=1,
        )
    assert [record.key for record in Results.read(tmp_path / "results.json").records] == [good.key]
    assert "ARC-seed-0 failed: UserError" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [([], "--data is needed"), (["--data", "x", "--jobs", "0"], "jobs")])
def test_wrong_arguments(study: Study, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        study.run(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_a_data_set_is_indexed_once(tmp_path: Path) -> None:
    write_clips(tmp_path / "data")
    assert manifest(tmp_path / "data", "folders", tmp_path) == tmp_path / "data" / "manifest.csv"
    assert manifest(tmp_path / "data" / "manifest.csv", "folders", tmp_path) == tmp_path / "data" / "manifest.csv"
    with pytest.raises(UserError, match="neither a folder nor a manifest"):
        manifest(tmp_path / "none", "folders", tmp_path)


def test_settings_are_searched_without_the_test_clips(tmp_path: Path) -> None:
    people = ("anna", "dawit")
    found = config(tmp_path / "manifest.csv", "tsm_resnet18", width=8, groups=people, test_groups=VALIDATION_ACTORS)
    assert set(VALIDATION_ACTORS) & set(people)
    assert found.data.groups == people
    assert found.data.cache is not None
    assert current_commit()
