"""Files for ExecuTorch: they compute what the run does, say whose they are, and take whole clips."""

import sys
from dataclasses import replace

import pytest
import torch

from recircle import UserError
from recircle.cli.main import main
from recircle.export import edge_program, export_run
from recircle.run import Run
from tests.small_run import SPEC, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    spec = replace(SPEC, model=replace(SPEC.model, name="arc_tsm_resnet18"))
    return write_run(tmp_path_factory.mktemp("runs") / "run", spec)


def test_without_the_package_a_sentence_names_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "executorch", None)
    monkeypatch.delitem(sys.modules, "executorch.exir", raising=False)
    with pytest.raises(UserError, match=r'needs the package executorch.*pip install "recircle\[executorch\]"'):
        export_run(run.path, "executorch")
    assert not (run.path / "model.pte").exists()


# of what ExecuTorch and its own packages do
@pytest.mark.filterwarnings("ignore")
def test_it_computes_what_the_run_does_and_says_what_it_holds(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("executorch.exir", reason="the extra executorch is not installed")
    assert main(["export", str(run.path), "--format", "executorch"]) == 0
    assert "model.pte" in capsys.readouterr().out
    path = run.path / "model.pte"
    texts = edge_program.read_texts(path)
    assert texts["model.json"] == run.spec_path.read_text()
    assert '"clips": 1' in texts["export.json"]
    network, spec = edge_program.load(path), run.load_spec()
    shape = (1, spec.sampling.frames, 3, *spec.preprocessing.crop_size)
    one, other = (torch.randint(256, shape, dtype=torch.uint8) for _ in range(2))
    first = network(one)
    kept = first.clone()
    network(other)
    assert torch.equal(first, kept)
    model = run.load_model().eval()
    with torch.no_grad():
        torch.testing.assert_close(kept, model(spec.preprocessing.normalise(one)), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_frame_by_frame_is_for_other_formats(run: Run) -> None:
    pytest.importorskip("executorch.exir", reason="the extra executorch is not installed")
    with pytest.raises(UserError, match="the format executorch take whole clips"):
        export_run(run.path, "executorch", online=True)
    with pytest.raises(UserError, match="clips=0 must be 1 or more"):
        export_run(run.path, "executorch", clips=0)
