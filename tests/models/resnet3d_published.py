"""The names that other projects give the weights of 3-D ResNets and SlowFast: the tests' way from ours to theirs."""

import re
from collections.abc import Callable

from torch import Tensor

_LETTERS = {"1": "a", "2": "b", "3": "c"}


def _split(key: str) -> tuple[int, re.Match[str]]:
    """Return 1 for the fast pathway, and the parts of a block's name."""
    bare = re.sub(r"^(slow|fast)\.", "", key)
    match = re.fullmatch(r"layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)\.(\w+)", bare)
    assert match, key
    return int(key.startswith("fast.")), match


def to_pyslowfast(key: str, state: dict[str, Tensor]) -> str:
    if key.startswith("fc."):
        return key.replace("fc.", "head.projection.")
    if key.startswith("laterals."):
        _, source, module, parameter = key.split(".")
        stage = 1 if source == "conv1" else int(source[-1]) + 1
        return f"s{stage}_fuse.{'conv_f2s' if module == 'conv' else 'bn'}.{parameter}"
    stem = re.fullmatch(r"(?:slow\.|fast\.)?(conv|bn)1\.(\w+)", key)
    if stem:
        return f"s1.pathway{int(key.startswith('fast.'))}_stem.{stem[1]}.{stem[2]}"
    pathway, block = _split(key)
    layer, index, kind, number, parameter = block.groups()
    module = f"branch2.{_LETTERS.get(number)}" if kind != "downsample." else "branch1"
    if kind == "bn" or (kind == "downsample." and number == "1"):
        module += "_bn"
    return f"s{int(layer) + 1}.pathway{pathway}_res{index}.{module}.{parameter}"


def to_pytorchvideo(key: str, state: dict[str, Tensor]) -> str:
    two = "fast.conv1.weight" in state
    pooled = not two and state["conv1.weight"].shape[2] == 5
    if key.startswith("fc."):
        return key.replace("fc.", "blocks.6.proj." if two or pooled else "blocks.5.proj.")
    if key.startswith("laterals."):
        _, source, module, parameter = key.split(".")
        stage = 0 if source == "conv1" else int(source[-1])
        module = "conv_fast_to_slow" if module == "conv" else "norm"
        return f"blocks.{stage}.multipathway_fusion.{module}.{parameter}"
    middle = f".multipathway_blocks.{int(key.startswith('fast.'))}" if two else ""
    stem = re.fullmatch(r"(?:slow\.|fast\.)?(conv|bn)1\.(\w+)", key)
    if stem:
        return f"blocks.0{middle}.{'conv' if stem[1] == 'conv' else 'norm'}.{stem[2]}"
    _, block = _split(key)
    layer, index, kind, number, parameter = block.groups()
    place = int(layer) + (pooled and layer != "1")
    if kind == "downsample.":
        module = "branch1_norm" if number == "1" else "branch1_conv"
    else:
        module = f"branch2.{'norm' if kind == 'bn' else 'conv'}_{_LETTERS[number]}"
    return f"blocks.{place}{middle}.res_blocks.{index}.{module}.{parameter}"


def to_caffe2(key: str, state: dict[str, Tensor]) -> str:
    module, _, parameter = key.rpartition(".")
    norm = f"{module}.running_mean" in state
    suffix = {"weight": "s" if norm else "w", "bias": "b", "running_mean": "rm", "running_var": "riv"}[parameter]
    suffix = f"bn_{suffix}" if norm else suffix
    if key.startswith("fc."):
        return f"pred_{suffix}"
    if key.startswith("laterals."):
        source = key.split(".")[1]
        if source == "conv1":
            return f"t_pool1_subsample_{suffix}"
        layer = f"fast.{source}."
        last = max(int(k.removeprefix(layer).split(".")[0]) for k in state if k.startswith(layer))
        return f"t_res{int(source[-1]) + 1}_{last}_branch2c_bn_subsample_{suffix}"
    start = "t_" if key.startswith("fast.") else ""
    if re.fullmatch(r"(?:slow\.|fast\.)?(conv|bn)1\.\w+", key):
        return f"{start}res_conv1_{suffix}" if norm else f"{start}conv1_{suffix}"
    _, block = _split(key)
    layer, index, kind, number, _ = block.groups()
    branch = "1" if kind == "downsample." else f"2{_LETTERS[number]}"
    return f"{start}res{int(layer) + 1}_{index}_branch{branch}_{suffix}"


def to_mmaction2(key: str, state: dict[str, Tensor]) -> str:
    if key.startswith("fc."):
        return key.replace("fc.", "cls_head.fc_cls.")
    if key.startswith("laterals."):
        _, source, rest = key.split(".", 2)
        return f"backbone.slow_path.{source}_lateral.{rest}"
    key = re.sub(r"^(slow|fast)\.", r"\1_path.", key)
    key = re.sub(r"\b(conv|bn)(\d)\.", r"conv\2.\1.", key)
    return "backbone." + key.replace("downsample.0.", "downsample.conv.").replace("downsample.1.", "downsample.bn.")


PUBLISHED: dict[str, Callable[[str, dict[str, Tensor]], str]] = {
    "PySlowFast": to_pyslowfast,
    "pytorchvideo": to_pytorchvideo,
    "Caffe2": to_caffe2,
    "mmaction2": to_mmaction2,
}


def published(state: dict[str, Tensor], naming: str) -> dict[str, Tensor]:
    """Return a state dict of this package under the names of another project; Caffe2 has no counters."""
    kept = {k: v for k, v in state.items() if naming != "Caffe2" or not k.endswith("num_batches_tracked")}
    return {PUBLISHED[naming](key, state): value for key, value in kept.items()}
