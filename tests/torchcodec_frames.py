"""A script that compares the frames of the two backends; prints one JSON object: path -> how they compare.

It runs in a process of its own, since the search path for FFmpeg's libraries must be set before a process starts.
"""

import json
import sys
import warnings

import torch

from recircle.decode.frames import decode
from recircle.decode.probe import probe
from recircle.decode.torchcodec import import_decoders
from recircle.errors import UserError


def compare(path: str) -> dict[str, object]:
    """Decode all frames (and a few out of order) by both backends."""
    count = probe(path).frames
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        other = decode(path, range(count), backend="torchcodec")
    few = [count - 1, 0, count // 2]
    frames = decode(path, range(count))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        equal = torch.equal(decode(path, few, backend="torchcodec"), frames[few])
    return {"equal": equal and torch.equal(frames, other), "warnings": [str(warning.message) for warning in caught]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    try:
        import_decoders()
    except UserError as error:
        print(json.dumps({"skip": str(error)}))
    else:
        print(json.dumps({path: compare(path) for path in sys.argv[1:]}))
