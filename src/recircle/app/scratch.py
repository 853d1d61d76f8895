"""Where gradio keeps what people send, which is settled before it is imported."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def private_gradio() -> Iterator[None]:
    """Let gradio, imported inside the block, keep its files in a folder that goes with it, and report to nobody."""
    with tempfile.TemporaryDirectory(prefix="recircle-app-") as folder:
        settings = {"GRADIO_TEMP_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False"}
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
