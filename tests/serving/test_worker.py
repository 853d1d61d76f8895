"""What a worker does with a batch: a clip that fails costs itself."""

import errno
import json
from pathlib import Path

import pytest

from recircle.decode.error import DecodeError
from recircle.decode.probe import Probe
from recircle.errors import UserError
from tests.media import moving_frames, write_video
from tests.small_run import write_run

pytest.importorskip("litserve", reason="the extra serve is not installed")

from recircle.serving.limits import Limits
from recircle.serving.upload import Upload
from recircle.serving.worker import Answer, RecognitionAPI, Served


@pytest.fixture
def api(tmp_path: Path) -> RecognitionAPI:
    run = write_run(tmp_path / "run")
    served = Served(run=run.path, options={}, limits=Limits(), batch=4, wait=0.0, workers=1, scratch=tmp_path)
    api = RecognitionAPI(served)
    api.setup("cpu")
    return api


def answer(api: RecognitionAPI, given: Answer) -> tuple[int, dict[str, object]]:
    response = api.encode_response(given)
    return response.status_code, json.loads(bytes(response.body))


def test_a_full_disk_and_a_clip_that_does_not_fit_cost_themselves(
    api: RecognitionAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write_video(tmp_path / "a.mp4", moving_frames(6)).read_bytes()
    uploads = [Upload(((f"{name}.mp4", content),), is_frames=False, top=2) for name in ("good", "full", "odd")]
    write, together = Upload.write, api._recognizer.together

    def refuse(self: Upload, folder: Path) -> Path:
        if self.files[0][0] == "full.mp4":
            raise OSError(errno.ENOSPC, "No space left on device")
        path = write(self, folder)
        return path.rename(folder / self.files[0][0])

    def together_or_not(paths: list[Path], **options: object) -> object:
        if any(path.name == "odd.mp4" for path in paths):
            raise UserError("its frames are too small")
        return together(paths, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Upload, "write", refuse)
    monkeypatch.setattr(api._recognizer, "together", together_or_not)
    answers = api.predict(uploads)
    assert isinstance(answers, list)
    good, full, odd = (answer(api, one) for one in answers)
    assert good[0] == 200
    assert len(good[1]["top"]) == 2  # pyright: ignore[reportArgumentType]
    assert full == (503, {"detail": "there is no room for the clip (No space left on device); come again later"})
    assert odd == (422, {"detail": "the clip cannot be read: its frames are too small"})


def test_a_disk_that_takes_nothing_at_all_is_said_to_each(api: RecognitionAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    answers = api.predict([Upload((("a.mp4", b"x"),), is_frames=False, top=2)] * 2)
    assert isinstance(answers, list)
    assert [answer(api, one)[0] for one in answers] == [503, 503]


def test_what_a_killed_worker_left_is_removed_by_the_next_one(api: RecognitionAPI, tmp_path: Path) -> None:
    left, others = tmp_path / "worker-0-x", tmp_path / "worker-1-x"
    left.mkdir()
    others.mkdir()
    api.setup("cpu")
    assert not left.exists()
    assert others.exists()


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Probe(300, 25.0, 64, 48, 0, None, "ok"), "it lasts 12 s, and 10 s"),
        (Probe(10, 25.0, 4000, 3000, 0, None, "ok"), "4000 x 3000 pixels, and 9 million"),
        (Probe(30, 0.0, 64, 48, 0, None, "ok"), "it has 30 frames, and 20"),
    ],
)
def test_limits(found: Probe, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        Limits(duration=10, frames=20).check(Path("a"), found)


def test_limits_are_above_zero() -> None:
    with pytest.raises(UserError, match="--waiting 0 must be above 0"):
        Limits(waiting=0)
