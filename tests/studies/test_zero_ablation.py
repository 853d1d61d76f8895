"""What is left of a trained network without parts of its ARC layers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from recircle.errors import UserError
from recircle.run import Run
from recircle.training.loop import train
from studies import zero_ablation
from studies.pages import block
from tests.small_run import write_clips
from tests.studies.test_runner import trials


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("zero_ablation")
    write_clips(folder / "data")
    return {
        trial.system: train(replace(trial.config, output=folder / trial.system, epochs=1), progress=False)
        for trial in trials(folder / "data")[:2]
    }


def test_each_matrix_is_set_to_zero_alone(runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    tested: list[dict[str, bool]] = []
    evaluate = zero_ablation.evaluate

    def watch(run: Run, **options: object) -> object:
        weights = load_file(run.weights_path)
        zero = {tail: not weights[f"layer1.0.conv1.{tail}"].any() for tail in zero_ablation.MATRICES.values()}
        tested.append(zero)
        return evaluate(run, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(zero_ablation, "evaluate", watch)
    before = load_file(runs["ARC"].weights_path)
    found = zero_ablation.zero_ablation(runs["ARC"])
    names = list(zero_ablation.MATRICES.values())
    assert tested == [{name: name in zero for name in names} for zero in ([], *([name] for name in names), names)]
    assert list(found.top1) == list(found.inside) == ["nothing", "W^e", "W^a", "W^f", "all"]
    assert (found.run, found.clips) == ("ARC", 3)
    assert all(norm > 0 for norm in found.norms.values())
    after = load_file(runs["ARC"].weights_path)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_network_without_arc_is_refused(runs: dict[str, Run]) -> None:
    with pytest.raises(UserError, match="has no ARC layer"):
        zero_ablation.zero_ablation(runs["TSM"])


def test_the_command(runs: dict[str, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, output = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text("<!-- zero_ablation -->\n<!-- /zero_ablation -->\n")
    zero_ablation.main([str(runs["ARC"].path), "--output", str(output), "--page", str(page)])
    printed = capsys.readouterr().out.strip()
    assert block(page, "zero_ablation") == printed
    assert printed.splitlines()[0].startswith("| run | as trained | without W^e |")
    assert json.loads(output.read_text())["runs"][0]["run"] == "ARC"
