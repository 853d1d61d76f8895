"""A process that decodes for `DecoderPool`.

A request is a line of JSON: {"probe": path} asks for a verdict, {"times": path} for the times of frames, {"hold": path}
for a verdict on a file whose frames are wanted next, {"send": indices} for frames of that file, {"select": path,
"indices": indices} for frames of any. Each has "seconds", after which the process ends itself. Answers are lines of
JSON too: {"found": verdict}; {"times": times, "fps": rate}; for each frame {"shape": [height, width, 3]}, followed by
its bytes; {"fault": reason} where one cannot be had. {"run": path, "fps": rate} asks for all frames as they come, each
with its "time" and "end"; "seconds" are then those of one frame, and {"ended": notes} comes last.
"""

import dataclasses
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from recircle.decode.error import DecodeError
from recircle.decode.limits import limit_memory, limit_time, too_large
from recircle.decode.part_frames import frame_times
from recircle.decode.probe import probe
from recircle.decode.running import Passage, running_frames
from recircle.decode.trim import Trim
from recircle.decode.whole_file import Image, WholeFile, read_whole_file, select

# seconds between two looks at whether the process that asks is still there
_LOOK = 1.0


def main() -> None:
    """Answer requests until the input ends, or the process that asks does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides when to stop
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        # the handler and the mask of a parent are handed on, and an alarm that is blocked would never come
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    requests = sys.stdin.buffer
    # a library that prints must not come between the answers, nor onto anybody's screen
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    _send(answers, {"ready": True})
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    _answer_all(requests, answers)


def _answer_all(requests: Iterable[bytes], answers: BinaryIO) -> None:
    held: WholeFile | None = None
    trim = Trim()
    for line in requests:
        request = json.loads(line)
        if "run" in request:
            held = None
            _run(request, answers)
            trim()
            continue
        # the process that asks looks at the clock too; a second later, this one has been left alone
        with limit_time(request["seconds"] + 1), limit_memory():
            try:
                held = _answer(request, held, answers)
            except DecodeError as error:
                held = None
                _send(answers, {"fault": error.reason})
            except MemoryError:
                held = None
                _send(answers, {"fault": too_large()})
            except BrokenPipeError:
                return  # nobody listens
            except Exception as error:  # whatever a library makes of a file, it is the file's fault
                held = None
                _send(answers, {"fault": f"decoding fails with {type(error).__name__}: {error}"})
        if held is None:
            trim()


def _answer(request: dict[str, Any], held: WholeFile | None, answers: BinaryIO) -> WholeFile | None:
    """Answer one request; return the file whose frames may be asked for next."""
    if "probe" in request:
        _send(answers, {"found": dataclasses.asdict(probe(request["probe"]))})
        return None
    if "times" in request:
        times, fps = frame_times(Path(request["times"]))
        _send(answers, {"times": times, "fps": fps})
        return None
    if "hold" in request:
        held = read_whole_file(Path(request["hold"]))
        _send(answers, {"found": dataclasses.asdict(held.found)})
        return held
    if "select" in request:
        _send_images(answers, select(Path(request["select"]), request["indices"]))
        return None
    assert held is not None
    _send_images(answers, held.images(request["send"]))
    return None


def _run(request: dict[str, Any], answers: BinaryIO) -> None:
    """Answer with the frames of a file, one after the other."""
    passage = Passage()
    frames = running_frames(Path(request["run"]), passage, fps=request["fps"])
    try:
        with limit_memory():
            while True:
                # of each frame, since whoever takes them may be slow
                with limit_time(request["seconds"] + 1):
                    frame = next(frames, None)
                if frame is None:
                    break
                told = {"fps": passage.fps, "declared": passage.declared, "time": frame.time, "end": frame.end}
                _send(answers, {"shape": frame.image.shape, **told}, np.ascontiguousarray(frame.image))
        _send(answers, {"ended": passage.notes})
    except DecodeError as error:
        _send(answers, {"fault": error.reason})
    except MemoryError:
        _send(answers, {"fault": too_large()})
    except BrokenPipeError:
        return
    except Exception as error:  # whatever a library makes of a file, it is the file's fault
        _send(answers, {"fault": f"decoding fails with {type(error).__name__}: {error}"})


def _send_images(answers: BinaryIO, images: Iterable[Image]) -> None:
    for image in images:
        _send(answers, {"shape": image.shape}, np.ascontiguousarray(image))


def _send(answers: BinaryIO, answer: dict[str, Any], image: Image | None = None) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    if image is not None:
        answers.write(memoryview(image).cast("B"))  # pyright: ignore[reportArgumentType]
    answers.flush()


def _end_with(parent: int) -> None:
    """End this process when its parent has ended, even in the middle of a file."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)
