"""Two machines that are network namespaces of this one, and what runs on them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from recircle import UserError

# torchrun starts processes again with the store of the first start otherwise, and they find addresses of it there
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}


class Machines:
    """Two machines, while it is entered; their number is 0 or 1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = [f"recircle{os.getpid()}-{node}" for node in (0, 1)]
        self._ports = [f"rc{os.getpid()}-{node}" for node in (0, 1)]
        self.hosts = folder / "hosts"

    def __enter__(self) -> "Machines":
        if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
            raise UserError("network namespaces need root, and the commands ip (iproute2) and unshare (util-linux)")
        self.hosts.write_text("127.0.0.1 localhost\n10.77.0.1 node0\n10.77.0.2 node1\n")
        for name in self._names:
            _call("ip", "netns", "add", name)
        _call("ip", "link", "add", self._ports[0], "type", "veth", "peer", "name", self._ports[1])
        for node, (name, port) in enumerate(zip(self._names, self._ports, strict=True)):
            _call("ip", "link", "set", port, "netns", name)
            _call("ip", "-n", name, "addr", "add", f"10.77.0.{node + 1}/24", "dev", port)
            _call("ip", "-n", name, "link", "set", "lo", "up")
            self.cable(node, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            _call("ip", "netns", "delete", name)

    def cable(self, node: int, state: str) -> None:
        """Join a machine to the other ("up"), or cut it off ("down")."""
        _call("ip", "-n", self._names[node], "link", "set", self._ports[node], state)

    def start(self, node: int, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Run a command on a machine, which has a name of its own there."""
        there = f'mount --bind {self.hosts} /etc/hosts; hostname node{node}; exec "$@"'
        with log.open("ab") as file:
            enter = ["ip", "netns", "exec", self._names[node], "unshare", "--uts", "--mount", "sh", "-c", there, "sh"]
            return subprocess.Popen(
                [*enter, *command],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | _ENVIRONMENT,
            )


def descendants(process: int) -> list[int]:
    """Return a process and all below it."""
    found = [process]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def is_alive(process: int) -> bool:
    """Tell whether a process runs, and is not merely to be buried."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(processes: Sequence[int], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to processes, some of which may be gone."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def _call(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as problem:
        raise UserError(f"{' '.join(command)}: {problem.stderr.strip()}") from None
