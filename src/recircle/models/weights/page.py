"""The page docs/weights.md, rendered from the table: `python -m recircle.models.weights.page > docs/weights.md`."""

import sys
from collections.abc import Iterator

from recircle.models.weights.homes import HubFile, PackageFile
from recircle.models.weights.known import KnownWeights
from recircle.models.weights.table import known_weights

_TOP = """# Weights

Training starts from published weights by `--model.pretrained NAME`, where NAME is one of those below, or what they were
trained on: `imagenet`, `kinetics400`. Of several that fit the network, the first in the table is meant then. A network
with ARC takes those of its host. `recircle weights NETWORK` lists what fits a network, `recircle weights NAME` says all
that is known of some, and whether they are on this machine.

* **Fetched once**: files at an address go where `torch.hub` keeps weights (`TORCH_HOME`), those of the hub where
  huggingface_hub does (`HF_HOME`). A download that breaks off leaves nothing that is taken for weights.
* **Checked each time**: by the checksum in the table. Where none is published, that of the first file is told, kept
  beside it and checked from then on.
* **Offline**: what is here is used. For what is not, the message has the address and says where to put the file.
* **A file of yours**: `--model.pretrained FILE`; a run works too, by its folder or as [`hf:OWNER/NAME`](hub.md).

Licences and accuracies are those that the publishers state, *not stated* where they state none; in brackets is the
licence of the code beside the weights. None of these accuracies was reproduced by this project. The facts were read on
2026-11-27 in the places of the last column; the addresses themselves were not tried from here. This page is written by
`python -m recircle.models.weights.page > docs/weights.md`, which `make docs` runs.
"""
_HEADER = """
| weights | fit | licence | top-1, as published | checksum | size | stated in |
|---|---|---|---|---|---|---|"""

_NOT_HERE = """
## What is not in the table

Weights whose files no program can fetch by an address: those of GSM (Google Drive) and ABM (OneDrive). Give such a file
by its path. Of CorrNet, MSNet and TEA no trained video networks are published. PySlowFast's and pytorchvideo's networks
for Something-Something V2 were trained on frames whose channels are in the order blue, green, red, unlike all here.
"""
_TITLES = {
    "imagenet": "ImageNet",
    "imagenet21k": "ImageNet-21k",
    "kinetics400": "Kinetics-400",
    "kinetics600": "Kinetics-600",
    "kinetics710": "Kinetics-710",
    "something_v1": "Something-Something V1",
    "something_v2": "Something-Something V2",
    "jester": "Jester",
}


def render() -> str:
    """Return the page in Markdown: a table for each data set."""
    return _TOP + "".join(f"{line}\n" for line in _lines()) + _NOT_HERE


def _lines() -> Iterator[str]:
    for data, title in _TITLES.items():
        yield f"\n## {title}: `{data}`"
        yield _HEADER
        for row in known_weights():
            if row.data == data:
                yield _line(row)


def _line(row: KnownWeights) -> str:
    name = f"`{row.name}`" if isinstance(row.home, PackageFile) else f"[`{row.name}`]({row.home.shown})"
    fit = ", ".join(f"`{network}`" for network in row.fits)
    unknown = "from the hub" if isinstance(row.home, HubFile) else "not known"
    stated = row.stated + (f"; {row.note}" if row.note else "")
    cells = (name, fit, row.licence, row.accuracy, _short(row) or unknown, row.size or "not stated", stated)
    return f"| {' | '.join(cells)} |"


def _short(row: KnownWeights) -> str:
    """Return the checksum, cut where it is long; `recircle weights NAME` prints it whole."""
    if row.checksum is None:
        return ""
    algorithm = "SHA-256" if row.checksum.algorithm == "sha256" else "git"
    return f"{algorithm} `{row.checksum.digest[:8]}`"


if __name__ == "__main__":
    sys.stdout.write(render())
