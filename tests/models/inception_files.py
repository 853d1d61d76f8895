"""Weight files as the authors of TSN, GSM and TRN published them: their names and shapes, with random values."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def draw(shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """Return tensors of given shapes; those without dimensions are counters."""
    return {key: torch.rand(*shape) if shape else torch.tensor(0) for key, shape in shapes.items()}


@cache
def gsm(backbone: str) -> Mapping[str, Tensor]:
    """Return a GSM checkpoint of 12 classes, without `module.`."""
    entries = json.loads((GOLDEN / f"gsm_{backbone}.json").read_text())["param_sets"]["main"]
    return MappingProxyType(draw({e["key"]: e["shape"] for e in entries}))


def tsn(backbone: str) -> dict[str, Tensor]:
    """Return a TSN checkpoint of 12 classes, without `module.`."""
    return {key: value for key, value in gsm(backbone).items() if ".gsm_" not in key}


def trn(frames: int = 8, classes: int = 12, multi_scale: bool = True) -> dict[str, Tensor]:
    """Return a TRN checkpoint with BN-Inception, without `module.`."""
    state = {key: value for key, value in tsn("bninception").items() if not key.startswith("new_fc.")}
    shapes: dict[str, Sequence[int]] = {"new_fc.weight": (256, 1024), "new_fc.bias": (256,)}
    hidden = 256 if multi_scale else 512
    for scale in range(frames, 1, -1) if multi_scale else [frames]:
        head = f"consensus.fc_fusion_scales.{frames - scale}" if multi_scale else "consensus.classifier"
        shapes |= {f"{head}.1.weight": (hidden, scale * 256), f"{head}.1.bias": (hidden,)}
        shapes |= {f"{head}.3.weight": (classes, hidden), f"{head}.3.bias": (classes,)}
    return {**state, **draw(shapes)}


def imagenet(backbone: str) -> dict[str, Tensor]:
    """Return an ImageNet file of TSN's authors: norms of shape (1, C), no counters, the image network's classifier."""
    state: dict[str, Tensor] = {}
    for key, value in tsn(backbone).items():
        if key.startswith("base_model.") and not key.endswith("num_batches_tracked"):
            norm = "_bn." in key or "_batchnorm." in key
            state[key.removeprefix("base_model.")] = value[None] if norm else value
    classifier = {"bninception": "fc", "inceptionv3": "top_cls_fc"}[backbone]
    features = gsm(backbone)["new_fc.weight"].shape[1]
    return {**state, **draw({f"{classifier}.weight": (1000, features), f"{classifier}.bias": (1000,)})}


def save(state: Mapping[str, Tensor], file: Path) -> Path:
    """Write a checkpoint as the scripts of TSN's family do, and return its path."""
    wrapped = {f"module.{key}": value for key, value in state.items()}
    torch.save({"epoch": 60, "arch": "x", "state_dict": wrapped, "best_prec1": 50.6}, file)
    return file
