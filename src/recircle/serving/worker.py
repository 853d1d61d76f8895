"""What a worker process of the service does: several clips decoded at once, then one pass of the network."""

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from fastapi import Depends
from fastapi.responses import JSONResponse
from litserve import LitAPI

from recircle.cores import cores
from recircle.decode.error import DecodeError
from recircle.decode.trim import Trim
from recircle.errors import UserError
from recircle.inference.recognition import Recognition
from recircle.inference.recognizer import Recognizer
from recircle.serving.lifetime import end_with_parent
from recircle.serving.limits import Limits
from recircle.serving.upload import Upload, read_upload

PATH = "/predict"


@dataclass(frozen=True, kw_only=True)
class Served:
    """What is served, and how.

    Attributes:
        run: the folder of the run.
        options: of `Recognizer.load`.
        limits: of a request.
        batch: most clips that pass the network together.
        wait: seconds that a clip waits for others, at most.
        workers: processes.
        scratch: folder for what clients send, while it is decoded.
    """

    run: Path
    options: Mapping[str, Any]
    limits: Limits
    batch: int
    wait: float
    workers: int
    scratch: Path


Result = Recognition | UserError | OSError
"""What was recognised; why the clip cannot be read; or what the disk refused."""


@dataclass(frozen=True)
class Answer:
    """What is answered to one request: its result, and how many classes were asked for."""

    result: Result
    top: int


class RecognitionAPI(LitAPI):
    """The run of a `Served` behind `POST /predict`."""

    def __init__(self, served: Served) -> None:
        with warnings.catch_warnings():
            # a batch of one is meant, and needs no other methods
            warnings.simplefilter("ignore")
            super().__init__(max_batch_size=served.batch, batch_timeout=served.wait, api_path=PATH)
        self._served = served

    def setup(self, device: str) -> None:
        """Load the run, in the worker."""
        # Ctrl-C reaches every process; workers end when the requests that are there have been answered
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with_parent()
        self._prefix = f"worker-{os.environ.get('LITSERVE_WORKER_ID', '0')}-"
        for left in self._served.scratch.glob(f"{self._prefix}*"):
            # by the worker of this number that was killed
            shutil.rmtree(left, ignore_errors=True)
        if device == "cpu":
            torch.set_num_threads(max(1, cores() // self._served.workers))
        limits = self._served.limits
        options = {**self._served.options, "device": device, "seconds": limits.decoding}
        self._recognizer = Recognizer.load(self._served.run, **options)
        self._trim = Trim()
        self._model = {"run": self._served.run.resolve().name, **self._recognizer.settings}

    def decode_request(self, request: Annotated[Upload, Depends(read_upload)], **kwargs: Any) -> Upload:  # noqa: ARG002
        """Take what the form held; it is decoded with the others of its batch."""
        return request

    def batch(self, inputs: list[Upload]) -> list[Upload]:
        """Leave the requests as they are."""
        return inputs

    def unbatch(self, output: list[Answer]) -> list[Answer]:
        """Leave the answers as they are."""
        return output

    def predict(self, x: Upload | list[Upload], **kwargs: Any) -> Answer | list[Answer]:  # noqa: ARG002
        """Recognise the clips of a batch; one that cannot be decoded does not touch the others."""
        uploads = x if isinstance(x, list) else [x]
        found: dict[int, Result] = {}
        try:
            with tempfile.TemporaryDirectory(dir=self._served.scratch, prefix=self._prefix) as folder:
                paths: dict[int, Path] = {}
                for number, upload in enumerate(uploads):
                    own = Path(folder, str(number))
                    try:
                        own.mkdir()
                        paths[number] = upload.write(own)
                    except OSError as error:
                        found[number] = error
                found |= zip(paths, self._recognise(list(paths.values())))
        except OSError as error:
            # not even the folder could be made
            found |= {number: error for number in range(len(uploads)) if number not in found}
        answers = [Answer(found[number], upload.top) for number, upload in enumerate(uploads)]
        self._trim()
        return answers if isinstance(x, list) else answers[0]

    def _recognise(self, paths: list[Path]) -> list[Result]:
        try:
            return [*self._recognizer.together(paths, check=self._served.limits.check)]
        except UserError as error:
            if len(paths) == 1:
                return [error]
            # one of them does not fit the network, and the others should not suffer from it
            return [self._recognise([path])[0] for path in paths]

    def encode_response(self, output: Answer, **kwargs: Any) -> JSONResponse:  # noqa: ARG002
        """Return what was recognised; 422 with the reason why the clip cannot be; or 503 where the disk is full."""
        result = output.result
        if isinstance(result, OSError):
            detail = f"there is no room for the clip ({result.strerror}); come again later"
            return JSONResponse({"detail": detail}, 503, {"Retry-After": "10"})
        if isinstance(result, UserError):
            reason = result.reason if isinstance(result, DecodeError) else str(result)
            return JSONResponse({"detail": f"the clip cannot be read: {reason}"}, 422)
        return JSONResponse({**result.to_dict(output.top), "model": self._model})
