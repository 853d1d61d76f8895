"""The machine that something was measured on."""

import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from recircle.public import public


@public
@dataclass(frozen=True, kw_only=True)
class Machine:
    """What results of the last digits depend on, beside the settings.

    Attributes:
        device: that the network was on, as PyTorch names it.
        name: of the processor, or of the GPU.
        threads: of PyTorch.
        pytorch: its version.
    """

    device: str
    name: str
    threads: int
    pytorch: str

    @classmethod
    def here(cls, device: torch.device) -> "Machine":
        """Describe this machine, with the network on `device`."""
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
        # processes that share a run number their places on a CPU, of which there is one
        place = str(device) if device.type != "cpu" else "cpu"
        return cls(device=place, name=name, threads=torch.get_num_threads(), pytorch=str(torch.__version__))


def processor() -> str:
    """Return the name of the processor."""
    name = platform.processor()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    return name
