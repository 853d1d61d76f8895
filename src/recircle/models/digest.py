"""What tells the weights of a network from those of another."""

import hashlib

import torch
from torch import nn


def digest_of(network: nn.Module) -> str:
    """Return what tells a trained network from another: a digest of its parameters and buffers."""
    found = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if isinstance(value, torch.Tensor):
            content = value.detach().cpu().contiguous().flatten().view(torch.uint8)
            found.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            found.update(content.numpy().tobytes())
    return found.hexdigest()[:16]
