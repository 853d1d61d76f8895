"""`recircle predict`: the classes of new clips."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.table import Table

from recircle.cli.arguments import above_zero, at_least, call
from recircle.cli.console import err, error, out, plain, print_json, print_table, progress
from recircle.errors import UserError
from recircle.words import counted

if TYPE_CHECKING:
    from recircle.decode.frames import DecodeError
    from recircle.inference.recognition import Recognition


SHOWN = 20
"""Classes whose clips are counted on the screen where the results go to a file."""


def main(arguments: Sequence[str]) -> int:
    """Parse and run."""
    return call(predict, "predict", arguments)


def predict(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    files: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="CLIPS...")],
    *,
    manifest: Path | None = None,
    output: Path | None = None,
    shard: str | None = None,
    format: Literal["table", "label-studio"] = "table",  # noqa: A002 (the option's name)
    frame_rate: float = 24.0,
    url_prefix: str = "/data/local-files/?d=",
    top: int = 5,
    clips: int = 1,
    crops: Literal[1, 3, 10] = 1,
    calibrated: bool = False,
    json: bool = False,
    workers: int = 2,
    seconds: float = 600.0,
    device: str = "auto",
    steps: int | None = None,
    engine: Literal["torch", "onnxruntime", "openvino", "aoti", "ray"] = "torch",
    precision: Literal["fp32", "bf16", "fp16", "int8"] = "fp32",
) -> int:
    """Recognise video files and folders of frames.

    A file that cannot be decoded, or crashes the process that decodes it, takes more than 4 GiB there or too long, is
    reported in its place and the others go on; the exit code is then 1.

    Args:
        run: folder of the run, or hf:OWNER/NAME of one that was pushed.
        files: video files; folders of images that are one clip each; folders of clips, at any depth; patterns such as
            "clips/**/*.mp4"; or -, for paths on standard input, one a line or as `find -print0` prints them.
        manifest: recognise the clips of a manifest, instead of those that are named.
        output: write a table of one row a clip to this .csv, .jsonl or .parquet file, instead of printing it. What was
            killed goes on where it was when the same command is given again.
        shard: take one part of the clips, such as 3/8 for the third of eight, and write it to a file named after it
            ("out-3-of-8.csv"); so several machines share the work.
        format: of the file: a table, or tasks with pre-annotations for Label Studio (.json, and the labelling interface
            beside it as .xml).
        frame_rate: frames a second by which Label Studio counts the frames of parts of videos: the frameRate of its tag
            Video.
        url_prefix: what stands before a clip's path in its address there.
        top: how many classes to show of each clip.
        clips: views in time.
        crops: views in space: 1, 3 or 10.
        calibrated: use the temperature that `recircle eval --calibrate` left in the run.
        json: print one JSON object a line for each file: path, label, probability, top, protocol; or path and error.
        workers: processes that decode ahead; with --engine ray, processes that recognise.
        seconds: after how long a file is given up.
        device: auto, cpu, cuda, cuda:1, mps.
        steps: recursive steps of ARC layers; by default as many as they learned.
        engine: what runs the network: PyTorch, or an exported file in ONNX Runtime, OpenVINO or as machine code (aoti).
            It is the file that `recircle export` left in the run, or else one that is written there. ray is PyTorch on
            the workers of the Ray cluster that RAY_ADDRESS names, or else of one that is started on this machine; each
            of its machines needs the run and the clips under the same paths.
        precision: fp32; bf16 with torch and openvino, fp16 with torch; int8 with onnxruntime and openvino, of a file
            that `recircle export --precision int8` wrote.
    """
    from recircle.hub import is_reference
    from recircle.inference.pre_annotations import check_tasks, write_pre_annotations
    from recircle.inference.ray_cluster import import_ray
    from recircle.inference.ray_workers import RayWorkers
    from recircle.inference.recognizer import Recognizer
    from recircle.inference.results import check_results, recognise_to_file
    from recircle.inference.shard import Shard

    at_least(1, top=top, clips=clips, workers=workers)
    above_zero(seconds=seconds, frame_rate=frame_rate)
    if not files and manifest is None:
        raise UserError("give at least one video file or folder of frames after the run; - reads paths from the input")
    if files and manifest is not None:
        raise UserError(f"give clips, or --manifest {manifest}, and not both")
    part = None if shard is None else Shard.parse(shard)
    if part is not None and output is None:
        raise UserError(f"--shard {shard} writes a file; name it, for example --output results.csv")
    if output is not None and json:
        raise UserError(f"--output {output} writes what --json prints; give one of the two")
    if format == "label-studio" and output is None:
        raise UserError("--format label-studio writes a file; name it, for example --output tasks.json")
    if engine == "ray" and (output is None or format != "table"):
        raise UserError("--engine ray writes a table; name it, for example --output results.parquet")
    if output is not None and part is not None:
        output = part.name(output)
    if output is not None and format == "table":
        check_results(output)
        if output.exists():
            err.print(f"{output} is there already; it is replaced when all clips are done")
    options: dict[str, Any] = {
        "clips": clips,
        "crops": crops,
        "calibrated": calibrated,
        "seconds": seconds,
        "steps": steps,
        "engine": "torch" if engine == "ray" else engine,
        "precision": precision,
    }
    if engine == "ray":
        import_ray()
    # Ray's workers load it again, on what they have; what is wrong with it is told here
    recognizer = Recognizer.load(run, "cpu" if engine == "ray" else device, **options)
    paths = _named(files, manifest)
    if part is not None:
        paths = part.of(paths)
    if output is not None and format == "label-studio":
        check_tasks(output, paths)
    if output is not None and format == "label-studio":
        with progress("recognising") as show:
            rows, interface = write_pre_annotations(
                output,
                _counted(recognizer.many(paths, workers=workers), len(paths), show),
                labels=recognizer.labels,
                model_version=run.resolve().name,
                frame_rate=frame_rate,
                prefix=url_prefix,
            )
        broken = _summarise(rows, output)
        out.print(f"{interface}: the labelling interface of a project that these tasks are imported into")
    elif output is not None:
        elsewhere = None
        if engine == "ray":
            # also on other machines a path means the same
            folder = run if is_reference(run) else run.absolute()
            elsewhere = RayWorkers(run=str(folder), options=options, device=device, workers=workers, top=top).recognise
        with progress("recognising") as show:
            rows = recognise_to_file(
                recognizer, paths, output, top=top, workers=workers, progress=show, elsewhere=elsewhere
            )
        broken = _summarise(rows, output)
    else:
        results = recognizer.many(paths, workers=workers)
        broken = _print_json(results, top) if json else _print_table(results, top)
    if broken and not json:
        error(f"{broken} of {counted(len(paths), 'clip')} cannot be decoded")
    return 1 if broken else 0


def _named(files: Sequence[str], manifest: Path | None) -> list[Path]:
    """Return the clips that were named, or those of the manifest.

    Raises:
        UserError: there is none.
    """
    from recircle.inference.clip_paths import clips_named
    from recircle.manifest.manifest import Manifest

    if manifest is not None:
        table = Manifest.read(manifest)
        paths = [table.address(clip) for clip in table.clips]
    else:
        paths = list(clips_named(files))
    if not paths:
        raise UserError(f"{manifest} has no clips" if manifest else "no clip was named: standard input gave no paths")
    return paths


def _counted(results: "Iterable[tuple[Path, Recognition | DecodeError]]", total: int, show: Any) -> Any:
    for done, result in enumerate(results, 1):
        show(done, total)
        yield result


def _summarise(rows: Sequence[dict[str, Any]], output: Path) -> int:
    """Say how many clips each class got, the commonest first; return the number of broken files."""
    classes = Counter(row["label"] for row in rows if "label" in row)
    for label, count in classes.most_common(SHOWN):
        out.print(f"{count:6}  {label}")
    others = classes.total() - sum(count for _, count in classes.most_common(SHOWN))
    if others:
        out.print(f"{others:6}  others")
    out.print(f"{output}: {counted(len(rows), 'clip')}")
    return sum("error" in row for row in rows)


def _print_json(results: "Iterable[tuple[Path, Recognition | DecodeError]]", top: int) -> int:
    """Print each result as soon as it is there; return the number of broken files."""
    from recircle.inference.results import result_to_dict

    broken = 0
    for path, result in results:
        row = result_to_dict(path, result, top)
        broken += "error" in row
        print_json(row)
    return broken


def _print_table(results: "Iterable[tuple[Path, Recognition | DecodeError]]", top: int) -> int:
    from recircle.decode.frames import DecodeError

    broken, protocol = 0, ""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("file", overflow="fold")
    table.add_column("%", justify="right", no_wrap=True)
    table.add_column("class")
    for path, result in results:
        if isinstance(result, DecodeError):
            broken += 1
            table.add_row(plain(path), "", plain(f"cannot be decoded: {result.reason}"), style="red")
            continue
        protocol = result.protocol
        for place, (label, probability) in enumerate(result.top(top)):
            table.add_row(plain(path) if place == 0 else "", f"{100 * probability:.1f}", plain(label))
    print_table(table)
    if protocol:
        out.print(f"protocol: {protocol}")
    return broken
