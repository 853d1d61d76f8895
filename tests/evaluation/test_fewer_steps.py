"""One run of ARC, evaluated and recognising in fewer recursive steps than it learned."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import recircle
from recircle.arc import ArcConfig, ArcLayer, set_steps
from recircle.cli.main import main
from recircle.engines.files import file_for
from recircle.errors import UserError
from recircle.evaluation.provenance import differing
from recircle.export import export_run
from recircle.export.facts import Facts
from recircle.export.formats import FORMATS
from recircle.inference.recognizer import Recognizer
from recircle.models.checkpoints import load_weights
from recircle.models.registry import ModelConfig
from recircle.run import Run
from tests.arc.variants import randomise
from tests.small_run import SPEC, write_clips, write_run

ARC = replace(SPEC, model=ModelConfig(name="arc_tsm_resnet18", width=8, arc=ArcConfig.temporal(steps=4)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("fewer")
    made = write_run(folder / "run", ARC)
    network = made.load_model()
    for layer in network.modules():
        if isinstance(layer, ArcLayer) and layer.attention is not None:
            with torch.no_grad():
                layer.attention.normal_(0, 0.3)
    made.save_model(network, ARC)
    write_clips(folder / "clips")
    return made


def test_the_evaluation_is_that_of_the_network_in_so_many_steps(run: Run) -> None:
    data = run.path.parent / "clips"
    whole = recircle.evaluate(run, data, split="val", workers=0)
    two = recircle.evaluate(run, data, split="val", workers=0, steps=2)
    assert two.path.name == whole.path.name.replace(".npz", "-n2.npz")
    assert (two.predictions.logits != whole.predictions.logits).any()
    assert two.predictions.provenance.steps == 2
    assert "ARC in 2 steps" in two.predictions.provenance.protocol_words
    assert differing(two.predictions.provenance, whole.predictions.provenance) == ("recursive steps",)
    assert recircle.evaluate(run, data, split="val", workers=0, steps=4).predictions.provenance.steps is None
    # the same run is compared with itself as it is
    compared = recircle.evaluate(run, data, split="val", workers=0, steps=2, against=run.path)
    assert compared.against == whole.path
    with pytest.raises(UserError, match="cannot be compared with itself"):
        recircle.evaluate(run, data, split="val", workers=0, against=run.path)
    # a recogniser says of each clip what the evaluation says
    with Recognizer.load(run.path, steps=2) as recognizer:
        for path, scores in zip(two.predictions.paths, two.predictions.scores()):
            found = recognizer(data / path)
            assert found.protocol.endswith("ARC in 2 steps")
            best = two.predictions.classes[int(scores.argmax())]
            assert found.label == best


def test_steps_that_were_not_learned_are_one_sentence(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    clip = str(run.path.parent / "clips" / "lift" / "val")
    assert main(["predict", str(run.path), clip, "--steps", "8"]) == 2
    assert "steps=8: this layer has weights for 4 steps at most" in capsys.readouterr().err
    with pytest.raises(UserError, match="steps=0 must be 1 or more"):
        recircle.evaluate(run, run.path.parent / "clips", steps=0)
    assert main(["predict", str(run.path), clip, "--steps", "2", "--json"]) == 0
    assert "ARC in 2 steps" in capsys.readouterr().out


def test_a_file_may_be_exported_in_so_many_steps_and_engines_find_it(run: Run) -> None:
    # which is compared with the network in as many steps before it is put in its place
    exported = export_run(run.path, "onnx", steps=2)
    assert exported.path.name == "model.n2.onnx"
    facts = Facts.read(FORMATS["onnx"].read_texts(exported.path), "the file")
    assert facts is not None
    assert facts.steps == 2
    size = ARC.preprocessing.crop_size
    found = file_for("onnxruntime", run, run.load_model(steps=2), ARC, size=size, precision="fp32")
    assert found.path == exported.path
    # as many as were learned are those of the usual file
    assert export_run(run.path, "onnx", steps=4).path.name == "model.onnx"
    with pytest.raises(UserError, match="steps=8: this layer has weights for 4 steps at most"):
        export_run(run.path, "onnx", steps=8)


def test_a_run_has_the_statistics_of_each_number_that_it_learned(run: Run, tmp_path: Path) -> None:
    spec = replace(ARC, drawn_steps=(2, 4))
    made = write_run(tmp_path / "run", spec)
    network = made.load_model()
    set_steps(network, 2)
    mean = network.get_buffer("bn1.running_mean")
    mean.fill_(7)
    # whatever number it is saved with
    made.save_model(network, spec)
    assert set(made.load_model(steps=2).get_buffer("bn1.running_mean").tolist()) == {7}
    assert set(made.load_model().get_buffer("bn1.running_mean").tolist()) == {0}
    with pytest.raises(UserError, match=r"steps=1: this network learned with 2, 4 and has statistics for these alone"):
        made.load_model(steps=1)
    # another training may begin from it
    made.save_model(made.load_model(), spec)
    plain = ARC.model.build(3)
    load_weights(plain, made.weights_path)
    assert set(plain.get_buffer("bn1.running_mean").tolist()) == {0}


def test_a_network_without_arc_has_no_steps(tmp_path: Path) -> None:
    plain = write_run(tmp_path / "run")
    with pytest.raises(UserError, match="has no ARC layers whose steps could be set"):
        plain.load_model(steps=2)


def test_the_network_in_memory_tells_its_steps() -> None:
    network = ARC.model.build(3)
    randomise(network)
    set_steps(network, 2)
    recognizer = Recognizer(network, SPEC.labels, sampling=SPEC.sampling, preprocessing=SPEC.preprocessing)
    assert "ARC in 2 steps" in repr(recognizer)
    recognizer.close()
