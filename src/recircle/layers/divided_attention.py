"""Divided space-time attention (Bertasius et al., "Is Space-Time Attention All You Need for Video Understanding?").

The paper is of ICML 2021. The block is that of the published code, whose names its parameters have. The paper's Eq. 11
also lets patches attend over time to the class token; the published code does not, and has a linear layer more behind
the attention over time.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recircle.layers.stochastic_depth import StochasticDepth


class SelfAttention(nn.Module):
    """Multi-head self-attention among the tokens of each sequence (Vaswani et al., NeurIPS 2017)."""

    def __init__(self, dim: int, heads: int) -> None:
        """Make the module.

        Args:
            dim: C, the channels of a token.
            heads: they share the channels evenly.

        Raises:
            ValueError: the heads do not divide the channels.
        """
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"{heads} heads do not divide {dim} channels evenly; give another width")
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Float[Tensor, "*N L C"]) -> Float[Tensor, "*N L C"]:
        """Return [..., L, C] for sequences of L tokens, [..., L, C], with one leading dimension or more."""
        # [3, N, heads, L, C / heads]
        parts = self.qkv(x).flatten(0, -3).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        return self.proj(y.transpose(1, 2).flatten(-2).unflatten(0, x.shape[:-2]))


class Mlp(nn.Module):
    """Two linear layers with a GELU between them, on each token: [..., C] to [..., C]."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Float[Tensor, "*N C"]) -> Float[Tensor, "*N C"]:
        """Return a tensor of the shape of the input."""
        return self.fc2(self.act(self.fc1(x)))


class DividedBlock(nn.Module):
    """Attention over time at each place, then over space in each frame, then an MLP; a residual and a norm at each.

    The class token takes no part in the attention over time. Each frame attends to a copy of it, and what it gains is
    the mean over the frames. The tokens of a clip are [B, 1 + T N, C]: the class token, then the N patches of the first
    frame, those of the second, and so on.
    """

    def __init__(self, dim: int, heads: int, *, hidden: int | None = None, drop_path: float = 0.0) -> None:
        """Make the block.

        As published, weights are drawn from N(0, 0.02), biases are zero, and so is the linear layer behind the
        attention over time, so that the block begins as that of an image network.

        Args:
            dim: C, the channels of a token.
            heads: of both attentions.
            hidden: channels inside the MLP; None is 4 C.
            drop_path: how often stochastic depth leaves out a branch in training: the attention over time for each
                place alone, that over space for each frame, the MLP for each clip.

        Raises:
            ValueError: the heads do not divide the channels, or the rate is not in [0, 1).
        """
        super().__init__()
        self.temporal_norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.temporal_attn = SelfAttention(dim, heads)
        self.temporal_fc = nn.Linear(dim, dim)
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = SelfAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, hidden or 4 * dim)
        self.drop_path = StochasticDepth(drop_path)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.temporal_fc.weight)

    def forward(self, tokens: Float[Tensor, "B L C"], frames: int) -> Float[Tensor, "B L C"]:
        """Return tokens of the same shape.

        Args:
            tokens: [B, 1 + T N, C]
            frames: T
        """
        clip, patches = tokens[:, :1], tokens[:, 1:].unflatten(1, (frames, -1))  # [B, 1, C], [B, T, N, C]

        places = self.temporal_norm1(patches).transpose(1, 2)  # [B, N, T, C]
        change = self.temporal_fc(self.drop_path(self.temporal_attn(places)))
        patches = patches + change.transpose(1, 2)

        images = torch.cat((clip.unsqueeze(1).expand(-1, frames, -1, -1), patches), 2)  # [B, T, 1 + N, C]
        change = self.drop_path(self.attn(self.norm1(images)))
        clip = clip + change[:, :, 0].mean(1, keepdim=True)
        patches = patches + change[:, :, 1:]

        tokens = torch.cat((clip, patches.flatten(1, 2)), 1)
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))
