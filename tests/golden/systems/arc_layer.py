"""The ARC layer alone."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from recircle.arc.config import ArcConfig
from recircle.arc.convolutions import ArcConv2d, ArcConv3d
from tests.golden.systems.building import UnknownSystemError, Weights

_INTERACTER = re.compile(r"PWI2_STPool_CAttendByAdd_outReLU(?P<leaky>_leaky11)?(?P<only>_OnlyAttend|_OnlyFuse)?")


class _Volume(nn.Module):
    """Gives a layer for [B, C, T, H, W] its input as the golden vectors have it, [B, T, C, H, W]."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.transpose(1, 2))


class _Frames(nn.Module):
    """Gives the output of a layer for [B, T, C, H, W] as the golden vectors have it, [B T, C, H, W]."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).flatten(0, 1)


def _arc_layer(system: str, config: Mapping[str, Any], weights: Weights) -> nn.Module:
    """Build one published ARC layer: its groups' convolutions and norms, stacked, are those of the original layer."""
    named = _INTERACTER.fullmatch(config["interacter"])
    if named is None or config["op"] not in ("S", "S3d"):
        raise UnknownSystemError(f"the layer {config['interacter']} with op {config['op']} is not known")
    changes: dict[str, Any] = {"steps": config["n"]}
    if named["leaky"]:
        changes["negative_slope"] = 0.01
    if named["only"]:
        changes["fusion" if named["only"] == "_OnlyAttend" else "attention"] = False
    left = set(weights)
    layer = _plain_layer(config, weights, left)
    arc_class = ArcConv3d if config["op"] == "S3d" else ArcConv2d
    arc = arc_class.from_layers(*layer, config=ArcConfig.published(**changes))
    with torch.no_grad():
        for name, published in _MATRICES.items():
            key = f"channel_interacter.{published}"
            # the variants of one term have all matrices in their state dicts and use some
            left.discard(key)
            matrix = getattr(arc, name)
            if matrix is not None:
                matrix.copy_(weights[key].flatten(1))
    left = {key for key in left if not key.endswith(".num_batches_tracked")}
    if left:
        raise UnknownSystemError(f"the weights {', '.join(sorted(left))} have no place in this layer")
    return _Volume(arc) if config["op"] == "S3d" else _Frames(arc)


_MATRICES = {"embedding": "Weight_mat1", "attention": "Weight_mat_attend", "fusion": "Weight_mat0"}


def _plain_layer(
    config: Mapping[str, Any], weights: Weights, left: set[str]
) -> tuple[nn.Module, nn.Module | None, nn.Module | None]:
    """Return convolution, norm and activation with the groups' weights stacked in the order of the steps.

    The keys that are used are taken out of `left`.
    """

    def stacked(key: str) -> Tensor:
        keys = [f"layer.{step}.block.{key}" for step in range(config["n"])]
        left.difference_update(keys)
        return torch.cat([weights[key] for key in keys])

    weight, stride = stacked("0.weight"), config["stride"]
    planes, kernel = (config["in_planes"], config["out_planes"]), tuple(weight.shape[2:])
    padding = tuple(side // 2 for side in kernel)
    volume = config["op"] == "S3d"
    # which dimensions there are is known only at run time
    conv_class: Any = nn.Conv3d if volume else nn.Conv2d
    conv = conv_class(*planes, kernel, (1, stride, stride) if volume else stride, padding, bias=False)
    norm = (nn.BatchNorm3d if volume else nn.BatchNorm2d)(planes[1])
    conv, norm = conv.to(weight.dtype), norm.to(weight.dtype)
    conv.load_state_dict({"weight": weight})
    if config["with_bn"]:
        state = {key: stacked(f"1.{key}") for key in ("weight", "bias", "running_mean", "running_var")}
        norm.load_state_dict({**state, "num_batches_tracked": torch.tensor(0)})
    return conv, norm if config["with_bn"] else None, nn.ReLU() if config["is_relu"] else None


BUILDERS = {"arc_layer": _arc_layer}
