"""`recircle timeline`: what happens when, in long videos."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.table import Table

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import err, error, out, plain, print_json, print_table, progress, warning
from recircle.errors import UserError
from recircle.words import counted

if TYPE_CHECKING:
    from recircle.inference.recognizer import Recognizer
    from recircle.timelines.evaluation import Judged, TimelineMetrics
    from recircle.timelines.segments import Segment, Segmentation
    from recircle.timelines.timeline import Timeline
    from recircle.timelines.truth import Truth

Form = Literal["csv", "json", "vtt", "label-studio", "html", "png"]


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
        run: folder of the run.
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
    above_zero(seconds=seconds, **{n: v for n, v in (("window", window), ("stride", stride)) if v is not None})
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
    job = _Job(recognizer, rules, known, output, forms, json, window, stride or window / 4, fps, batch_size)
    try:
        for path, name in zip(paths, names):
            job.do(path, name)
    except KeyboardInterrupt:
        on = "; the same command goes on" if output is not None else ""
        raise KeyboardInterrupt(f"interrupted; {job.done} of {counted(len(paths), 'video')} done{on}") from None
    job.write_tables()
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


class _Job:
    """The videos of one command, one after the other."""

    def __init__(
        self,
        recognizer: "Recognizer",
        rules: "Segmentation",
        truth: "Truth | None",
        output: Path | None,
        forms: Sequence[Form],
        json: bool,
        window: float,
        stride: float,
        fps: float,
        batch_size: int,
    ) -> None:
        self.recognizer, self.rules, self.truth = recognizer, rules, truth
        self.output, self.forms, self.json = output, forms, json
        self.how: dict[str, Any] = {"window": window, "stride": stride, "fps": fps, "batch_size": batch_size}
        self.done = self.broken = 0
        self.segments: list[tuple[str, Sequence[Segment]]] = []
        self.judged: list[Judged] = []
        self.protocol = recognizer.provenance.protocol_words

    def do(self, path: Path, name: str) -> None:
        """Recognise a video, and write and print what comes of it."""
        from recircle.decode.error import DecodeError

        try:
            found = self._timeline(path, name)
        except DecodeError as problem:
            self.broken += 1
            if self.json:
                print_json({"video": str(path), "error": problem.reason})
            else:
                error(f"{path}: {problem.reason}")
            return
        for note in found.notes:
            warning(f"{path}: {note}")
        segments = found.segments(self.rules)
        true = self._true(path, found, segments)
        self.segments.append((str(path), segments))
        if self.output is not None:
            self._write(self.output / name, found, segments, true)
        if self.json:
            from recircle.timelines.write import to_dict

            print_json(to_dict(found, segments, self.rules))
        else:
            _show(found, segments, short=self.output is not None)
        self.done += 1

    def _timeline(self, path: Path, name: str) -> "Timeline":
        from recircle.inference.kept_timelines import SUFFIX, kept_timeline

        with progress(f"recognising {path.name}") as show:

            def tell(done: float, total: float) -> None:
                show(round(done), round(total))

            if self.output is None:
                return self.recognizer.timeline(path, progress=tell, **self.how)
            found, _ = kept_timeline(self.output / f"{name}{SUFFIX}", self.recognizer, path, progress=tell, **self.how)
            return found

    def _true(self, path: Path, found: "Timeline", segments: "Sequence[Segment]") -> "Sequence[Segment] | None":
        from recircle.timelines.evaluation import Judged

        if self.truth is None:
            return None
        true = self.truth.of(path)
        if true is None:
            warning(f"{self.truth.source} says nothing of {path}, which counts as a video in which nothing happens")
            true = []
        self.judged.append(Judged(video=str(path), seconds=found.seconds, predicted=segments, true=true))
        return true

    def _write(
        self, base: Path, found: "Timeline", segments: "Sequence[Segment]", true: "Sequence[Segment] | None"
    ) -> None:
        from recircle.timelines.write import write_json, write_webvtt

        if "json" in self.forms:
            write_json(base.with_name(f"{base.name}.json"), found, segments, self.rules)
        if "vtt" in self.forms:
            write_webvtt(base.with_name(f"{base.name}.vtt"), segments)
        if "html" in self.forms:
            from recircle.report.timeline_page import write_timeline_page

            date = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
            write_timeline_page(base.with_name(f"{base.name}.html"), found, segments, self.rules, true=true, date=date)
        if "png" in self.forms:
            from recircle.report.timeline_picture import write_timeline_picture

            write_timeline_picture(base.with_name(f"{base.name}.png"), found, segments, self.rules, true=true)

    def write_tables(self) -> None:
        """Write the files of all videos together."""
        from recircle.layouts.label_studio_tasks import FRAME_RATE, PredictedPart, labelling_interface, write_tasks
        from recircle.timelines.write import write_csv

        if self.output is None:
            return
        if "csv" in self.forms:
            write_csv(self.output / "segments.csv", self.segments)
        if "label-studio" in self.forms:
            parts = [
                PredictedPart(
                    video=Path(video).as_posix().lstrip("/"), label=s.label, score=s.score, start=s.start, end=s.end
                )
                for video, segments in self.segments
                for s in segments
            ]
            write_tasks(self.output / "label_studio.json", parts, model_version=self.recognizer.digest)
            interface = labelling_interface(self.recognizer.labels, FRAME_RATE, timeline=True)
            (self.output / "label_studio.xml").write_text(interface, encoding="utf-8")
        if not self.json:
            out.print(f"{self.output}: {', '.join(self.forms)}")

    def show_figures(self, resamples: int, seed: int) -> None:
        """Measure the segments against the true ones."""
        from recircle.config import to_stamped_json
        from recircle.evaluation.bootstrap import Bootstrap
        from recircle.files import atomic_write
        from recircle.timelines.evaluation import evaluate_timelines

        if not self.judged:
            return
        found = evaluate_timelines(
            self.judged,
            bootstrap=Bootstrap(resamples=resamples, seed=seed),
            rules=str(self.rules),
            protocol=self.protocol,
        )
        if self.output is not None:
            atomic_write(self.output / "metrics.json", to_stamped_json(found))
        if self.json:
            print_json(found.to_dict())
        else:
            _show_figures(found, seed)


def _show(found: "Timeline", segments: "Sequence[Segment]", *, short: bool) -> None:
    out.print(f"{found}: {counted(len(segments), 'segment')}")
    if short:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("from", "to"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("class")
    table.add_column("%", justify="right", no_wrap=True)
    table.add_column("times", justify="right", no_wrap=True)
    for part in segments:
        times = f"{part.repetitions.count:.1f}" if part.repetitions else ""
        table.add_row(f"{part.start:.2f}", f"{part.end:.2f}", plain(part.label), f"{100 * part.score:.1f}", times)
    if segments:
        print_table(table)


def _show_figures(found: "TimelineMetrics", seed: int) -> None:
    out.print(f"{found}; {found.rules}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("metric", "%", f"{found.level:.0%} interval"):
        table.add_column(title, no_wrap=True)
    for name, figure in found.figures.items():
        interval = f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"
        table.add_row(name, f"{100 * figure.value:.1f}", interval if found.videos > 1 else "one video has none")
    print_table(table)
    out.print(f"intervals: percentile bootstrap over videos, {found.resamples} resamples, seed {seed}")
    out.print(f"protocol of a window: {found.protocol}")
