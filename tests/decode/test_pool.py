"""Processes that decode: they give what decoding gives here, and what a file does to one costs that file."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recircle.decode import pool as decoder_pool
from recircle.decode.frames import DecodeError, decode, probe, resize_images
from recircle.decode.pool import DecoderPool
from recircle.decode.resize import Resize
from recircle.errors import UserError
from recircle.views.cut import whole_file_views
from recircle.views.preprocessing import Preprocessing
from recircle.views.sampling import Sampling
from recircle.views.views import EvalViews
from tests import media

# the real process, in which files of certain names do what hostile ones may do to a decoder
HOSTILE = """
import os, sys, time
from pathlib import Path
import recircle.decode.worker as worker
from recircle.decode import limits

def hostile(path):
    name = Path(path).name
    if name.startswith("abort"): os.abort()
    if name.startswith("leave"): os._exit(3)
    if name.startswith("hang"): time.sleep(1000)
    if name.startswith("flood"): return bytearray(2**33)
    if name.startswith("odd"): raise LookupError("a table")
    if name.startswith("loud"): print("noise\\n" * 1000, flush=True); print("\\x1b[31m", file=sys.stderr, flush=True)

for name in ("probe", "read_whole_file"):
    def around(path, real=getattr(worker, name)):
        hostile(path)
        return real(path)
    setattr(worker, name, around)
