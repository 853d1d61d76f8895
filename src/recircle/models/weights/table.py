"""The table of known weights, and what of it fits a network."""

import difflib
from functools import cache
from pathlib import Path

from recircle.errors import UserError
from recircle.hub import is_reference
from recircle.models.weights.known import KnownWeights
from recircle.models.weights.rows import authors, facebook, mmaction2, packages, timesformer, timm, torchvision

_FILES = (".pth", ".pt", ".tar", ".pyth", ".pkl", ".bin", ".ckpt", ".safetensors")


@cache
def known_weights() -> tuple[KnownWeights, ...]:
    """Return all rows; of several for one network and one data set, the first is what the data set's name means."""
    return tuple(
        row
        for module in (packages, torchvision, timesformer, facebook, mmaction2, authors, timm)
        for row in module.ROWS
    )


def get_weights(name: str) -> KnownWeights:
    """Return the row of a name.

    Raises:
        UserError: there is none; the message has names that come close.
    """
    found = next((row for row in known_weights() if row.name == name), None)
    if found is None:
        close = difflib.get_close_matches(name, [row.name for row in known_weights()], n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "`recircle weights` lists them"
        raise UserError(f"no weights are called {name!r}; {hint}")
    return found


def weights_for(network: str) -> list[KnownWeights]:
    """Return the rows that fit a network."""
    return [row for row in known_weights() if row.fits_network(network)]


def find_weights(network: str, called: str) -> KnownWeights:
    """Return the row that a network's `pretrained` means.

    Args:
        network: its name.
        called: the name of a row, or of what it was trained on.

    Raises:
        UserError: nothing of that name fits the network; the message lists what does.
    """
    if ":" in network:
        # of transformers or timm
        raise UserError(f"{network} starts from its own weights; leave out --model.pretrained, or give a weight file")
    rows = weights_for(network)
    found = [row for row in rows if row.name == called] or [row for row in rows if row.data == called]
    if found:
        return found[0]
    data = list(dict.fromkeys(row.data for row in rows))
    offered = f"it has {', '.join(data)}; `recircle weights {network}` lists them" if rows else "none is known for it"
    raise UserError(f"no weights called {called!r} fit {network}: {offered}, or give the path of a weight file")


def is_name(pretrained: str | Path) -> bool:
    """Tell whether `pretrained` names weights, rather than a file, a folder or a repository of the hub."""
    text = str(pretrained)
    if isinstance(pretrained, Path) or is_reference(text) or "/" in text or "\\" in text:
        return False
    return not text.endswith(_FILES) and (text in _names() or not Path(text).exists())


@cache
def _names() -> frozenset[str]:
    return frozenset(name for row in known_weights() for name in (row.name, row.data))
