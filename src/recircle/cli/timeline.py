"""`recircle timeline`: what happens when, in long videos."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import err, error
from recircle.cli.timeline_job import Form, TimelineJob
from recircle.errors import UserError
from recircle.words import counted


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(timeline, "timeline", arguments)


def timeline(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    videos: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="VIDEOS...")],
    *,
    output: Path | None = None,
    window: float | None = None,
    stride: float | None = None,
    threshold: float = 0.5,
    smoothing: float = 0.0,
    shortest: float = 0.0,
    background: tuple[str, ...] = (),
    truth: Path | None = None,
    forms: tuple[Form, ...] = ("csv", "json", "vtt", "html"),
    json: bool = False,
    frame_rate: float = 24.0,
    url_prefix: str = "/data/local-files/?d=",
    fps: float = 0.0,
    clips: int = 1,
    crops: Literal[1, 3, 10] = 1,
    calibrated: bool = False,
    batch_size: int = 1,
    seconds: float = 600.0,
    device: str = "auto",
    steps: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> int:
    """Recognise long videos over time: windows of some seconds, and segments of the classes that they show.

    Each window is recognised as a clip of its frames, as `recircle predict` does with a file. A video is decoded once,
    whatever its length. With --output, scores are kept there: the same command goes on after Ctrl-C, and one with
    other rules for segments only reads them. A video that cannot be decoded is reported, and the others go on; the
    exit code is then 1.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        videos: video files; folders of images that are one video each (with --fps); folders of videos; patterns.
        output: folder for the results: segments.csv and label_studio.json of all videos, and NAME.json, .vtt, .html,
            .png of each; by default segments are printed.
        window: seconds of a window; by default the middle length of the clips that the run was trained on.
        stride: seconds from the start of one window to the next; by default a quarter of the window.
        threshold: the least probability of the best class; below it nothing is recognised.
        smoothing: seconds over which probabilities are averaged first.
        shortest: seconds below which a segment, or the interruption of one, does not count.
        background: classes that mean that nothing happens.
        truth: table with the columns video, start, end and label: print how well the segments fit it.
        forms: what to write to the output: csv, json, vtt (WebVTT), label-studio, html (a page that plays the video),
            png.
        json: print one JSON object a line for each video, and one of the figures.
        frame_rate: frames a second by which Label Studio counts the frames of segments: the frameRate of its tag Video.
        url_prefix: what stands before a video's path in its address there.
        fps: frames a second of folders of images, and of files that do not say when their frames are shown.
        clips: views in time of each window.
        crops: views in space of each window: 1, 3 or 10.
        calibrated: use the temperature that `recircle eval --calibrate` left in the run.
        batch_size: windows that pass the network together.
        seconds: after how long without a frame a file is given up.
        device: auto, cpu, cuda, cuda:1, mps.
        steps: recursive steps of ARC layers; by default as many as they learned.
        resamples: of the bootstrap for the intervals of --truth.
        seed: of the bootstrap.
    """
    from recircle.inference.clip_paths import clips_named
    from recircle.inference.kept_timelines import names_of
    from recircle.inference.recognizer import Recognizer
    from recircle.timelines.segments import Segmentation
    from recircle.timelines.truth import read_truth

    at_least(1, clips=clips, batch_size=batch_size, resamples=resamples)
    above_zero(
        seconds=seconds,
        frame_rate=frame_rate,
        **{n: v for n, v in (("window", window), ("stride", stride)) if v is not None},
    )
    if not videos:
        raise UserError("give at least one video after the run")
    try:
        rules = Segmentation(threshold=threshold, smoothing=smoothing, shortest=shortest, background=background)
    except ValueError as problem:
        raise UserError(f"--{problem}") from None
    recognizer = Recognizer.load(
        run, device, clips=clips, crops=crops, calibrated=calibrated, seconds=seconds, steps=steps
    )
    if missing := [name for name in background if name not in recognizer.labels]:
        raise UserError(f"--background {missing[0]}: the network knows no such class")
    known = read_truth(truth, recognizer.labels, background) if truth is not None else None
    paths = list(clips_named(videos))
    names = names_of(paths) if output is not None else [str(path) for path in paths]
    if window is None:
        window = usual_seconds(run)
    how = {"window": window, "stride": stride or window / 4, "fps": fps, "batch_size": batch_size}
    job = TimelineJob(recognizer, rules, known, output, forms, how, json=json)
    try:
        for path, name in zip(paths, names):
            job.do(path, name)
    except KeyboardInterrupt:
        on = "; the same command goes on" if output is not None else ""
        raise KeyboardInterrupt(f"interrupted; {job.done} of {counted(len(paths), 'video')} done{on}") from None
    job.write_tables(frame_rate, url_prefix)
    if known is not None:
        job.show_figures(resamples, seed)
    if job.broken and not json:
        error(f"{job.broken} of {counted(len(paths), 'video')} cannot be decoded")
    return 1 if job.broken else 0


def usual_seconds(run: Path) -> float:
    """Return the middle length of the clips that a run was trained on, and say so."""
    from recircle.inference.usual_window import usual_window
    from recircle.run import Run

    usual = usual_window(Run.open(run))
    err.print(f"windows of {usual.seconds:g} s, the middle length of {usual.clips} training clips (--window)")
    return usual.seconds
