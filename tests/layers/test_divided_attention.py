import pytest
import torch
from torch import Tensor, nn

from recircle.layers.divided_attention import DividedBlock, SelfAttention

# frames and patches of a clip, channels and heads
T, N, C, HEADS = 3, 4, 8, 2


def disturbed(module: nn.Module) -> nn.Module:
    """Draw all parameters, so that no branch is zero and no bias is idle."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.5)
    return module.double().eval()


def attend(layer: SelfAttention, x: Tensor) -> Tensor:
    """Attention among the tokens of one sequence [L, C], token by token and head by head."""
    q, k, v = (x @ layer.qkv.weight.T + layer.qkv.bias).chunk(3, -1)
    out = torch.zeros_like(x)
    size = x.shape[1] // layer.heads
    for head in range(layer.heads):
        own = slice(head * size, (head + 1) * size)
        for i in range(len(x)):
            scores = torch.stack([q[i, own] @ k[j, own] / size**0.5 for j in range(len(x))])
            out[i, own] = sum(share * v[j, own] for j, share in enumerate(scores.softmax(0)))
    return out @ layer.proj.weight.T + layer.proj.bias


def block_as_written(block: DividedBlock, tokens: Tensor, frames: int) -> Tensor:
    """Compute the block of one clip [1 + T N, C], place by place and frame by frame."""
    clip, patches = tokens[0], tokens[1:].reshape(frames, -1, tokens.shape[1]).clone()
    for place in range(patches.shape[1]):
        change = attend(block.temporal_attn, block.temporal_norm1(patches[:, place]))
        patches[:, place] = patches[:, place] + block.temporal_fc(change)
    gains = []
    for t in range(frames):
        image = torch.cat((clip[None], patches[t]))
        change = attend(block.attn, block.norm1(image))
        patches[t] = patches[t] + change[1:]
        gains.append(change[0])
    clip = clip + sum(gains) / frames
    tokens = torch.cat((clip[None], patches.reshape(-1, tokens.shape[1])))
    return tokens + block.mlp(block.norm2(tokens))


@pytest.mark.parametrize("shape", [(5, C), (2, 5, C), (2, 3, 1, C)])
def test_attention_is_that_of_each_sequence(shape: tuple[int, ...]) -> None:
    layer = disturbed(SelfAttention(C, HEADS))
    assert isinstance(layer, SelfAttention)
    x = torch.randn(2, *shape, dtype=torch.float64)
    y = layer(x)
    assert y.shape == x.shape
    expected = [attend(layer, sequence) for sequence in x.flatten(0, -3)]
    torch.testing.assert_close(y.flatten(0, -3), torch.stack(expected))


@pytest.mark.parametrize("frames", [1, T])
def test_block_is_its_formula(frames: int) -> None:
    block = disturbed(DividedBlock(C, HEADS, hidden=12))
    assert isinstance(block, DividedBlock)
    tokens = torch.randn(2, 1 + frames * N, C, dtype=torch.float64)
    expected = torch.stack([block_as_written(block, clip, frames) for clip in tokens])
    torch.testing.assert_close(block(tokens, frames), expected)


def test_block_begins_as_that_of_an_image_network() -> None:
    """Static clips keep their frames alike, and each frame sees what an image would."""
    block = DividedBlock(C, HEADS).eval()
    assert block.mlp.fc1.out_features == 4 * C
    assert not block.temporal_fc.weight.any()
    assert 0.01 < block.temporal_attn.qkv.weight.std() < 0.03
    assert not any(module.bias.any() for module in block.modules() if isinstance(module, nn.Linear))
    image = torch.randn(2, 1 + N, C)
    clip = torch.cat((image[:, :1], image[:, 1:].repeat(1, T, 1)), 1)
    one, several = block(image, 1), block(clip, T)
    torch.testing.assert_close(several, torch.cat((one[:, :1], one[:, 1:].repeat(1, T, 1)), 1))


def test_gradients() -> None:
    block = disturbed(DividedBlock(4, 2, hidden=4))
    tokens = torch.randn(1, 1 + 2 * 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: block(x, 2), tokens)


def test_stochastic_depth_leaves_out_places_frames_and_the_mlp() -> None:
    block = DividedBlock(C, HEADS, drop_path=0.999).train()
    tokens = torch.randn(2, 1 + T * N, C)
    drawn: list[tuple[int, ...]] = []
    block.drop_path.register_forward_pre_hook(lambda _, args: drawn.append(tuple(args[0].shape[:-2])))
    assert torch.equal(block(tokens, T), tokens)
    assert drawn == [(2, N), (2, T), (2,)]
    assert not torch.equal(block.eval()(tokens, T), tokens)


def test_errors() -> None:
    with pytest.raises(ValueError, match="3 heads do not divide 8 channels"):
        SelfAttention(8, 3)
    with pytest.raises(ValueError, match="rate=1"):
        DividedBlock(8, 2, drop_path=1.0)
