"""TimeSformer (Bertasius et al., ICML 2021): a vision transformer that attends over time and over space in turn.

The network is that of the published code with divided attention: ViT-B/16, whose tokens go through the blocks of
`recircle.layers.divided_attention`. Its position and time embeddings are resized by nearest neighbour to the patches
and the frames of a clip. Two things differ: the published code also takes a position embedding as it is where a frame
of another shape has as many patches; and when it loads one of another size it resizes it as a row of patches, which
mixes up their places. Here each patch gets the embedding of its own place.
"""

import re
from math import isqrt
from typing import Unpack

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn

from recircle.errors import UserError
from recircle.layers.divided_attention import DividedBlock
from recircle.layers.frames import Conv2d
from recircle.models.base import VideoModel
from recircle.models.registry import register_model
from recircle.models.timesformer_names import is_image_network, rename_timesformer, with_temporal_copies
from recircle.models.tsn import HostOptions
from recircle.views.preprocessing import Preprocessing

PATCH = 16


class PatchEmbed(nn.Module):
    """Cuts frames into patches of 16 x 16 pixels and maps each linearly to a token."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = Conv2d(3, dim, PATCH, stride=PATCH)

    def forward(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T C h w"]:
        """Return [B, T, C, H / 16, W / 16] for clips [B, T, 3, H, W].

        Raises:
            ValueError: H or W is not a multiple of 16.
        """
        check_sides(clips)
        return self.proj(clips)


@fx.wrap  # a symbolic trace sees one call here, not the questions about shapes
def check_sides(clips: Tensor) -> None:
    """Insist on frames that consist of whole patches; the published convolution would leave out the rest.

    Raises:
        UserError: height or width is not a multiple of 16.
    """
    height, width = clips.shape[-2:]
    if height % PATCH or width % PATCH:
        raise UserError(
            f"frames of {height} x {width} pixels: TimeSformer cuts them into patches of {PATCH} x {PATCH}, so both "
            f"sides must be multiples of {PATCH}; crop or resize them"
        )


class TimeSformer(VideoModel):
    """The network; `forward_features` returns tokens, whose first one classifies the clip."""

    consensus = "features"

    def __init__(
        self,
        name: str,
        num_classes: int,
        preprocessing: Preprocessing,
        *,
        frames: int,
        width: int = 768,
        depth: int = 12,
        drop_path: float = 0.1,
        dropout: float = 0.0,
    ) -> None:
        """Build the network.

        Args:
            name: what it is registered as.
            num_classes: K.
            preprocessing: how frames become its input; the position embedding is for its crop, a square.
            frames: length of the time embedding.
            width: C, the channels of a token; there is one attention head for each 64 of them.
            depth: the number of blocks.
            drop_path: the rate of stochastic depth in the last block; it rises to that evenly from 0 in the first.
            dropout: before the classifier.

        Raises:
            ValueError: an argument is out of range.
        """
        super().__init__(name, preprocessing)
        if frames < 1 or depth < 1:
            raise ValueError(f"frames={frames}, depth={depth}: there is at least 1 of each")
        if width < 8:
            raise ValueError(f"width={width} is too narrow; a token needs 8 channels or more")
        if not 0 <= drop_path < 1:
            raise ValueError(f"drop_path={drop_path} is the share of branches left out; give a value in [0, 1)")
        self.num_features = width
        self.patch_embed = PatchEmbed(width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        rows, columns = (side // PATCH for side in preprocessing.crop_size)
        assert rows == columns
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + rows * columns, width))
        self.time_embed = nn.Parameter(torch.zeros(1, frames, width))
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        heads = max(width // 64, 1)
        rates = [drop_path * index / max(depth - 1, 1) for index in range(depth)]
        self.blocks = nn.ModuleList(DividedBlock(width, heads, drop_path=rate) for rate in rates)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.reset_classifier(num_classes, dropout)

    def forward_features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B N C"]:
        """Return the tokens [B, 1 + T N, C] after the last norm, for clips [B, T, 3, H, W].

        They are the class token, then the N = H/16 * W/16 patches of the first frame, row by row, those of the second,
        and so on.

        Raises:
            ValueError: H or W is not a multiple of 16.
        """
        maps = self.patch_embed(clips)
        frames = maps.shape[1]
        places = resize_positions(self.pos_embed[:, 1:], (maps.shape[-2], maps.shape[-1]))
        times = resize_times(self.time_embed, frames)
        patches = maps.flatten(-2).transpose(-1, -2) + places.unsqueeze(1) + times.unsqueeze(2)  # [B, T, N, C]
        clip = (self.cls_token + self.pos_embed[:, :1]).expand(clips.shape[0], -1, -1)
        tokens = torch.cat((clip, patches.flatten(1, 2)), 1)
        for block in self.blocks:
            tokens = block(tokens, frames)
        return self.norm(tokens)

    def forward_head(self, features: Float[Tensor, "B N C"], pre_logits: bool = False) -> Float[Tensor, "B K"]:
        """Classify by the class token.

        Args:
            features: tokens [B, 1 + T N, C], from `forward_features`.
            pre_logits: stop before dropout and the classifier.

        Returns:
            Logits [B, K]; with `pre_logits` the class token, [B, C].
        """
        pooled = features[:, 0]
        return pooled if pre_logits else self.fc(self.dropout(pooled))

    def make_classifier(self, num_classes: int) -> nn.Module:
        """Return a new classifier of K classes, weights from N(0, 0.02) and no bias at first."""
        fc = nn.Linear(self.num_features, num_classes)
        nn.init.trunc_normal_(fc.weight, std=0.02)
        nn.init.zeros_(fc.bias)
        return fc

    def convert_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys of published checkpoints: the authors', mmaction2's, transformers', and timm's ViT.

        The attention over time of an image network begins as a copy of its attention over space. Position and time
        embeddings of another size are resized by nearest neighbour. The authors' and transformers' checkpoints expect
        this network's preprocessing; mmaction2's were trained with means and deviations of 0.5.

        Raises:
            UserError: the checkpoint is of a TimeSformer without divided attention.
        """
        state = rename_timesformer(state, self.name)
        if is_image_network(state):
            state = with_temporal_copies(state)
        places, times = state.get("pos_embed"), state.get("time_embed")
        if places is not None and places.dim() == 3 and places.shape[1] != self.pos_embed.shape[1]:
            side = isqrt(self.pos_embed.shape[1] - 1)
            if isqrt(places.shape[1] - 1) ** 2 == places.shape[1] - 1:
                state["pos_embed"] = torch.cat((places[:, :1], resize_positions(places[:, 1:], (side, side))), 1)
        if times is not None and times.dim() == 3:
            state["time_embed"] = resize_times(times, self.time_embed.shape[1])
        return state

    def added_parameters(self) -> set[str]:
        """Return the names of what a vision transformer for images has no counterpart of."""
        return {"time_embed"} | {name for name, _ in self.named_parameters() if re.search(r"\.temporal_fc\.", name)}


