"""The place for a clip on the page, which takes what a person sends and opens nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

REFUSAL = "Send a clip: paths and addresses are not opened."


def clip_input(offered: Sequence[Path], **options: Any) -> gr.Video:
    """Return a video that was uploaded, recorded, or offered by the page.

    A program may name any path or address to the page's interface. gradio looks into that only where it started the
    server itself, and here it did not. The methods of this one component are replaced, since the browser knows no
    component of a class of ours.

    Args:
        offered: files that are not uploads and may be shown.
        options: of `gradio.Video`.
    """
    video = gr.Video(**options)
    copy, read = video.async_move_resource_to_block_cache, video.preprocess
    known = {path.resolve() for path in offered}

    def check(path: str | Path | None) -> None:
        # an address is no file in the folder either
        found = None if path is None else Path(path).resolve()
        sent = found is None or (found.is_relative_to(Path(video.GRADIO_CACHE).resolve()) and found.is_file())
        if not sent and found not in known:
            raise gr.Error(REFUSAL, print_exception=False)

    async def copy_what_was_sent(url_or_file_path: str | Path | None) -> str | None:
        check(url_or_file_path)
        return await copy(url_or_file_path)

    def read_what_was_sent(payload: FileData | None) -> str | None:
        # what a client says of a file may have kept it from being copied
        check(None if payload is None else payload.path)
        return read(payload)

    video.async_move_resource_to_block_cache = copy_what_was_sent
    video.preprocess = read_what_was_sent
    return video
