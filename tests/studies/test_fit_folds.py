"""The study of `fit`: its commands, and what it does where one fails."""

from pathlib import Path

import pytest

from recircle import UserError
from studies import fit_folds
from studies.trial import Trial


@pytest.fixture
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    monkeypatch.setattr(fit_folds, "manifest", lambda *_: tmp_path / "manifest.csv")
    return fit_folds.trials(Path())


def test_both_have_the_same_clips_and_the_same_minutes(trials: list[Trial], tmp_path: Path) -> None:
    assert len(trials) == 2 * 20
    ours, theirs = (" ".join(fit_folds.command(trial, tmp_path / "run")) for trial in trials[2:4])
    assert ours.startswith(f"fit {tmp_path / 'manifest.csv'} ")
    assert theirs.startswith("train something_v1_arc_tsm_resnet18_8f ")
    for words in (ours, theirs):
        assert "--data.groups set2/* --data.test-groups set2/11 --minutes 2 --output" in words


def test_a_command_that_fails_leaves_its_words(trials: list[Trial], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"fit-set1-01-seed-0\.log has its words"):
        fit_folds.work(trials[0], tmp_path / "runs", "abc")
    assert "manifest.csv" in (tmp_path / "runs" / "fit-set1-01-seed-0.log").read_text()
