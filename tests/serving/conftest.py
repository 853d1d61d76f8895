"""What all tests of the service serve and send."""

from pathlib import Path

import pytest

from recircle.run import Run
from tests.media import moving_frames, write_video
from tests.small_run import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "a.mp4"
    write_video(path, moving_frames(8))
    return path
