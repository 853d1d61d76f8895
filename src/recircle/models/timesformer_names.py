"""The names that checkpoints of TimeSformer have, and those of the image network that it begins as."""

import re

from torch import Tensor

from recircle.errors import UserError

_MMACTION = (
    (r"backbone\.(cls_token|pos_embed|time_embed|norm\..+)", r"\1"),
    (r"backbone\.patch_embed\.projection\.(.+)", r"patch_embed.proj.\1"),
    (r"backbone\.transformer_layers\.layers\.(\d+)\.(.+)", r"blocks.\1.\2"),
    (r"(blocks\.\d+)\.attentions\.0\.temporal_fc\.(.+)", r"\1.temporal_fc.\2"),
    (r"(blocks\.\d+)\.attentions\.0\.norm\.(.+)", r"\1.temporal_norm1.\2"),
    (r"(blocks\.\d+)\.attentions\.0\.attn\.(in|out)_(.+)", r"\1.temporal_attn.\2_\3"),
    (r"(blocks\.\d+)\.attentions\.1\.norm\.(.+)", r"\1.norm1.\2"),
    (r"(blocks\.\d+)\.attentions\.1\.attn\.(in|out)_(.+)", r"\1.attn.\2_\3"),
    (r"(blocks\.\d+)\.(attn|temporal_attn)\.in_proj_(.+)", r"\1.\2.qkv.\3"),
    (r"(blocks\.\d+)\.(attn|temporal_attn)\.out_proj\.(.+)", r"\1.\2.proj.\3"),
    (r"(blocks\.\d+)\.ffns\.0\.norm\.(.+)", r"\1.norm2.\2"),
    (r"(blocks\.\d+)\.ffns\.0\.layers\.0\.0\.(.+)", r"\1.mlp.fc1.\2"),
    (r"(blocks\.\d+)\.ffns\.0\.layers\.1\.(.+)", r"\1.mlp.fc2.\2"),
    (r"cls_head\.fc_cls\.(.+)", r"fc.\1"),
)
_TRANSFORMERS = (
    (r"timesformer\.embeddings\.cls_token", "cls_token"),
    (r"timesformer\.embeddings\.position_embeddings", "pos_embed"),
    (r"timesformer\.embeddings\.time_embeddings", "time_embed"),
    (r"timesformer\.embeddings\.patch_embeddings\.projection\.(.+)", r"patch_embed.proj.\1"),
    (r"timesformer\.encoder\.layer\.(\d+)\.(.+)", r"blocks.\1.\2"),
    (r"(blocks\.\d+)\.temporal_layernorm\.(.+)", r"\1.temporal_norm1.\2"),
    (r"(blocks\.\d+)\.temporal_attention\.attention\.qkv\.(.+)", r"\1.temporal_attn.qkv.\2"),
    (r"(blocks\.\d+)\.temporal_attention\.output\.dense\.(.+)", r"\1.temporal_attn.proj.\2"),
    (r"(blocks\.\d+)\.temporal_dense\.(.+)", r"\1.temporal_fc.\2"),
    (r"(blocks\.\d+)\.layernorm_before\.(.+)", r"\1.norm1.\2"),
    (r"(blocks\.\d+)\.attention\.attention\.qkv\.(.+)", r"\1.attn.qkv.\2"),
    (r"(blocks\.\d+)\.attention\.output\.dense\.(.+)", r"\1.attn.proj.\2"),
    (r"(blocks\.\d+)\.layernorm_after\.(.+)", r"\1.norm2.\2"),
    (r"(blocks\.\d+)\.intermediate\.dense\.(.+)", r"\1.mlp.fc1.\2"),
    (r"(blocks\.\d+)\.output\.dense\.(.+)", r"\1.mlp.fc2.\2"),
    (r"timesformer\.layernorm\.(.+)", r"norm.\1"),
    (r"classifier\.(.+)", r"fc.\1"),
)
_AUTHORS = ((r"model\.(.+)", r"\1"), (r"head\.(.+)", r"fc.\1"))


def rename_timesformer(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Bring the keys of the authors' checkpoints, mmaction2's and transformers' to this package's.

    Args:
        state: names without `module.`; those of this package and unknown ones stay.
        name: of the network, for messages.

    Raises:
        UserError: the checkpoint is of a TimeSformer that attends over space only, or over both at once.
    """
    if any(key.startswith("backbone.") for key in state):
        naming = _MMACTION
    elif any(key.startswith("timesformer.") for key in state):
        naming = _TRANSFORMERS
    else:
        naming = _AUTHORS
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        new = key
        for pattern, replacement in naming:
            new = re.sub(f"^{pattern}$", replacement, new)
        renamed[new] = value
    video = "time_embed" in renamed or any(key.startswith(("model.", "backbone.", "timesformer.")) for key in state)
    if video and not _attends_over_time(renamed):
        raise UserError(
            f"the checkpoint has no attention over time, which {name} has: it is of a TimeSformer that attends over "
            "space only, or over space and time at once; such networks are not in this package"
        )
    return renamed


def is_image_network(state: dict[str, Tensor]) -> bool:
    """Tell whether renamed weights are those of a vision transformer for images, as timm names them."""
    return "patch_embed.proj.weight" in state and not _attends_over_time(state)


def with_temporal_copies(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Add attention over time to the weights of an image network: a copy of that over space, and of its norm."""
    copied: dict[str, Tensor] = {}
    for key, value in state.items():
        if key in ("pre_logits.fc.weight", "pre_logits.fc.bias"):
            # belongs to a classifier of ImageNet-21k, not to the trunk
            continue
        copied[key] = value
        spatial = re.fullmatch(r"(blocks\.\d+)\.(attn|norm1)\.(.+)", key)
        if spatial:
            copied[f"{spatial[1]}.temporal_{spatial[2]}.{spatial[3]}"] = value.clone()
    return copied


def _attends_over_time(state: dict[str, Tensor]) -> bool:
    return any(".temporal_attn." in key for key in state)
