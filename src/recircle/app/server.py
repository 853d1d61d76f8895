"""The page over HTTP, until the process is told to end."""

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from gradio.themes import Default

from recircle.app.answers import Answers, example_clips
from recircle.app.page import STYLE, make_page
from recircle.errors import UserError
from recircle.serving.limits import Limits
from recircle.serving.ports import check_port

REPORT = "report.html"

GRACE = 5
"""Seconds for answers that are under way when the process is told to end; open pages keep connections for ever."""


def show(
    run: Path,
    *,
    options: Mapping[str, Any],
    limits: Limits,
    host: str,
    port: int,
    device: str,
    window: float | None,
    examples: Sequence[Path],
    loaded: Callable[[], object] = lambda: None,
) -> None:
    """Show the page until SIGTERM or Ctrl-C.

    Args:
        run: the folder of the run.
        options: of `Recognizer.load`, without the device.
        limits: of a clip.
        host: where it listens.
        port: likewise.
        device: of the network.
        window: seconds of a window of the timeline, or None.
        examples: video files that are offered; none takes some of those that training evaluated on.
        loaded: called when the run has been found good.

    Raises:
        UserError: the run cannot be loaded, an example is not there, or the port is taken.
    """
    check_port(host, port)
    if missing := [path for path in examples if not path.is_file()]:
        raise UserError(f"--examples {missing[0]}: there is no such file")
    answers = Answers(run, options=dict(options), limits=limits, device=device, window=window)
    try:
        application = make_application(answers, examples or example_clips(answers.run))
        loaded()
        config = uvicorn.Config(application, host=host, port=port, log_level="warning", timeout_graceful_shutdown=GRACE)
        # the server raises the signal that ended it once more, which would end the process before its files go
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run()
    finally:
        answers.close()


def make_application(answers: Answers, examples: Sequence[Path]) -> FastAPI:
    """Return the page and the run's report behind it."""
    report = answers.run.path / REPORT
    application = FastAPI(openapi_url=None)

    @application.get("/report")
    def send_report() -> FileResponse:  # pyright: ignore[reportUnusedFunction]  (its address is what is used)
        if not report.is_file():
            raise HTTPException(404, f"there is no report; `recircle report {answers.run.path.name}` writes it")
        return FileResponse(report, media_type="text/html")

    page = make_page(answers, examples=examples, reported=report.is_file())
    return gr.mount_gradio_app(
        application,
        page,
        path="/",
        # what fits in memory is refused by the limits, with a reason
        max_file_size=round(1e6 * answers.limits.megabytes),
        footer_links=[],
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        css=STYLE,
        # no font is fetched from elsewhere
        theme=Default(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")),
    )
