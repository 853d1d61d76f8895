"""`recircle watch`: what happens now, before a camera, in a stream of the network or in a pipe."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import err, out, print_json, warning
from recircle.errors import UserError
from recircle.words import counted

if TYPE_CHECKING:
    from recircle.decode.live import LiveSource
    from recircle.inference.watch import Seen


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(watch, "watch", arguments)


def watch(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    *,
    window: float | None = None,
    stride: float | None = None,
    online: bool = False,
    every: float | None = None,
    threshold: float = 0.0,
    top: int = 3,
    json: bool = False,
    lag: float = 1.0,
    once: bool = False,
    tries: int = 10,
    seconds: float = 10.0,
    form: str | None = None,
    fps: float = 0.0,
    clips: int = 1,
    crops: Literal[1, 3, 10] = 1,
    calibrated: bool = False,
    device: str = "auto",
    steps: int | None = None,
) -> int:
    """Recognise what a source shows, window by window, as `recircle timeline` does with a file.

    Each line has the window's time, its classes, the latency (from when the frame that completed the window was decoded
    to the result) and how many frames were dropped. A camera or a stream of the network does not wait: frames that
    nobody has taken are dropped, the oldest first, until those left span no more than --lag seconds; where it ends, it
    is connected again after pauses that double up to half a minute. A pipe or a file waits, and its end is the end.
    Ctrl-C and SIGTERM end it with what was seen so far, and the exit code 0; it is 1 if the source was lost for good or
    cannot be decoded to its end.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        source: a camera (/dev/video0), a URL (rtsp://, http:// and others), a file or named pipe, or - for standard
            input.
        window: seconds of a window; by default the middle length of the clips that the run was trained on.
        stride: seconds from the start of one window to the next; by default a quarter of the window.
        online: with a run of a causal network (--model.causal), compute each frame once, and recognise all that came
            since the beginning instead of windows.
        every: with --online, seconds between the frames that the network sees; 0 is each frame. By default as the run
            samples, where that has a rate.
        threshold: the least probability of the best class of a window that is shown.
        top: how many classes to show.
        json: print one JSON object a line: start, end, frames, label, probability, top, protocol, latency, dropped.
        lag: seconds of frames that may wait.
        once: end where the source ends, instead of connecting again.
        tries: how often in a row connecting again may fail.
        seconds: after how long without data a connection is given up.
        form: FFmpeg's name of the format, such as mpegts or v4l2, where it cannot be told from what comes.
        fps: frames a second of a source that gives frames no times.
        clips: views in time of each window.
        crops: views in space of each window: 1, 3 or 10.
        calibrated: use the temperature that `recircle eval --calibrate` left in the run.
        device: auto, cpu, cuda, cuda:1, mps.
        steps: recursive steps of ARC layers; by default as many as they learned.
    """
    from recircle.cli.timeline import usual_seconds
    from recircle.decode.live import LiveSource
    from recircle.inference.recognizer import Recognizer
    from recircle.inference.watch import watch as watch_source
    from recircle.inference.watch import watch_online

    at_least(1, top=top, clips=clips)
    at_least(0, tries=tries)
    above_zero(lag=lag, seconds=seconds, **{n: v for n, v in (("window", window), ("stride", stride)) if v is not None})
    if online and (window is not None or stride is not None):
        raise UserError("--online recognises all that came since the beginning; leave out --window and --stride")
    if every is not None and not online:
        raise UserError("--every is for --online; windows have the run's own sampling")
    if not 0 <= threshold <= 1:
        raise UserError(f"--threshold {threshold:g} is a probability, from 0 to 1")
    recognizer = Recognizer.load(run, device, clips=clips, crops=crops, calibrated=calibrated, steps=steps)
    length = None if online else usual_seconds(run) if window is None else window
    live = LiveSource(source, form=form, fps=fps, lag=lag, once=once, tries=tries, seconds=seconds)
    found = watch_online(recognizer, live, every=every)
    if length is not None:
        found = watch_source(recognizer, live, window=length, stride=stride)
    said, windows = 1, 0
    with _stopped_by_signals(live) as stopped:
        for seen in found:
            windows += 1
            if live.connections > said:
                said = live.connections
                warning(f"connected again, {counted(said - 1, 'time')} so far ({live.trouble})")
            if seen.window.recognition.probability >= threshold:
                print_json(seen.to_dict(top)) if json else _show(seen, top)
                sys.stdout.flush()
    # a source that is to be connected again ends only where that fails; how one hangs up says nothing
    lost = not stopped and (not live.ended_well if live.kind == "pipe" else not once or not windows)
    if not json:
        err.print(
            f"{counted(windows, 'recognition' if online else 'window')}, {counted(live.dropped, 'frame')} dropped"
        )
    if lost:
        warning(f"the source is lost: {live.trouble}")
    return 1 if lost else 0


@contextmanager
def _stopped_by_signals(live: "LiveSource") -> Iterator[list[int]]:
    """Let SIGINT and SIGTERM stop the source in the block; yields a list that gets the number of the signal."""
    numbers: list[int] = []

    def stop(number: int, frame: object) -> None:  # noqa: ARG001  (the signature of a handler)
        numbers.append(number)
        live.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield numbers
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(seen: "Seen", top: int) -> None:
    window = seen.window
    best = ", ".join(f"{label} {100 * probability:.1f} %" for label, probability in window.recognition.top(top))
    out.print(
        f"{window.start:9.2f} to {window.end:.2f} s  {best}  "
        f"(latency {1000 * seen.latency:.0f} ms, {seen.dropped} dropped)"
    )
