"""The names that published weights of I3D, SlowOnly and SlowFast have, brought to those of this package."""

import re
from collections.abc import Callable
from typing import Literal

from torch import Tensor

Naming = Literal["PySlowFast", "pytorchvideo", "Caffe2", "mmaction2"]
"""Whose names they are. Caffe2 stands for the .pkl files of Non-local's code and of PySlowFast's model zoo."""

_ONE = ("", "fast.")
_TWO = ("slow.", "fast.")
"""What is put before the names of either pathway's parameters."""


def rename_resnet3d(state: dict[str, Tensor], pathways: int = 1) -> tuple[Naming | None, dict[str, Tensor]]:
    """Bring published weights to this package's names.

    Args:
        state: tensors by published name. Names that are not known stay as they are; the optimiser's blobs in Caffe2's
            files are left out.
        pathways: 1 for I3D and SlowOnly; 2 for SlowFast, whose pathways are called `slow` and `fast`.

    Returns:
        Whose names they were, None where they are this package's or torchvision's; and the tensors.
    """
    prefixes = _TWO if pathways == 2 else _ONE
    if all(key.startswith("model.") for key in state):
        # what wraps pytorchvideo's networks in PySlowFast
        state = {key.removeprefix("model."): value for key, value in state.items()}
    naming = _naming_of(state)
    if naming is None:
        return None, state
    if naming == "Caffe2":
        state = {key: value for key, value in state.items() if not _is_optimisers(key, state)}
    rename = _renaming(naming, state, prefixes)
    return naming, {rename(key): value for key, value in state.items()}


def _naming_of(state: dict[str, Tensor]) -> Naming | None:
    if "s1.pathway0_stem.conv.weight" in state:
        return "PySlowFast"
    if "blocks.0.conv.weight" in state or "blocks.0.multipathway_blocks.0.conv.weight" in state:
        return "pytorchvideo"
    if "conv1_w" in state:
        return "Caffe2"
    return "mmaction2" if any(key.startswith("backbone.") for key in state) else None


def _is_optimisers(key: str, state: dict[str, Tensor]) -> bool:
    """Tell whether a blob of Caffe2 is a momentum, the learning rate, or the iteration's number."""
    return key in ("lr", "model_iter") or (key.endswith("_momentum") and key.removesuffix("_momentum") in state)


def _renaming(naming: Naming, state: dict[str, Tensor], prefixes: tuple[str, str]) -> Callable[[str], str]:
    match naming:
        case "PySlowFast":
            return lambda key: _from_pyslowfast(key, prefixes)
        case "Caffe2":
            return lambda key: _from_caffe2(key, prefixes)
        case "mmaction2":
            return _from_mmaction2
        case "pytorchvideo":
            # I3D's temporal pool, which has no parameters, is a block of its own between the stages
            found = sorted({int(key.split(".")[1]) for key in state if ".res_blocks." in key})
            stages = {block: rank for rank, block in enumerate(found, 1)}
            return lambda key: _from_pytorchvideo(key, prefixes, stages)


def _from_pyslowfast(key: str, prefixes: tuple[str, str]) -> str:
    if stem := re.fullmatch(r"s1\.pathway([01])_stem\.(conv|bn)\.(\w+)", key):
        return f"{prefixes[int(stem[1])]}{stem[2]}1.{stem[3]}"
    if block := re.fullmatch(r"s([2-5])\.pathway([01])_res(\d+)\.(branch.+)\.(\w+)", key):
        layer = _PYSLOWFAST_LAYERS.get(block[4], block[4])
        return f"{prefixes[int(block[2])]}layer{int(block[1]) - 1}.{block[3]}.{layer}.{block[5]}"
    if lateral := re.fullmatch(r"s([1-4])_fuse\.(conv_f2s|bn)\.(\w+)", key):
        return _lateral(int(lateral[1]) - 1, lateral[2] == "bn", lateral[3])
    return key.replace("head.projection.", "fc.")