@fx.wrap
def resize_positions(table: Float[Tensor, "1 N C"], size: tuple[int, int]) -> Float[Tensor, "1 n C"]:
    """Bring the embeddings of a square of patches, [1, side * side, C], to `size` = (rows, columns) of patches.

    Returns:
        [1, rows * columns, C], each the embedding of the place nearest in proportion.
    """
    side = isqrt(table.shape[1])
    rows, columns = (torch.arange(count, device=table.device) * side // count for count in size)
    return table.unflatten(1, (side, side)).index_select(1, rows).index_select(2, columns).flatten(1, 2)


@fx.wrap
def resize_times(table: Float[Tensor, "1 t C"], frames: int) -> Float[Tensor, "1 T C"]:
    """Bring the embeddings of points in time, [1, T', C], to `frames` of them, [1, T, C], likewise."""
    return table.index_select(1, torch.arange(frames, device=table.device) * table.shape[1] // frames)


class TimeSformerOptions(HostOptions, total=False):
    """Options that all variants have.

    Beside `width`, channels of a token (768), and `dropout` before the classifier (0): `depth`, the number of blocks
    (12), and `drop_path`, the rate of stochastic depth in the last block (0.1).
    """

    depth: int
    drop_path: float


@register_model
def timesformer_base(
    num_classes: int, *, frames: int = 8, size: int = 224, **options: Unpack[TimeSformerOptions]
) -> TimeSformer:
    """TimeSformer with ViT-B/16, 8 frames of 224 pixels in the paper."""
    preprocessing = _preprocessing(size, size * 256 // 224)
    return TimeSformer("timesformer_base", num_classes, preprocessing, frames=frames, **options)


@register_model
def timesformer_hr(
    num_classes: int, *, frames: int = 16, size: int = 448, **options: Unpack[TimeSformerOptions]
) -> TimeSformer:
    """TimeSformer-HR with ViT-B/16, 16 frames of 448 pixels in the paper."""
    return TimeSformer("timesformer_hr", num_classes, _preprocessing(size, size), frames=frames, **options)


@register_model
def timesformer_large(
    num_classes: int, *, frames: int = 96, size: int = 224, **options: Unpack[TimeSformerOptions]
) -> TimeSformer:
    """TimeSformer-L with ViT-B/16, 96 frames of 224 pixels in the paper."""
    preprocessing = _preprocessing(size, size * 256 // 224)
    return TimeSformer("timesformer_large", num_classes, preprocessing, frames=frames, **options)


def _preprocessing(size: int, shorter: int) -> Preprocessing:
    """Return the published one, with the shorter side that training begins at, and tests of a single crop have."""
    if size < PATCH or size % PATCH:
        raise ValueError(f"size={size}: frames consist of patches of {PATCH} x {PATCH} pixels; give a multiple")
    return Preprocessing(resize=shorter, crop=size, mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225))
