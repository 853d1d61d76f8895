"""What `recircle timeline` does with each video, and with all of them at the end."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.table import Table

from recircle.cli.console import error, out, plain, print_json, print_table, progress, warning
from recircle.words import counted

if TYPE_CHECKING:
    from recircle.inference.recognizer import Recognizer
    from recircle.timelines.evaluation import Judged, TimelineMetrics
    from recircle.timelines.segments import Segment, Segmentation
    from recircle.timelines.timeline import Timeline
    from recircle.timelines.truth import Truth

Form = Literal["csv", "json", "vtt", "label-studio", "html", "png"]


class TimelineJob:
    """The videos of one command, one after the other.

    Attributes:
        done: how many there are results of.
        broken: how many cannot be decoded.
    """

    def __init__(
        self,
        recognizer: "Recognizer",
        rules: "Segmentation",
        truth: "Truth | None",
        output: Path | None,
        forms: Sequence[Form],
        how: dict[str, Any],
        *,
        json: bool,
    ) -> None:
        """Begin.

        Args:
            recognizer: what recognises.
            rules: how scores become segments.
            truth: what is true; None where it is not known.
            output: folder of the results; None prints them.
            forms: what is written there.
            how: window, stride, fps and batch_size, as `Recognizer.timeline` takes them.
            json: print JSON.
        """
        self.recognizer, self.rules, self.truth = recognizer, rules, truth
        self.output, self.forms, self.how, self.json = output, forms, how, json
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

    def write_tables(self, frame_rate: float, url_prefix: str) -> None:
        """Write the files of all videos together."""
        from recircle.files import atomic_write
        from recircle.layouts.label_studio_tasks import PredictedPart, labelling_interface, write_tasks
        from recircle.timelines.write import write_csv

        if self.output is None:
            return
        if "csv" in self.forms:
            write_csv(self.output / "segments.csv", self.segments)
        if "label-studio" in self.forms:
            parts = [
                PredictedPart(video=Path(video).as_posix(), label=s.label, score=s.score, start=s.start, end=s.end)
                for video, segments in self.segments
                for s in segments
            ]
            tasks = self.output / "label_studio.json"
            write_tasks(tasks, parts, model_version=self.recognizer.digest, frame_rate=frame_rate, prefix=url_prefix)
            interface = labelling_interface(self.recognizer.labels, frame_rate, timeline=True)
            atomic_write(tasks.with_suffix(".xml"), interface)
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