def _from_pytorchvideo(key: str, prefixes: tuple[str, str], stages: dict[int, int]) -> str:
    if lateral := re.fullmatch(r"blocks\.([0-3])\.multipathway_fusion\.(conv_fast_to_slow|norm)\.(\w+)", key):
        return _lateral(int(lateral[1]), lateral[2] == "norm", lateral[3])
    if stem := re.fullmatch(r"blocks\.0\.(?:multipathway_blocks\.([01])\.)?(conv|norm)\.(\w+)", key):
        return f"{prefixes[int(stem[1] or 0)]}{'bn' if stem[2] == 'norm' else 'conv'}1.{stem[3]}"
    place = re.fullmatch(r"blocks\.(\d+)\.(?:multipathway_blocks\.([01])\.)?res_blocks\.(\d+)\.(branch.+)\.(\w+)", key)
    if place:
        layer = _PYTORCHVIDEO_LAYERS.get(place[4], place[4])
        return f"{prefixes[int(place[2] or 0)]}layer{stages[int(place[1])]}.{place[3]}.{layer}.{place[5]}"
    return re.sub(r"^blocks\.\d+\.proj\.", "fc.", key)


def _from_caffe2(key: str, prefixes: tuple[str, str]) -> str:
    pathway = prefixes[1] if key.startswith("t_") else prefixes[0]
    if lateral := re.fullmatch(r"t_(?:pool1|res([2-4])_\d+_branch2c_bn)_subsample_(bn_)?(w|s|b|rm|riv)", key):
        return _lateral(int(lateral[1] or 1) - 1, bool(lateral[2]), _CAFFE2_PARAMETERS[lateral[3]])
    if re.fullmatch(r"(t_)?conv1_w", key):
        return f"{pathway}conv1.weight"
    if norm := re.fullmatch(r"(?:t_)?res_conv1_bn_(s|b|rm|riv)", key):
        return f"{pathway}bn1.{_CAFFE2_PARAMETERS[norm[1]]}"
    if block := re.fullmatch(r"(?:t_)?res([2-5])_(\d+)_branch(1|2[abc])_(bn_)?(w|s|b|rm|riv)", key):
        layer = _CAFFE2_LAYERS[block[3]][1 if block[4] else 0]
        return f"{pathway}layer{int(block[1]) - 1}.{block[2]}.{layer}.{_CAFFE2_PARAMETERS[block[5]]}"
    return {"pred_w": "fc.weight", "pred_b": "fc.bias"}.get(key, key)


def _from_mmaction2(key: str) -> str:
    key = key.replace("cls_head.fc_cls.", "fc.").removeprefix("backbone.")
    key = key.replace("slow_path.", "slow.").replace("fast_path.", "fast.")
    if lateral := re.fullmatch(r"slow\.(conv1|layer[1-3])_lateral\.(conv|bn)\.(\w+)", key):
        return f"laterals.{lateral[1]}.{lateral[2]}.{lateral[3]}"
    key = key.replace(".downsample.conv.", ".downsample.0.").replace(".downsample.bn.", ".downsample.1.")
    return re.sub(r"\bconv([123])\.(conv|bn)\.", r"\2\1.", key)


def _lateral(stage: int, norm: bool, parameter: str) -> str:
    """Return the name of a parameter of the lateral connection after a stage, 0 being the stem."""
    return f"laterals.{f'layer{stage}' if stage else 'conv1'}.{'bn' if norm else 'conv'}.{parameter}"


_PYSLOWFAST_LAYERS = {
    "branch1": "downsample.0",
    "branch1_bn": "downsample.1",
    "branch2.a": "conv1",
    "branch2.a_bn": "bn1",
    "branch2.b": "conv2",
    "branch2.b_bn": "bn2",
    "branch2.c": "conv3",
    "branch2.c_bn": "bn3",
}
_PYTORCHVIDEO_LAYERS = {
    "branch1_conv": "downsample.0",
    "branch1_norm": "downsample.1",
    "branch2.conv_a": "conv1",
    "branch2.norm_a": "bn1",
    "branch2.conv_b": "conv2",
    "branch2.norm_b": "bn2",
    "branch2.conv_c": "conv3",
    "branch2.norm_c": "bn3",
}
_CAFFE2_LAYERS = {
    # convolution and norm
    "1": ("downsample.0", "downsample.1"),
    "2a": ("conv1", "bn1"),
    "2b": ("conv2", "bn2"),
    "2c": ("conv3", "bn3"),
}
_CAFFE2_PARAMETERS = {
    "w": "weight",
    "s": "weight",
    "b": "bias",
    "rm": "running_mean",
    # the letters stand for an inverse, the values are variances
    "riv": "running_var",
}
