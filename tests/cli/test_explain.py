"""`recircle explain`: what it prints, and where it stops."""

from pathlib import Path

import pytest

from recircle.cli.main import main
from recircle.inference.recognizer import Recognizer
from recircle.run import Run
from tests.explain.test_explain import write_arc_run
from tests.small_run import write_frames, write_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frames(tmp_path_factory.mktemp("clips") / "lift" / "clip [1]", 6, seed=1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "plain")


def test_it_says_what_it_found_and_where_the_pictures_are(
    plain: Run, clip: Path, tmp_path: Path, capsys: Capture
) -> None:
    arc = write_arc_run(tmp_path / "arc [1]")
    options = [
        "--against",
        str(plain.path),
        "--layers",
        "layer3.1.*",
        "layer4.1.conv2",
        "--output",
        str(tmp_path / "p"),
    ]
    assert main(["explain", str(arc.path), str(clip), *options]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == f"{clip}: in truth 'lift'"
    for run, line in zip((arc, plain), lines[1:3]):
        name = f"{run.path.name} ({run.load_spec().model.name})"
        assert line.startswith(f"{name} predicts {Recognizer.load(run.path)(clip).label!r} (")
    assert lines[3].startswith("states of 16 ARC layers moved by ")
    assert lines[4].startswith("farthest in layer")
    assert [what in line for what, line in zip(("excited", "suppressed"), lines[5:7])] == [True, True]
    files = [Path(line) for line in lines[7:]]
    layers = ["layer3.1.conv1", "layer3.1.conv2", "layer4.1.conv2"]
    states = [f"states_{layer}{suffix}" for layer in layers for suffix in (".png", ".mp4")]
    expected = ["activation.png", "activation.webp", *states]
    assert files == [tmp_path / "p" / name for name in expected]
    assert all(path.stat().st_size > 1000 for path in files)
    assert printed.err == ""


def test_a_plain_network_has_maps_and_no_states(plain: Run, clip: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["explain", str(plain.path), str(clip), "--class", "lift", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "plain has no ARC layer whose state evolves, so that no states are drawn" in printed.err
    assert printed.out.splitlines()[-1] == str(tmp_path / "activation.webp")
    assert "states" not in printed.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--class", "lifts"], "has no class 'lifts'; did you mean 'lift'?"),
        (["--layers", "layer1.0.conv1"], "has no ARC layer whose state evolves"),
        (["--against", "gone"], "gone is not a run's folder"),
        (["--device", "abacus"], "device 'abacus' cannot be used here"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    options: list[str], words: str, plain: Run, clip: Path, capsys: Capture
) -> None:
    assert main(["explain", str(plain.path), str(clip), *options]) == 2
    assert words in capsys.readouterr().err


def test_a_clip_that_is_not_there_is_one_sentence(plain: Run, tmp_path: Path, capsys: Capture) -> None:
    assert main(["explain", str(plain.path), str(tmp_path / "gone.mp4")]) == 2
    assert "gone.mp4: file not found" in capsys.readouterr().err
