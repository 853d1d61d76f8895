"""The page: a clip goes in; its classes, where the network looked, the states and the timeline come out."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from recircle.app import pieces
from recircle.app.answers import Answers
from recircle.app.clip import clip_input
from recircle.decode.error import DecodeError
from recircle.errors import UserError
from recircle.terminal import visible

SHOWN = 5
"""Classes."""

STYLE = """
.gradio-container { max-width: 1100px !important; }
.prose img, .html-container img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
.small { font-size: 0.8rem; opacity: 0.75; overflow-wrap: anywhere; }
.fault { border-left: 4px solid #c0392b; padding-left: 0.6rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
.scroll th, .scroll td { padding: 0.15rem 0.7rem 0.15rem 0; text-align: left; }
"""

KEPT = 600
"""Seconds for which a clip stays on the disk, so that its sender can play it."""

Update = tuple[Any, str, str, str, str]
"""Classes, what is said of them, where, states, when."""


def make_page(answers: Answers, *, examples: Sequence[Path], reported: bool) -> gr.Blocks:
    """Return the page of a run.

    Args:
        answers: the run.
        examples: video files that are offered.
        reported: whether the run's report is behind /report.
    """
    model = f"{answers.run.path.resolve().name}, {answers.recognizer.digest}"
    with warnings.catch_warnings():
        # what the library says of its own future
        warnings.simplefilter("ignore")
        with gr.Blocks(title=f"{visible(model)} · recircle", analytics_enabled=False, delete_cache=(60, KEPT)) as page:
            gr.Markdown(_head(answers, reported=reported))
            with gr.Row():
                with gr.Column():
                    clip = clip_input(
                        examples,
                        label="Clip",
                        sources=["upload", "webcam"],
                        include_audio=True,
                        webcam_options=gr.WebcamOptions(mirror=False),
                        height=380,
                    )
                    button = gr.Button("Recognise", variant="primary")
                    if examples:
                        gr.Examples([[str(path)] for path in examples], [clip], label="Clips that it was tested on")
                with gr.Column():
                    classes = gr.Label(label="Class", num_top_classes=SHOWN)
                    said = gr.HTML()
            with gr.Tab("Where it looked"):
                looked = gr.HTML()
            with gr.Tab("States of ARC layers"):
                states = gr.HTML()
            with gr.Tab("Timeline"):
                when = gr.HTML()

            def recognise(path: str | None) -> Iterator[Update]:
                yield from answer(answers, None if path is None else Path(path), model)

            places = [classes, said, looked, states, when]
            button.click(recognise, [clip], places, api_name="recognise", concurrency_limit=2)
    page.queue(max_size=answers.limits.waiting)
    return page


def answer(answers: Answers, clip: Path | None, model: str) -> Iterator[Update]:
    """Yield what the page shows of a clip, more of it each time; a fault is a sentence in the place of what it spoils.

    Args:
        answers: the run.
        clip: the file that was sent; None where none was.
        model: what answered, in words.
    """
    if clip is None:
        yield None, pieces.sentence("Choose a clip first.", fault=True), "", "", ""
        return
    try:
        found = answers.recognise(clip)
    except UserError as error:
        yield None, pieces.sentence(_reason(error), fault=True), "", "", ""
        return
    classes = {visible(label): share for label, share in found.recognition.top(SHOWN)}
    said = pieces.said(found, model)
    waits = pieces.sentence("Looking …")
    yield classes, said, waits, waits, waits
    try:
        looked = answers.look(clip)
        where, states = pieces.where(looked), pieces.states(looked)
    except UserError as error:
        where = states = pieces.sentence(_reason(error), fault=True)
    yield classes, said, where, states, waits
    try:
        when = pieces.when(answers.follow(clip, found.seconds), answers.window)
    except UserError as error:
        when = pieces.sentence(_reason(error), fault=True)
    yield classes, said, where, states, when


def _reason(error: UserError) -> str:
    # not under the name that the file has here
    return f"The clip cannot be read: {error.reason}" if isinstance(error, DecodeError) else str(error)


def _head(answers: Answers, *, reported: bool) -> str:
    classes = len(answers.recognizer.labels)
    report = (
        "its [report](/report)"
        if reported
        else f"no report yet: `recircle report {visible(answers.run.path.name)}` writes it"
    )
    network = answers.run.load_spec().model.title
    return (
        f"# {_plain(answers.run.path.resolve().name)}\n\n"
        f"{_plain(network)}, {classes} classes; {report}. What it says is what `recircle predict` says."
    )


def _plain(text: str) -> str:
    """Return text of others in a form that Markdown leaves alone."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>()#+-.!|~$&" else sign for sign in visible(text))
