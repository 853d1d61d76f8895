"""Places outside of the data's and the run's folder are told, and a page does not show files that lie there."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.loading.config import DataConfig
from recircle.manifest.manifest import Clip, Manifest
from recircle.models.registry import ModelConfig
from recircle.run import Run
from recircle.training.config import TrainConfig
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from tests.small_run import write_clips, write_run

Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.filterwarnings("default:.*outside of its folder")


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Return a manifest, of which the clips of one class lie beside its folder."""
    inside = write_clips(tmp_path / "data")
    (tmp_path / "data" / "lift").rename(tmp_path / "elsewhere")

    def moved(clip: Clip) -> Clip:
        return replace(clip, path=clip.path.replace("lift", "../elsewhere"))

    return replace(inside, clips=tuple(map(moved, inside.clips))).write(tmp_path / "data" / "manifest.csv")


@pytest.fixture
def run(tmp_path: Path, manifest: Manifest) -> Run:
    run = write_run(tmp_path / "run")
    run.save_config(config(manifest.root / "manifest.csv", run.path))
    return run


def config(manifest: Path, output: Path) -> TrainConfig:
    return TrainConfig(
        model=ModelConfig(name="tsm_resnet18", width=8),
        data=DataConfig(
            manifest=manifest,
            sampling=Sampling(frames=2),
            preprocessing=Preprocessing(resize=36, crop=32),
            workers=0,
        ),
        output=output,
        epochs=1,
        batch_size=2,
    )


def words(capfd: Capture) -> str:
    return " ".join("".join(capfd.readouterr()).split())


def test_index_counts_them(manifest: Manifest, tmp_path: Path, capfd: Capture) -> None:
    lines = [f"{clip.path},{clip.label}" for clip in manifest.clips]
    (manifest.root / "list.csv").write_text("\n".join(["path,label", *lines]) + "\n")
    assert main(["index", str(manifest.root / "list.csv"), "--output", str(manifest.root / "again.csv")]) == 0
    assert f"clips outside of {manifest.root} 2" in words(capfd)
    assert main(["index", str(manifest.root)]) == 0
    assert "clips outside" not in words(capfd)


def test_eval_and_fewshot_tell_them_once(run: Run, manifest: Manifest, capfd: Capture) -> None:
    assert main(["eval", str(run.path), "--workers", "0"]) == 0
    text = words(capfd)
    assert text.count("1 of 3 clips lie outside of its folder, such as ../elsewhere/val") == 1
    few = ["fewshot", str(run.path), "--data", str(manifest.root), "--workers", "0", "--ways", "2", "--episodes", "9"]
    assert main(few) == 0
    assert words(capfd).count("2 of 6 clips lie outside of its folder") == 1


def test_train_tells_them_once_and_resume_tells_its_places(tmp_path: Path, manifest: Manifest, capfd: Capture) -> None:
    run = Run.create(tmp_path / "trained")
    settings = config(manifest.root / "manifest.csv", tmp_path / "not written")
    settings = replace(settings, data=replace(settings.data, cache=tmp_path / "kept"))
    run.save_config(settings)
    # a config that would write elsewhere, and take weights from there
    content = json.loads(run.config_path.read_text())
    content["model"]["pretrained"] = str(tmp_path / "weights.pth")
    run.config_path.write_text(json.dumps(content))
    assert main(["train", "--resume", str(run.path)]) == 2
    text = words(capfd)
    for place in (f"clips are read from {manifest.root / 'manifest.csv'}", f"frames are kept in {tmp_path / 'kept'}"):
        assert text.index(place) < text.index("error:")
    assert text.index(f"weights are read from {tmp_path / 'weights.pth'}") < text.index("error: ")
    assert not (tmp_path / "kept").exists()
    assert not (tmp_path / "not written").exists()
    run.save_config(settings)
    assert main(["train", "--resume", str(run.path), "--data.cache", str(tmp_path / "mine")]) == 0
    text = words(capfd)
    assert text.count("2 of 6 clips lie outside of its folder") == 1
    assert f"frames are kept in {tmp_path / 'mine'} (--data.cache)" in text
    assert not (tmp_path / "kept").exists()
    assert not (tmp_path / "not written").exists()


def test_a_page_shows_what_lies_outside_only_if_the_manifest_is_given(
    run: Run, manifest: Manifest, capfd: Capture
) -> None:
    """Who passes on a run may have named any file of the reader's; the page would pass its pictures on."""
    assert main(["eval", str(run.path), "--workers", "0", "--split", "all"]) == 0
    page = run.path / "report.html"

    def shown() -> tuple[int, int]:
        text = page.read_text(encoding="utf-8")
        return text.count("<img"), text.count("outside of its manifest")

    assert main(["report", str(run.path)]) == 0
    first = shown()
    assert main(["report", str(run.path), "--data", str(manifest.root)]) == 0
    assert shown() == (sum(first), 0)
    assert first[1] > 0
    capfd.readouterr()
