"""What a client sends: a video file, or the frames of a clip."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated

from fastapi import File, Form, HTTPException, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from recircle.decode.natural import natural_key

_FIELDS = ("clip", "frames", "top")
_WANTED = {
    "clip": "send a file, such as `-F clip=@clip.mp4`",
    "frames": "send files, such as `-F frames=@1.jpg -F frames=@2.jpg`",
}
"""What is told of fields whose reader speaks of its own classes."""
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")


@dataclass(frozen=True)
class Upload:
    """The files of one request, in memory.

    Attributes:
        files: name and content of the video file, or of each frame in order.
        is_frames: whether they are frames.
        top: how many classes are wanted.
    """

    files: tuple[tuple[str, bytes], ...]
    is_frames: bool
    top: int

    def write(self, folder: Path) -> Path:
        """Write the clip into a folder and return its path; of the client's names only the suffixes are used."""
        if not self.is_frames:
            name, content = self.files[0]
            path = folder / f"clip{_suffix(name)}"
            path.write_bytes(content)
            return path
        path = folder / "frames"
        path.mkdir()
        for number, (name, content) in enumerate(self.files, 1):
            (path / f"{number:06}{_suffix(name)}").write_bytes(content)
        return path


async def read_upload(
    request: Request,
    clip: Annotated[UploadFile | None, File(description="a video file")] = None,
    frames: Annotated[
        list[UploadFile] | None, File(description="the frames of a clip as images, in the order of their names")
    ] = None,
    top: Annotated[int, Form(ge=1, description="how many classes to answer with, the likeliest first")] = 5,
) -> Upload:
    """Read the form that a client sends.

    Raises:
        HTTPException: 400, it holds neither, both, or several clips, or fields of other names.
    """
    given, form = frames or [], await request.form()
    if unknown := sorted(form.keys() - set(_FIELDS)):
        known = ", ".join(_FIELDS)
        raise HTTPException(400, f"the form has fields that nobody reads: {', '.join(unknown)}; known are {known}")
    if len(form.getlist("top")) > 1:
        raise HTTPException(400, "the form has several fields `top`; send one")
    if (clip is None) == (not given) or len(form.getlist("clip")) > 1:
        raise HTTPException(400, "send one video file as `clip`, or the images of its frames as `frames`, in a form")
    files = [clip] if clip is not None else sorted(given, key=lambda file: natural_key(file.filename or ""))
    contents = [(file.filename or "", await file.read()) for file in files]
    if not all(content for _, content in contents):
        raise HTTPException(400, "a file of the form is empty")
    return Upload(tuple(contents), clip is None, top)


async def refuse_form(_: Request, error: Exception) -> JSONResponse:
    """Answer 422 to a form whose fields are of another kind, and say which, in one sentence as all refusals do."""
    assert isinstance(error, RequestValidationError)
    faults = [(str(fault["loc"][1]), fault["msg"]) for fault in error.errors() if len(fault["loc"]) > 1]
    told = dict.fromkeys(f"{field}: {_WANTED.get(field, message)}" for field, message in faults)
    return JSONResponse({"detail": "; ".join(told) or "the form cannot be read"}, 422)


def _suffix(name: str) -> str:
    suffix = PurePath(name.replace("\\", "/")).suffix
    return suffix if _SUFFIX.fullmatch(suffix) else ""
