"""Trained runs as single files that run without this package.

`recircle export RUN` writes RUN/model.onnx, with `--format torch` RUN/model.pt2, with `--format aoti`
RUN/model.aoti.pt2, and with `--format executorch` RUN/model.pte. All take uint8 RGB frames and return logits; the
normalisation is inside, so that nobody can do it in another way. All carry the run's `model.json`: labels,
preprocessing, sampling. B and T are free unless `--clips` and `--frames` say them, H and W are the run's crop;
`export.json` in the file says which network it is and what it takes. `--online` writes what runs a causal network frame
by frame, with its state as inputs and outputs: "Frame by frame" in the documentation shows how it is run.

With ONNX Runtime, NumPy and Pillow only, one view of a clip whose frames are images in memory:

```python
import json

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
spec = json.loads(session.get_modelmeta().custom_metadata_map["model.json"])
resize, crop = spec["preprocessing"]["resize"], spec["preprocessing"]["crop"]


def prepare(image):  # PIL.Image in RGB -> uint8 [3, H, W]
    if isinstance(resize, int):  # the shorter side
        short = min(image.size)
        width, height = (resize * side // short for side in image.size)
    else:
        height, width = resize
    high, wide = (crop, crop) if isinstance(crop, int) else crop
    left, top = (width - wide) // 2, (height - high) // 2
    pixels = np.asarray(image.resize((width, height), 2))  # bilinear
    return pixels[top : top + high, left : left + wide].transpose(2, 0, 1)


def recognise(images):  # the frames of a clip of constant rate, in order; where sampling's mode is "segments"
    tick = len(images) / spec["sampling"]["frames"]
    chosen = [images[int(tick / 2 + tick * k)] for k in range(spec["sampling"]["frames"])]
    frames = np.stack([prepare(image) for image in chosen])[None]  # uint8 [B, T, 3, H, W]
    (logits,) = session.run(["logits"], {"frames": frames})  # float32 [B, K]
    return dict(zip(spec["labels"], logits[0].tolist()))
```

With PyTorch, where the frames are a uint8 tensor (such a file is a pickle: load only what you trust):

```python
extra = {"model.json": ""}
network = torch.export.load("model.pt2", extra_files=extra).module()
logits = network(frames)
```

What is compiled ahead of time (AOTInductor) needs a C++ compiler once, when it is written. It starts at once, and runs
with this version of PyTorch on processors that have the instructions of the one that it was compiled on. "How do I run
a network elsewhere?" in the FAQ says how.
"""

from recircle.export.export import Exported, export_run
from recircle.export.facts import Shape
from recircle.export.formats import Format
from recircle.export.parity import Parity

__all__ = ["Exported", "Format", "Parity", "Shape", "export_run"]
