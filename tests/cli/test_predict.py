"""`recircle predict`: a table, or one JSON object per line, and 1 where a file is broken."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from recircle.cli.main import main
from recircle.decode import pool as decoder_pool
from recircle.inference.recognizer import Recognizer
from recircle.layouts.index import index_folder
from recircle.run import Run
from tests.media import moving_frames, write_video
from tests.small_run import LABELS, write_frames, write_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("media")
    return [write_frames(folder / f"clip [{number}]", 6, seed=number) for number in range(2)]


def predict(run: Run, files: list[Path], *options: str) -> int:
    return main(["predict", str(run.path), *map(str, files), *options])


def test_json_is_what_the_recogniser_says(run: Run, clips: list[Path], capsys: Capture) -> None:
    assert predict(run, clips, "--json", "--top", "2", "--clips", "2") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rec = Recognizer.load(run.path, clips=2)
    assert lines == [{"path": str(clip), **rec(clip).to_dict(2)} for clip in clips]


def test_the_table_has_files_classes_and_the_protocol(run: Run, clips: list[Path], capsys: Capture) -> None:
    assert predict(run, clips) == 0
    printed = capsys.readouterr().out
    for clip in clips:
        assert str(clip) in printed
    for label in LABELS:
        assert printed.count(label) == 2
    assert "protocol: 4 frames by time x 1 clip x 1 crop of 32 px from 36 px, softmax mean" in printed


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_broken_file_is_reported_in_its_place_and_the_others_go_on(
    options: list[str], run: Run, clips: list[Path], tmp_path: Path, capsys: Capture
) -> None:
    torn = tmp_path / "torn.mp4"
    torn.write_text("no video")
    assert predict(run, [clips[0], torn, clips[1]], *options) == 1
    printed = capsys.readouterr()
    places = [printed.out.index(str(path)) for path in (clips[0], torn, clips[1])]
    assert places == sorted(places)
    if options:
        (line,) = [line for line in printed.out.splitlines() if "torn.mp4" in line]
        assert set(json.loads(line)) == {"path", "error"}
    else:
        assert "1 of 3 clips cannot be decoded" in printed.err


def test_a_file_that_kills_its_decoder_costs_itself_and_index_says_the_same(
    run: Run, clips: list[Path], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import recircle.decode.probe as p, recircle.decode.pyav as d, os, time; open_video = d.open_video\n"
        "def hostile(path):\n"
        "    if path.name == 'abort.mp4': os.abort()\n"
        "    if path.name == 'hang.mp4': time.sleep(1000)\n"
        "    if path.name == 'flood.mp4': bytearray(2**40)\n"
        "    return open_video(path)\n"
        "p.open_video = hostile; from recircle.decode.worker import main; main()"
    )
    monkeypatch.setattr(decoder_pool, "COMMAND", (*decoder_pool.COMMAND[:-1], code))
    names = ["abort.mp4", "flood.mp4", "good.mp4", "hang.mp4"]
    files = [write_video(tmp_path / name, moving_frames(5, 48, 64)) for name in names]
    assert predict(run, [*files, clips[0]], "--json", "--seconds", "3") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in line for line in lines] == [True, True, False, True, False]
    found = index_folder(tmp_path, seconds=3)
    assert [clip.fault for clip in found.clips] == [line.get("error", "") for line in lines[:4]]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_ctrl_c_ends_a_prediction_at_once_and_without_a_trace(run: Run, clips: list[Path], tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "stalled", 3, seed=0)
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from recircle.decode import decoder_process, pool\n"
        "stalls = 'import time, recircle.decode.worker as w\\n"
        "w.read_whole_file = lambda path: time.sleep(1000)\\n"
        "w.main()'\n"
        "pool.COMMAND = (*pool.COMMAND[:-1], stalls)\n"
        "process = decoder_process.DecoderProcess\n"
        "ask = process.ask\n"
        "process.ask = lambda *a: (ask(*a), print('asked', file=sys.stderr, flush=True))\n"
        "from recircle.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "predict", str(run.path), str(frames), str(clips[0]), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.replace("asked\n", "") == "error: interrupted\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seconds", "0"], "--seconds 0 must be above 0"),
        (["--top", "0"], "--top 0 must be 1 or more"),
        (["--clips", "0"], "--clips 0 must be 1 or more"),
        (["--workers", "0"], "--workers 0 must be 1 or more"),
        (["--device", "abacus"], "device 'abacus' cannot be used here"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    options: list[str], words: str, run: Run, clips: list[Path], capsys: Capture
) -> None:
    assert predict(run, clips, *options) == 2
    assert words in capsys.readouterr().err


def test_no_file_or_no_run_is_one_sentence(run: Run, clips: list[Path], tmp_path: Path, capsys: Capture) -> None:
    assert predict(run, []) == 2
    assert "give at least one video file" in capsys.readouterr().err
    assert predict(Run(tmp_path), clips) == 2
    assert "holds no trained model" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*single images lie among videos")
def test_a_folder_of_clips_is_each_of_them_and_one_with_a_pipe_is_told(
    run: Run, clips: list[Path], tmp_path: Path, capsys: Capture
) -> None:
    videos, pipe = tmp_path / "videos", write_frames(tmp_path / "pipe", 4, seed=1)
    write_video(videos / "b" / "2.mp4", moving_frames(4))
    write_video(videos / "b" / "10.mp4", moving_frames(4))
    write_video(videos / "a.mp4", moving_frames(4))
    frames = write_frames(videos / "frames", 4, seed=1)
    os.mkfifo(pipe / "004.png")
    assert predict(run, [videos, pipe, clips[0]], "--json") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    named = [videos / "a.mp4", videos / "b" / "2.mp4", videos / "b" / "10.mp4", frames, pipe, clips[0]]
    assert [line["path"] for line in lines] == list(map(str, named))
    assert [line.get("error") for line in lines] == [None] * 4 + [
        "004.png cannot be decoded: is not a regular file",
        None,
    ]
    assert main(["explain", str(run.path), str(videos), "--output", str(tmp_path / "out")]) == 2
    assert "is a folder of videos" in " ".join(capsys.readouterr().err.split())


@pytest.mark.filterwarnings("default:.*files of unknown kinds")
def test_what_a_folder_leaves_out_is_told(run: Run, tmp_path: Path, capsys: Capture) -> None:
    write_video(tmp_path / "a.mp4", moving_frames(4))
    (tmp_path / "b.dat").write_bytes(b"\1\2\3")
    assert predict(run, [tmp_path], "--json") == 0
    assert "files of unknown kinds are left out: 1 (b.dat)" in " ".join(capsys.readouterr().err.split())


def test_patterns_and_standard_input_name_clips(
    run: Run, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [write_frames(tmp_path / name, 4, seed=1) for name in ("c1", "c2", "c10", "x", "li\nne")]
    odd = write_video(tmp_path / "odd" / os.fsdecode(b"\xff.mp4"), moving_frames(4))

    def paths(*words: str, given: bytes = b"") -> list[str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        assert main(["predict", str(run.path), *words, "--json"]) == 0
        return [json.loads(line)["path"] for line in capsys.readouterr().out.splitlines()]

    assert paths(str(tmp_path / "c*")) == list(map(str, clips[:3]))
    assert paths(str(tmp_path / "**" / "*.mp4")) == [str(odd)]
    lines = b"".join(os.fsencode(path) + b"\n" for path in (clips[3], odd.parent)) + b"\n"
    assert paths("-", given=lines) == [str(clips[3]), str(odd)]
    nulls = b"".join(os.fsencode(path) + b"\0" for path in (clips[4], odd))
    assert paths(str(clips[0]), "-", given=nulls) == [str(clips[0]), str(clips[4]), str(odd)]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_results_go_to_a_file_with_the_faults_in_their_places(
    suffix: str, run: Run, clips: list[Path], tmp_path: Path, capsys: Capture
) -> None:
    torn, output = tmp_path / "torn.mp4", tmp_path / "out" / f"results.{suffix}"
    torn.write_text("no video")
    assert predict(run, [clips[0], torn, clips[1]], "--json", "--top", "2") == 1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert predict(run, [clips[0], torn, clips[1]], "--output", str(output), "--top", "2") == 1
    printed = capsys.readouterr()
    assert f"{output}: 3 clips" in printed.out
    assert "1 of 3 clips cannot be decoded" in printed.err
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    assert "is there already" not in printed.err
    if suffix == "jsonl":
        assert [json.loads(line) for line in output.read_text().splitlines()] == said
        assert predict(run, [torn], "--output", str(output)) == 1
        assert "is there already; it is replaced when all clips are done" in " ".join(capsys.readouterr().err.split())
        return
    rows = (
        list(csv.DictReader(output.read_text().splitlines()))
        if suffix == "csv"
        else parquet.read_table(output).to_pylist()
    )
    columns = ["path", "label", "probability", "label_2", "probability_2", "family", "protocol", "error"]
    assert [list(row) for row in rows] == [columns] * 3
    for row, one in zip(rows, said):
        assert row["path"] == one["path"]
        assert row["error"] == one.get("error", "")
        if "error" in one:
            assert row["probability"] in ("", None)
        else:
            best = [(row["label"], float(row["probability"])), (row["label_2"], float(row["probability_2"]))]
            assert best == [(place["label"], place["probability"]) for place in one["top"]]
            assert (row["protocol"], row["family"]) == (one["protocol"], one.get("family", ""))


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (
            ["https://example.org/a.mp4"],
            [],
            "https://example.org/a.mp4 is a URL, and clips are read from files",
        ),
        (["none/*.mp4"], [], "no file fits the pattern 'none/*.mp4'"),
        (["-"], [], "standard input gave no paths"),
        (["a.mp4"], ["--output", "a.xlsx"], "a.xlsx: results are written as .csv, .jsonl, .parquet; name the file so"),
        (["a.mp4"], ["--output", "a.csv", "--json"], "--output a.csv writes what --json prints; give one of the two"),
    ],
)
def test_what_names_no_clip_or_no_file_of_results_is_one_sentence(
    words: list[str], options: list[str], message: str, run: Run, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(["predict", str(run.path), *words, *options]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def test_tasks_for_label_studio(run: Run, clips: list[Path], tmp_path: Path, capsys: Capture) -> None:
    video = write_video(tmp_path / "v.mp4", moving_frames(12, 40, 56))
    files = [clips[0], Path(f"{video}#t=0.08,0.4"), tmp_path / "none.mp4"]
    output = tmp_path / "deep" / "tasks.json"
    options = ["--output", str(output), "--format", "label-studio", "--frame-rate", "25", "--url-prefix", "/x"]
    assert predict(run, files, *options) == 1
    whole, part = json.loads(output.read_text())
    assert whole["data"] == {"video": f"/x{clips[0]}"}
    assert part["predictions"][0]["result"][0]["value"]["ranges"] == [{"start": 3, "end": 10}]
    with Recognizer.load(run.path) as recognizer:
        found = recognizer(files[1])
    assert part["predictions"][0]["result"][0]["value"]["timelinelabels"] == [found.label]
    assert part["predictions"][0]["score"] == pytest.approx(found.probability, abs=1e-6)
    assert part["predictions"][0]["model_version"] == run.path.name
    interface = output.with_suffix(".xml").read_text()
    assert all(f'value="{label}"' in interface for label in LABELS)
    printed = capsys.readouterr()
    assert "tasks.json: 3 clips" in printed.out
    assert "1 of 3 clips cannot be decoded" in printed.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "label-studio"], "writes a file; name it"),
        (["--format", "label-studio", "--output", "x.csv"], "are written as .json"),
        (["--output", "x.json"], "--format label-studio writes tasks as .json"),
        (["--format", "label-studio", "--output", "x.json", "--frame-rate", "0"], "frame-rate"),
    ],
)
def test_what_tasks_cannot_be(
    run: Run, clips: list[Path], options: list[str], message: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clips[0].parent)
    assert predict(run, clips, *options) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def test_a_part_without_an_end_cannot_be_a_region(run: Run, clips: list[Path], tmp_path: Path, capsys: Capture) -> None:
    options = ["--format", "label-studio", "--output", str(tmp_path / "t.json")]
    assert predict(run, [Path(f"{clips[0]}#t=2")], *options) == 2
    assert "give the part as #t=START,END" in capsys.readouterr().err.replace("\n", " ")


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_shards_are_all_clips_each_once(run: Run, clips: list[Path], tmp_path: Path, capsys: Capture) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    files = [*clips, broken]
    assert predict(run, files, "--output", str(tmp_path / "all.csv")) == 1
    codes = [predict(run, files, "--output", str(tmp_path / "p.csv"), "--shard", f"{i}/2") for i in (1, 2)]
    assert sorted(codes) == [0, 1]
    parts = [row for i in (1, 2) for row in rows_of(tmp_path / f"p-{i}-of-2.csv")]
    assert sorted(parts, key=lambda row: row["path"]) == sorted(
        rows_of(tmp_path / "all.csv"), key=lambda row: row["path"]
    )
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".part", ".lock")]
    assert predict(run, clips, "--output", str(tmp_path / "p.csv"), "--shard", "3/2") == 2
    assert "--shard 3/2: the first number is which of the parts, from 1 to 2" in " ".join(
        capsys.readouterr().err.split()
    )
    assert predict(run, clips, "--shard", "1/2") == 2
    assert predict(run, clips, "--output", str(tmp_path / "p.csv"), "--shard", "half") == 2


def test_the_clips_of_a_manifest(run: Run, tmp_path: Path, capsys: Capture) -> None:
    for label in LABELS:
        write_frames(tmp_path / "data" / label / "a", 6, seed=1)
    manifest = tmp_path / "clips.csv"
    index_folder(tmp_path / "data").write(manifest)
    assert predict(run, [], "--manifest", str(manifest), "--output", str(tmp_path / "p.csv")) == 0
    assert {Path(row["path"]).parts[-2] for row in rows_of(tmp_path / "p.csv")} == set(LABELS)
    assert predict(run, [tmp_path], "--manifest", str(manifest)) == 2
    assert "and not both" in capsys.readouterr().err


# slow files, of which the process is killed in the middle
KILLED = """
import os, signal, sys
from recircle.inference import recognizer
many = recognizer.Recognizer.many
def stopping(self, paths, **options):
    for done, result in enumerate(many(self, paths, **options)):
        if done == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield result
