"""Many clips on the workers of a Ray cluster: each has the recogniser, takes paths and gives rows."""

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recircle.checksums import sha256_of
from recircle.errors import UserError
from recircle.inference.journal import Row
from recircle.inference.ray_cluster import connected, import_ray, share
from recircle.inference.recognizer import Recognizer
from recircle.inference.results import result_to_dict
from recircle.run import Run

CLIPS = 16
"""Clips of a task: what is recognised again when its worker is lost."""


@dataclass(frozen=True, kw_only=True)
class RayWorkers:
    """What recognises clips on a cluster.

    Attributes:
        run: of which every machine of the cluster finds the folder under this path, or `hf:OWNER/NAME`.
        options: of `Recognizer.load`, without the device.
        device: "auto" (GPUs where the cluster has some), "cpu", "cuda", "mps".
        workers: how many.
        top: how many classes of each clip.
    """

    run: str
    options: Mapping[str, Any]
    device: str
    workers: int
    top: int

    def recognise(self, paths: Sequence[Path]) -> Iterator[Row]:
        """Yield a row for each clip, as `result_to_dict` has them, in the order in which they are done.

        A worker that is lost is replaced, and its clips are recognised again, as often as it takes.

        Raises:
            UserError: ray is not installed, or no cluster is where RAY_ADDRESS says; it has no GPU, and "cuda" was
                asked for; a worker does not find the run, or finds another; frames are too small for the crop; or
                the cluster is lost.
        """
        if not paths:
            return
        ray = import_ray()
        with connected():
            device, resources = share(ray, self.device, self.workers)
            settings = {
                "run": self.run,
                "weights": sha256_of(Run.open(self.run).weights_path),
                "options": {**self.options, "device": device},
                "threads": max(1, int(resources["num_cpus"])),
                "top": self.top,
                # where modules of one's own lie that the run needs
                "places": [place for place in sys.path if place],
            }
            # bytes, since names need not be Unicode
            items = [{"number": number, "path": os.fsencode(path.absolute())} for number, path in enumerate(paths)]
            data = ray.data.from_items(items, override_num_blocks=-(-len(items) // CLIPS)).map_batches(
                _Worker,
                fn_constructor_kwargs={"settings": settings},
                compute=ray.data.ActorPoolStrategy(size=self.workers),
                batch_size=None,
                **resources,
            )
            batches = data.iter_batches(batch_size=None, prefetch_batches=0)
            try:
                for batch in batches:
                    for number, text in zip(batch["number"], batch["row"]):
                        row = json.loads(text)
                        if "stop" in row:
                            raise UserError(row["stop"])
                        yield {**row, "path": str(paths[int(number)])}
            except ray.exceptions.RayTaskError:
                raise
            except ray.exceptions.RayError as problem:
                raise UserError(
                    f"the workers of Ray are lost ({type(problem).__name__}); what was recognised is kept, "
                    "and the same command goes on"
                ) from problem


class _Worker:
    """A process of the cluster that recognises clips.

    What a user can mend is passed on as a row: an error would come back as one of Ray's.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings, self._refused = settings, ""
        torch.set_num_threads(settings["threads"])
        sys.path += [place for place in settings["places"] if place not in sys.path]
        try:
            if sha256_of(Run.open(settings["run"]).weights_path) != settings["weights"]:
                raise UserError(f"{settings['run']} has other weights there than here; copy the run anew")
            self._recognizer = Recognizer.load(settings["run"], **settings["options"])
        except UserError as error:
            self._refused = f"a worker on {socket.gethostname()} cannot begin: {error}"

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row for each clip, or up to the one that the network cannot take."""
        rows: list[Row] = [{"stop": self._refused}] if self._refused else []
        if not self._refused:
            paths = [Path(os.fsdecode(path)) for path in batch["path"]]
            try:
                for path, result in self._recognizer.many(paths, workers=max(2, self._settings["threads"])):
                    rows.append(result_to_dict(path, result, self._settings["top"]))
            except UserError as error:
                rows.append({"stop": str(error)})
        texts = np.array([json.dumps(row) for row in rows], dtype=object)
        return {"number": np.asarray(batch["number"])[: len(rows)], "row": texts}
