"""The place for a clip on the page, which takes what a person sends and opens nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

REFUSAL = "Send a clip: paths and addresses are not opened."

from gradio.events import Dependency

class Clip(gr.Video):
    """A video that was uploaded, recorded, or offered by the page.

    A program may name any path or address to the page's interface. gradio looks into that only where it started the
    server itself, and here it did not.
    """

    is_template = True

    def __init__(self, offered: Sequence[Path], **options: Any) -> None:
        # before the component is made, which hands its own value through these methods
        self._offered = {path.resolve() for path in offered}
        super().__init__(**options)

    async def async_move_resource_to_block_cache(self, url_or_file_path: str | Path | None) -> str | None:
        """Copy a file to where the page can show it.

        Raises:
            gradio.Error: it is neither an upload nor offered.
        """
        self._check(url_or_file_path)
        return await super().async_move_resource_to_block_cache(url_or_file_path)

    def preprocess(self, payload: FileData | None) -> str | None:
        """Return the path of what was sent.

        Raises:
            gradio.Error: as above; some of what a client may say of a file keeps it from being copied first.
        """
        self._check(None if payload is None else payload.path)
        return super().preprocess(payload)

    def _check(self, path: str | Path | None) -> None:
        if path is None:
            return
        # an address is no path in the folder either
        found = Path(path).resolve()
        if found not in self._offered and not (
            found.is_relative_to(Path(self.GRADIO_CACHE).resolve()) and found.is_file()
        ):
            raise gr.Error(REFUSAL, print_exception=False)
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component