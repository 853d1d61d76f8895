"""The cluster of Ray that does the work: the one of RAY_ADDRESS, or one of this machine."""

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recircle.cores import cores
from recircle.errors import UserError

STORE = 128 << 20
"""Bytes of shared memory of a cluster that is started here; paths and rows alone pass through it."""

_PATIENCE = 10
"""Seconds in which the first machine of a cluster takes a connection; Ray itself tries for over a minute."""


def import_ray() -> Any:
    """Return the package `ray`, with `ray.data` imported; it sends no statistics.

    Raises:
        UserError: it is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if os.environ.get("RAY_ADDRESS") and _has_token():
        # `ray start` asks for a token wherever there is one, but a program gives it only if it is told to
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError:
        raise UserError('--engine ray needs Ray: pip install "recircle[ray]"') from None
    return ray


@contextmanager
def connected() -> Iterator[None]:
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
    _check_answers(address)
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


def _check_answers(address: str) -> None:
    """Insist that somebody listens at an address, if it names a machine and a port.

    Raises:
        UserError: nobody does.
    """
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except OSError as problem:
        raise UserError(
            f"no cluster of Ray answers at RAY_ADDRESS={address} ({problem}); `ray start --head` on that machine "
            "starts one, and says the address"
        ) from None


def _has_token() -> bool:
    """Tell whether Ray would find a token by which this user is known to clusters."""
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return True
    return (Path.home() / ".ray" / "auth_token").is_file()


def share(ray: Any, device: str, workers: int) -> tuple[str, dict[str, float]]:
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
