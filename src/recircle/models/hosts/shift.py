"""TSM's temporal shift in image networks of timm: in front of the first convolution of each residual branch."""

from torch import nn

from recircle.errors import UserError
from recircle.surgery.folded_shift import FoldedShift

BLOCKS = {
    "resnet.BasicBlock": "conv1",
    "resnet.Bottleneck": "conv1",
    "resnetv2.PreActBasic": "conv1",
    "resnetv2.PreActBottleneck": "conv1",
    "res2net.Bottle2neck": "conv1",
    "regnet.Bottleneck": "conv1",
    "convnext.ConvNeXtBlock": "conv_dw",
    "_efficientnet_blocks.InvertedResidual": "conv_pw",
    "_efficientnet_blocks.EdgeResidual": "conv_exp",
}
"""Residual blocks of timm by the ends of their modules' names, and the convolution that begins each one's branch."""

MANY = 23
"""From so many blocks in a row on, every second one is shifted, as published for ResNet-101."""


def place_shifts(net: nn.Module, name: str) -> tuple[str, ...]:
    """Put a temporal shift in front of the first convolution of each residual branch, and return their names.

    Args:
        net: of timm; it is changed in place.
        name: of it, for messages.

    Raises:
        UserError: it has no residual blocks of convolutions that are known here.
    """
    placed: list[str] = []
    rows: dict[str, list[str]] = {}
    for path, module in net.named_modules():
        layer = _branch(module)
        if layer is not None:
            rows.setdefault(path.rpartition(".")[0], []).append(f"{path}.{layer}")
    for row in rows.values():
        placed += row[:: 2 if len(row) >= MANY else 1]
    if not placed:
        raise UserError(
            f"{name}: the temporal shift goes in front of residual blocks of convolutions, and this network has none "
            f"that are known here; leave out tsm/, so that its logits are averaged over the frames, as TSN does"
        )
    for path in placed:
        net.set_submodule(path, nn.Sequential(FoldedShift(), net.get_submodule(path)))
    return tuple(placed)


def _branch(module: nn.Module) -> str | None:
    kind = f"{type(module).__module__.rpartition('.')[2]}.{type(module).__name__}"
    layer = BLOCKS.get(kind)
    # a block that changes its shape may have no shortcut, so that what is shifted out would be lost
    if layer is None or getattr(module, "has_skip", True) is False:
        return None
    return layer if isinstance(getattr(module, layer, None), nn.Module) else None