worker.main()
"""
COMMAND = (sys.executable, "-P", "-c", HOSTILE)
VIEWS = EvalViews(sampling=Sampling(frames=4), preprocessing=Preprocessing(resize=20, crop=16))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("media")
    frames = media.moving_frames(11, 47, 63)
    return [
        media.write_video(folder / "ä b.mp4", media.moving_frames(11)),
        media.turn(media.write_video(folder / "turned.mp4", media.moving_frames(9, 30, 44)), (0, 1, -1, 0)),
        media.write_video(folder / "none.webm", media.moving_frames(11), codec="libvpx-vp9"),
        media.write_frame_folder(folder / "frames", frames),
    ]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hostile")
    names = ["good", "abort", "leave", "hang", "flood", "odd", "loud", "last"]
    return {name: media.write_video(folder / f"{name}.mp4", media.moving_frames(5)) for name in names}


@pytest.fixture
def pool():
    with DecoderPool(seconds=60, command=COMMAND) as decoders:
        yield decoders


def test_verdicts_and_views_are_those_of_this_process_bit_for_bit(files: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "text.mp4"
    broken.write_text("no video")
    with DecoderPool() as decoders:
        for path in [*files, broken, tmp_path / "none.mp4"]:
            assert decoders.probe(path) == probe(path)
        for path in files:
            for clips, crops in ((1, 1), (3, 10)):
                views = replace(VIEWS, clips=clips, crops=crops)
                expected = whole_file_views(path, views)
                found = whole_file_views(path, views, decoders=decoders)
                assert torch.equal(found, expected)
                assert found.stride() == expected.stride()
            with decoders.select(path, [0, 3, 8]) as images:
                frames = resize_images(images, 3, Resize(16))
            assert torch.equal(frames, decode(path, [0, 3, 8], resize=Resize(16)))


def test_files_that_are_too_large_to_hold_are_decoded_again(files: list[Path]) -> None:
    code = "import recircle.decode.whole_file as w; w._HELD = 1; from recircle.decode.worker import main; main()"
    with DecoderPool(command=[sys.executable, "-P", "-c", code]) as decoders:
        for path in files:
            found = whole_file_views(path, VIEWS, decoders=decoders)
            assert torch.equal(found, whole_file_views(path, VIEWS))


def test_a_fault_is_told_as_here_and_the_process_stays(files: list[Path], pool: DecoderPool, tmp_path: Path) -> None:
    with pytest.raises(DecodeError) as caught, pool.whole_file(tmp_path / "none.mp4"):
        pass
    assert (caught.value.path, caught.value.reason) == (tmp_path / "none.mp4", "file not found")
    with pytest.raises(DecodeError, match="frame 99 was asked for"), pool.select(files[0], [2, 99]) as images:
        list(images)
    assert pool.probe(files[0]).status == "ok"
    assert len(pool._processes._all) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("abort", "the decoder crashed (SIGABRT)"),
        ("leave", "the decoder crashed (exit status 3)"),
        ("hang", "decoding does not end within 2 seconds (--seconds, or --data.seconds, allows more)"),
        ("flood", "more memory than there is, or than the 4 GiB"),
        ("odd", "decoding fails with LookupError: a table"),
    ],
)
def test_a_hostile_file_costs_itself(name: str, words: str, hostile: dict[str, Path]) -> None:
    if name == "flood" and sys.platform != "linux":
        pytest.skip("only Linux holds a process to a size")
    with DecoderPool(seconds=2, command=COMMAND) as decoders:
        decoders.start(1)
        for process in decoders._processes._idle:
            process.wait_until_ready()  # on a busy machine that may take longer than the file may
        assert decoders.probe(hostile["good"]).frames == 5
        verdict = decoders.probe(hostile[name])
        assert verdict.status == "broken"
        assert words in (verdict.fault or "")
        with pytest.raises(DecodeError) as caught:
            whole_file_views(hostile[name], VIEWS, decoders=decoders)
        assert (caught.value.path, caught.value.reason) == (hostile[name], verdict.fault)
        assert decoders.probe(hostile["last"]).frames == 5


def test_what_a_decoder_prints_goes_nowhere(
    hostile: dict[str, Path], pool: DecoderPool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert pool.probe(hostile["loud"]) == probe(hostile["good"])
    assert capfd.readouterr() == ("", "")


def test_threads_have_a_process_each_and_few_are_started(files: list[Path], pool: DecoderPool) -> None:
    with ThreadPoolExecutor(3) as threads:
        verdicts = list(threads.map(pool.probe, files * 4))
    assert verdicts == [probe(path) for path in files] * 4
    assert len(pool._processes._all) <= 3


def test_closing_ends_what_still_decodes(hostile: dict[str, Path]) -> None:
    with DecoderPool(seconds=1000, command=COMMAND) as decoders:
        assert decoders.probe(hostile["good"]).status == "ok"
        (process,) = decoders._processes._all
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(decoders.probe, hostile["hang"])
            while process.idle:
                time.sleep(0.01)
            decoders.close()
            assert waiting.result().status == "broken"
        assert not process.alive
        assert "stopped" in (decoders.probe(hostile["good"]).fault or "")


def test_leaving_the_frames_early_costs_the_process_and_nothing_else(files: list[Path], pool: DecoderPool) -> None:
    with pool.select(files[0], [0, 1, 2]) as images:
        first = next(images).copy()
    with pool.select(files[0], [0]) as images:
        assert np.array_equal(next(images), first)


def test_a_process_that_died_while_idle_is_not_the_next_files_fault(files: list[Path], pool: DecoderPool) -> None:
    assert pool.probe(files[0]).status == "ok"
    (process,) = pool._processes._all
    process._process.kill()
    process._process.wait()
    assert pool.probe(files[0]).status == "ok"


def test_answers_that_are_none_are_a_crash(files: list[Path]) -> None:
    for answer in ('{"found": {}}', "[]", "no JSON", '{"shape": [1, 2, 3]}', '{"found"'):
        code = f"import sys; print('{{\"ready\": true}}', flush=True); input(); print({answer!r}, end='', flush=True)"
        with DecoderPool(command=[sys.executable, "-c", code]) as decoders:
            assert "crashed" in (decoders.probe(files[0]).fault or "")
    for shape in ([2**20, 2**20, 3], [1, -1, 3], [4, 4, 4], [4, 4], "x", None):
        answer = json.dumps({"shape": shape})
        code = f"print('{{\"ready\": true}}', flush=True); input(); print({answer!r}, flush=True); input()"
        with (
            DecoderPool(command=[sys.executable, "-c", code]) as decoders,
            pytest.raises(DecodeError, match="crashed"),
            decoders.select(files[0], [0]) as images,
        ):
            list(images)


def test_processes_that_do_not_start_are_an_error_of_their_own(files: list[Path]) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such module')"]
    with pytest.raises(UserError, match="does not start: no such module"), DecoderPool(command=command) as decoders:
        decoders.probe(files[0])
    with pytest.raises(UserError, match="no process to decode files in can be started: No such file"):
        DecoderPool(command=["/no/such/python"]).probe(files[0])
    with pytest.raises(ValueError, match="seconds=0 must be above 0"):
        DecoderPool(seconds=0)


def test_too_few_file_handles_are_one_sentence(files: list[Path]) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with DecoderPool() as decoders:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with pytest.raises(UserError, match=r"Too many open files; .*ulimit -n"):
                decoders.probe(files[0])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert decoders.probe(files[0]).status == "ok"


def test_what_is_forgotten_ends_by_itself(files: list[Path]) -> None:
    decoders = DecoderPool()
    decoders.probe(files[0])
    (process,) = decoders._processes._all
    del decoders
    gc.collect()
    assert not process.alive


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_processes_of_its_own(files: list[Path], pool: DecoderPool) -> None:
    assert pool.probe(files[0]).status == "ok"
    child = os.fork()
    if not child:
        with suppress(BaseException):
            ok = pool.probe(files[0]).frames == 11
            pool.close()
            os._exit(0 if ok else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    (process,) = pool._processes._all
    assert process.alive
    assert pool.probe(files[0]).status == "ok"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("busy", [False, True])
def test_the_processes_end_with_the_one_that_started_them(busy: bool, hostile: dict[str, Path]) -> None:
    code = (
        "import sys, threading, time; from pathlib import Path; from recircle.decode.pool import DecoderPool\n"
        f"pool = DecoderPool(seconds=1000, command=(sys.executable, '-P', '-c', {HOSTILE!r}))\n"
        f"pool.probe(Path({str(hostile['good'])!r}))\n"
        "(process,) = pool._processes._all\n"
        f"hang = threading.Thread(target=pool.probe, args=(Path({str(hostile['hang'])!r}),))\n"
        f"if {busy}: hang.start(); time.sleep(0.3)\n"
        "print(process._process.pid, flush=True); time.sleep(1000)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert not _ended(worker)
        parent.kill()
    for _ in range(600):
        if _ended(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the process that decodes outlives the one that started it")


def _ended(pid: int) -> bool:
    with suppress(OSError):
        # one that has ended may wait to be fetched by the system's first process
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_pool_can_be_copied(files: list[Path], pool: DecoderPool) -> None:
    import copy

    pool.probe(files[0])
    other = copy.deepcopy(pool)
    assert (other.seconds, len(other._processes._all)) == (60, 0)


def test_decoding_processes_do_not_wait_for_torch() -> None:
    code = "import sys, recircle.decode.worker; sys.exit(bool({'torch', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_thread_is_left(files: list[Path], pool: DecoderPool) -> None:
    before = threading.active_count()
    pool.probe(files[0])
    assert threading.active_count() == before
    assert decoder_pool.COMMAND[0] == sys.executable