recognizer.Recognizer.many = stopping
from recircle.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "suffix", [*(pytest.param(other, marks=pytest.mark.slow) for other in (".csv", ".jsonl")), ".parquet"]
)
def test_a_killed_prediction_goes_on(suffix: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [write_frames(tmp_path / f"clip{number}", 6, seed=number) for number in range(4)]
    whole, output = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    assert predict(run, files, "--output", str(whole)) == 0
    words = ["predict", str(run.path), *map(str, files), "--output", str(output)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not output.exists()
    journal = output.with_name(output.name + ".part")
    # as a power failure would leave it
    with journal.open("ab") as file:
        file.write(b'{"path": "cut sh')
    seen: list[Path] = []
    many = Recognizer.many

    def remembering(self: Recognizer, paths: list[Path], **options: int) -> object:
        seen.extend(paths)
        return many(self, paths, **options)

    monkeypatch.setattr(Recognizer, "many", remembering)
    assert predict(run, files, "--output", str(output)) == 0
    assert seen == files[2:]
    if suffix == ".parquet":
        assert parquet.read_table(output).to_pylist() == parquet.read_table(whole).to_pylist()
    else:
        assert output.read_text() == whole.read_text()
    assert not journal.exists()


def test_what_other_settings_left_unfinished_is_not_mixed(
    run: Run, clips: list[Path], tmp_path: Path, capsys: Capture
) -> None:
    output = tmp_path / "out.csv"
    settings = {**Recognizer.load(run.path).settings, "top": 5}
    journal = tmp_path / "out.csv.part"
    journal.write_text(json.dumps({"settings": {**settings, "network": "other"}}) + "\n")
    before = journal.read_bytes()
    assert predict(run, clips, "--output", str(output)) == 2
    assert "left unfinished, with another network" in " ".join(capsys.readouterr().err.split())
    assert journal.read_bytes() == before
    # what does not even say its settings is nothing
    journal.write_text('{"sett')
    assert predict(run, clips, "--output", str(output)) == 0
