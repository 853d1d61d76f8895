"""The ARC layer as its equations are written: full-size maps, no running sums, no identities. The tests' oracle."""

import torch
import torch.nn.functional as F
from torch import Tensor

from recircle.layers import ArcConfig, ArcMatrices


def plain_arc_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor, m: ArcMatrices, config: ArcConfig, stride: int, padding: int
) -> Tensor:
    """Eq. 2-5 for a 2-D convolution of clips [B, T, Cin, H, W]; f is the bare operator."""
    b, t = x.shape[:2]
    n, c = config.steps, weight.shape[0]
    g = c // n

    def phi(z: Tensor) -> Tensor:
        return torch.where(z >= 0, z, config.negative_slope * z)

    def matmul(matrix: Tensor, z: Tensor) -> Tensor:
        return torch.einsum("oc,btchw->btohw", matrix, z)

    def upsampled(z: Tensor) -> Tensor:
        return F.interpolate(z.flatten(0, 1), size=x.shape[-2:], mode="nearest").unflatten(0, (b, t))

    def pooled(z: Tensor, dims: tuple[int, ...]) -> Tensor:
        small = z.amax(dims, keepdim=True) if config.pooling == "max" else z.mean(dims, keepdim=True)
        return small.expand_as(z)

    pools = {"S": [(3, 4)], "T": [(1,)], "ST": [(1, 3, 4)], "S+T": [(3, 4), (1,)]}[config.aggregation]
    state, features = x, []
    for j in range(n):
        rows = slice(j * g, (j + 1) * g)
        y = F.conv2d(state.flatten(0, 1), weight[rows], bias[rows], stride, padding)
        features.append(y.unflatten(0, (b, t)))
        if j == n - 1:
            break
        fed = torch.cat([upsampled(f) for f in features], 2)
        columns = slice(0, (j + 1) * g)
        state = x if m.embedding is None else x + matmul(m.embedding, x)
        if m.attention is not None:
            assert isinstance(m.attention, Tensor)
            a = sum(matmul(m.attention[:, columns], pooled(fed, dims)) for dims in pools)
            state = state + a if config.interaction == "additive" else state * torch.sigmoid(torch.as_tensor(a))
        state = phi(state)
        if m.fusion is not None:
            state = state + matmul(m.fusion[:, columns], fed)
        state = phi(state)
    return torch.cat(features, 2)
