"""Many clips on the workers of a Ray cluster: each has the recogniser, takes paths and gives rows."""

import json
import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recircle.checksums import sha256_of
from recircle.cores import cores
from recircle.errors import UserError
from recircle.inference.journal import Row
from recircle.inference.recognizer import Recognizer
from recircle.inference.results import result_to_dict
from recircle.run import Run

CLIPS = 16
"""Clips of a task: what is recognised again when its worker is lost."""
STORE = 128 << 20
"""Bytes of shared memory of a cluster that is started here; paths and rows alone pass through it."""


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
        with _cluster():
            device, resources = _share(ray, self.device, self.workers)
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


def import_ray() -> Any:
    """Return the package `ray`, with `ray.data` imported; it sends no statistics.

    Raises:
        UserError: it is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError:
        raise UserError('--engine ray needs Ray: pip install "recircle[ray]"') from None
    return ray


@contextmanager
def _cluster() -> Iterator[None]:
    """Be connected to the cluster of RAY_ADDRESS, or to one of this machine that ends with the block.

    Raises:
        UserError: there is none at the address.
    """
    ray = import_ray()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS", "")
    local = {"num_cpus": cores(), "object_store_memory": STORE, "include_dashboard": False}
    try:
        ray.init(address or "local", logging_level=logging.ERROR, log_to_driver=False, **({} if address else local))
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as problem:
        where = f"at RAY_ADDRESS={address}" if address else "on this machine"
        raise UserError(f"no cluster of Ray can be used {where}: {str(problem).partition(chr(10))[0]}") from problem
    try:
        yield
    finally:
        ray.shutdown()


def _share(ray: Any, device: str, workers: int) -> tuple[str, dict[str, float]]:
    """Return the device of each worker, and how much of the cluster it gets.

    Raises:
        UserError: GPUs are asked for and there are none, or one is named.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = sum(int(machine.get("GPU", 0)) for machine in machines)
    processors = [int(machine.get("CPU", 0)) for machine in machines]
    if device.startswith("cuda:"):
        raise UserError(f"--device {device}: Ray gives each worker a GPU; give --device cuda")
    if device == "cuda" and not gpus:
        raise UserError("--device cuda: the cluster of Ray has no GPU")
    if device == "auto":
        device = "cuda" if gpus else "cpu"
    share: dict[str, float] = {"num_cpus": _each(processors, workers)}
    if device == "cuda":
        share["num_gpus"] = 1 / -(-workers // gpus)
    return device, share


def _each(machines: Sequence[int], workers: int) -> float:
    """Return the most of something, at hand on several machines, that each worker can have so that all find a place."""
    for whole in range(max(machines, default=0), 0, -1):
        if sum(machine // whole for machine in machines) >= workers:
            return whole
    return 1 / -(-workers // max(1, sum(machines)))


_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # the way of the future for workers without a GPU, of which it would warn
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
