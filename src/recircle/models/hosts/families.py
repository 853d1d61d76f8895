"""How the video networks of transformers are made: what their configs call things, and where their tokens lie."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from recircle.arc.config import ArcConfig
from recircle.models.tokens import TokenGrid


@dataclass(frozen=True, kw_only=True)
class Family:
    """What is known of a kind of network.

    Attributes:
        frames: the field of its config that says T.
        size: the one that says the side of its frames.
        patch: the one that says the side of a patch.
        tubelet: the one that says how many frames a token spans; empty where a token is of one frame.
        blocks: the name of its list of blocks.
        mlp: the first linear layer of the MLP in a block.
        drop_path: the field of its config for stochastic depth; empty where it has none.
        class_token: the first token stands for the whole clip.
        time_last: tokens are ordered by place, and by time within each place; otherwise by time first.
        any_length: it takes clips of other lengths than its config says.
    """

    frames: str = "num_frames"
    size: str = "image_size"
    patch: str = "patch_size"
    tubelet: str = "tubelet_size"
    blocks: str
    mlp: str
    drop_path: str = ""
    class_token: bool = False
    time_last: bool = False
    any_length: bool = False

    def grid(self, config: Mapping[str, Any]) -> TokenGrid:
        """Return where the tokens of a network of this family lie."""
        tubelet, patch = config[self.tubelet] if self.tubelet else 1, config[self.patch]
        # ViViT has all three sides of a token in one field
        if isinstance(tubelet, list | tuple):
            tubelet, *patch = tubelet
        height, width = patch if isinstance(patch, list | tuple) else (patch, patch)
        return TokenGrid(
            frames=int(tubelet),
            height=int(height),
            width=int(width),
            others=int(self.class_token),
            time_last=self.time_last,
        )


def suited_arc(kind: str, arc: ArcConfig) -> ArcConfig:
    """Return an ARC variant that a network of transformers can have: over all tokens where no others are told apart.

    Args:
        kind: its `model_type`.
        arc: the variant that is wanted.
    """
    family = FAMILIES.get(kind)
    if family is not None and not family.class_token and not family.time_last:
        return arc
    return replace(arc, aggregation="ST")


FAMILIES: dict[str, Family] = {
    "videomae": Family(blocks="videomae.encoder.layer", mlp="intermediate.dense"),
    "vivit": Family(blocks="vivit.layers", mlp="mlp.fc1", patch="tubelet_size", class_token=True),
    "timesformer": Family(
        blocks="timesformer.encoder.layer",
        mlp="intermediate.dense",
        tubelet="",
        drop_path="drop_path_rate",
        class_token=True,
        time_last=True,
    ),
    "vjepa2": Family(
        frames="frames_per_clip",
        size="crop_size",
        blocks="vjepa2.encoder.layer",
        mlp="mlp.fc1",
        drop_path="drop_path_rate",
        any_length=True,
    ),
}
"""By transformers' `model_type`."""
