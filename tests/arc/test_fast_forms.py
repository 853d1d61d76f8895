"""The fast forms of the layer (in place without gradients, two with them) against the plain one."""

import gc
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from recircle.arc import ArcConfig, ArcConv1d, ArcConv2d, ArcConv3d, ArcLayer, ArcLinear, attention_only, in_place
from recircle.arc.workspace import _kept, workspace
from tests.arc.paths import by_the_equations, general_form, gradients
from tests.arc.variants import VARIANTS, randomise

FAST = {name: c for name, c in VARIANTS.items() if c.evolves and c.attention_module == "fc" and not c.signed_input}
each_variant = pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
each_form = pytest.mark.parametrize("config", [ArcConfig(), ArcConfig.temporal()], ids=["recomputed", "attention only"])
last = torch.channels_last


@pytest.fixture(autouse=True)
def _no_state_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_only, "SMALL", 0)


def clip(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=dtype)


def make(config: ArcConfig, stride: int = 1, norm: Any = nn.BatchNorm2d, act: Any = nn.ReLU) -> ArcConv2d:
    layer = ArcConv2d(6, 8, 3, stride, 1, config=config, norm=norm and norm(8), act=act and act())
    randomise(layer)
    return layer


def layouts(x: Tensor) -> list[Tensor]:
    """Return clips [B, T, C, H, W] channels first and channels last."""
    return [x, x.flatten(0, 1).contiguous(memory_format=last).unflatten(0, x.shape[:2])]


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("size", [(6, 8), (7, 5)], ids=str)
@pytest.mark.parametrize("stride", [1, 2])
def test_without_gradients_it_is_the_equations(name: str, stride: int, size: tuple[int, int]) -> None:
    layer = make(FAST[name], stride).double().eval()
    for x in layouts(clip(2, 3, 6, *size, dtype=torch.float64)):
        with torch.no_grad():
            torch.testing.assert_close(layer(x), by_the_equations(layer, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (ArcConv1d(6, 8, 3, 2, 1), (2, 3, 6, 9)),
        (ArcConv3d(6, 8, 3, 2, 1), (2, 6, 4, 7, 6)),
        (ArcConv3d(6, 8, (3, 1, 1), padding=(1, 0, 0)), (2, 6, 5, 4, 4)),
        (ArcLinear(6, 8), (2, 3, 5, 6)),
    ],
    ids=["1d", "3d strided", "3d in time", "linear"],
)
def test_other_operators_are_the_equations_too(layer: ArcLayer, shape: tuple[int, ...]) -> None:
    randomise(layer.double())
    x = clip(*shape, dtype=torch.float64)
    expected = by_the_equations(layer, x)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
    with general_form():
        plain = gradients(layer, x)
    torch.testing.assert_close(gradients(layer, x), plain, rtol=1e-10, atol=1e-10)


@each_variant
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm", [nn.BatchNorm2d, lambda c: nn.GroupNorm(8, c), None], ids=["batch", "group", "none"])
@pytest.mark.parametrize("act", [nn.ReLU, lambda: nn.ReLU(inplace=True), nn.GELU, None], ids=["relu", "in", "gelu", ""])
def test_gradients_are_those_of_the_general_form(config: ArcConfig, training: bool, norm: Any, act: Any) -> None:
    for stride in (1, 2):
        layer = make(config, stride, norm, act).double().train(training)
        for x in layouts(clip(2, 3, 6, 7, 5, dtype=torch.float64)):
            with general_form():
                expected = gradients(layer, x)
            torch.testing.assert_close(gradients(layer, x), expected, rtol=1e-10, atol=1e-10)


def test_in_single_precision_too() -> None:
    layer = ArcConv2d(16, 32, 3, padding=1, bias=False, config=ArcConfig(), norm=nn.BatchNorm2d(32), act=nn.ReLU())
    randomise(layer, 0.1)
    x = layouts(clip(2, 4, 16, 10, 10))[1]
    with general_form():
        expected = gradients(layer, x)
    for ours, theirs in zip(gradients(layer, x), expected):
        assert ours is not None
        assert theirs is not None
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


def test_all_clips_together_or_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make(ArcConfig()).eval()
    for x in layouts(clip(5, 4, 6, 8, 8)):
        with torch.no_grad():
            whole = layer(x)
            monkeypatch.setattr(in_place, "_CLIPS", 1)
            parts = layer(x)
            monkeypatch.undo()
        torch.testing.assert_close(parts, whole)
        assert parts.stride() == whole.stride()


def test_batch_statistics_are_of_all_clips_even_without_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    x = clip(4, 2, 6, 5, 5)
    monkeypatch.setattr(in_place, "_CLIPS", 1)
    expected = make(ArcConfig())(x).detach()
    with torch.no_grad():
        torch.testing.assert_close(make(ArcConfig())(x), expected)


@each_form
def test_running_statistics_are_updated_once(config: ArcConfig) -> None:
    fast, general = make(config), make(config)
    x = clip(2, 3, 6, 5, 5)
    gradients(fast, x)
    with general_form():
        gradients(general, x)
    torch.testing.assert_close(fast.state_dict(), general.state_dict())


@each_form
@pytest.mark.parametrize("training", [True, False])
def test_bf16_autocast_is_near_the_general_form(training: bool, config: ArcConfig) -> None:
    layer = make(config).train(training)
    x = clip(2, 3, 6, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fast = gradients(layer, x)
        y = layer(x)
        with general_form():
            general = gradients(layer, x)
    assert y.dtype == torch.bfloat16
    ours, theirs = (torch.cat([g.flatten() for g in grads if g is not None]) for grads in (fast, general))
    assert (ours - theirs).norm() < 0.05 * theirs.norm()


class _Alive(TorchDispatchMode):
    """Remembers every storage that an operator makes; those of `known` tensors and the workspace are not new."""

    def __init__(self, *known: Tensor) -> None:
        super().__init__()
        self.made: dict[int, tuple[StorageWeakRef, int]] = {}
        kept = (*known, _kept.memory)
        self.known = {tensor.untyped_storage()._cdata for tensor in kept}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in tree_flatten(out)[0]:
            if isinstance(value, Tensor):
                storage = value.untyped_storage()
                if storage._cdata in self.known:
                    continue
                self.made[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        return out

    def bytes(self) -> int:
        gc.collect()
        return sum(size for ref, size in self.made.values() if not ref.expired())


def kept_by(layer: nn.Module, x: Tensor) -> int:
    """Return the bytes that wait for the backward pass, with the output."""
    layer(x)
    with _Alive(x, *layer.parameters(), *layer.buffers()) as alive:
        y = layer(x)
    held = alive.bytes()
    del y
    return held


def kept_by_steps(config: ArcConfig) -> dict[int, int]:
    """Return the bytes that wait for the backward pass for n = 2, 4, 8; and for the ordinary layer under 1."""
    x = layouts(clip(2, 8, 32, 12, 12))[1].requires_grad_()
    with workspace(x):
        pass
    plain = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU())
    kept = {1: kept_by(plain, x.flatten(0, 1))}
    for steps in (2, 4, 8):
        arc = replace(config, steps=steps)
        layer = ArcConv2d(32, 32, 3, padding=1, config=arc, norm=nn.BatchNorm2d(32), act=nn.ReLU())
        randomise(layer)
        kept[steps] = kept_by(layer, x)
    return kept


def test_memory_does_not_grow_with_the_steps() -> None:
    kept = kept_by_steps(ArcConfig())
    assert kept[8] < 1.02 * kept[2]
    assert kept[4] < 1.15 * kept[1]


def test_without_fusion_it_grows_by_one_frame_for_each_step() -> None:
    kept = kept_by_steps(ArcConfig.temporal())
    frame = 2 * 32 * 12 * 12 * 4
    assert kept[8] - kept[2] < 6.5 * frame
    assert kept[2] < 1.65 * kept[1]


@each_form
def test_nothing_is_left_after_the_backward_pass(config: ArcConfig) -> None:
    layer = make(config)
    x = clip(2, 3, 6, 5, 5)
    y = layer(x)
    with _Alive(x, *layer.parameters()) as alive:
        y.sum().backward()
    layer.zero_grad()
    # the loss may live on, but not what its backward pass has needed
    assert alive.bytes() == 0


@each_form
def test_backward_can_be_repeated(config: ArcConfig) -> None:
    layer = make(config).eval()
    y = layer(clip(2, 3, 6, 5, 5)).square().sum()
    y.backward(retain_graph=True)
    first = [p.grad.clone() for p in layer.parameters() if p.grad is not None]
    layer.zero_grad()
    y.backward()
    torch.testing.assert_close([p.grad for p in layer.parameters()], first)


@each_form
def test_a_pass_that_stopped_half_way_does_not_count(config: ArcConfig) -> None:
    layer = make(config).eval()
    x = clip(2, 3, 6, 5, 5).requires_grad_()
    expected = gradients(layer, x)
    layer.zero_grad()
    inner = x * 1
    y = layer(inner)
    loss = (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum()
    handle = inner.register_hook(_fail)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="stopped"):
            loss.backward(retain_graph=True)
    handle.remove()
    layer.zero_grad()
    torch.autograd.grad(y[:, :, -2:].sum(), layer.norm.weight, retain_graph=True)  # pyright: ignore
    x.grad = None
    loss.backward()
    torch.testing.assert_close([x.grad, *(p.grad for p in layer.parameters())], expected)


def _fail(grad: Tensor) -> None:
    raise RuntimeError("stopped")


@each_form
def test_under_transforms(config: ArcConfig) -> None:
    layer = make(config, norm=None).double()
    x = clip(3, 1, 2, 6, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(torch.func.vmap(layer)(x), torch.stack([layer(z) for z in x]))
    grads = torch.func.grad(lambda z: layer(z).square().sum())(x[0])
    z = x[0].clone().requires_grad_()
    layer(z).square().sum().backward()
    torch.testing.assert_close(grads, z.grad)


@each_form
def test_a_second_derivative_is_refused(config: ArcConfig) -> None:
    layer = make(config)
    x = clip(1, 2, 6, 5, 5).requires_grad_()
    (grad,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_what_backward_needs_must_not_change_meanwhile() -> None:
    for name, config in (
        ("weight", ArcConfig()),
        ("fusion", ArcConfig()),
        ("weight", ArcConfig.temporal()),
        ("attention", ArcConfig.temporal()),
    ):
        layer = make(config)
        y = layer(clip(1, 2, 6, 5, 5)).sum()
        with torch.no_grad():
            getattr(layer, name).add_(1)
        with pytest.raises(RuntimeError, match=r"changed in place|modified by an inplace operation|modified inplace"):
            y.backward()


@each_form
def test_the_output_may_be_changed_in_place(config: ArcConfig) -> None:
    def run(in_place: bool) -> list[Tensor | None]:
        layer = make(config, act=None).double()
        x = clip(2, 3, 6, 5, 5, dtype=torch.float64).requires_grad_()
        y = layer(x)
        y = y.mul_(2) if in_place else y * 2
        y.sigmoid().sum().backward()
        return [x.grad, *(p.grad for p in layer.parameters())]

    torch.testing.assert_close(run(True), run(False))


@each_form
def test_under_checkpointing(config: ArcConfig) -> None:
    from torch.utils.checkpoint import checkpoint

    layer = make(config).eval()
    x = clip(2, 3, 6, 5, 5).requires_grad_()
    y = checkpoint(layer, x, use_reentrant=False)
    assert isinstance(y, Tensor)
    y.square().sum().backward()
    ours = [x.grad] + [p.grad for p in layer.parameters()]
    x.grad = None
    layer.zero_grad()
    layer(x).square().sum().backward()
    torch.testing.assert_close(ours, [x.grad] + [p.grad for p in layer.parameters()])


def test_a_small_state_is_kept_and_the_gradients_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make(ArcConfig.temporal()).double()
    x = clip(2, 3, 6, 7, 5, dtype=torch.float64)
    remade = gradients(layer, x)
    monkeypatch.setattr(attention_only, "SMALL", 1 << 30)
    torch.testing.assert_close(gradients(layer, x), remade)


def test_frames_that_are_equal_share_the_gradient_of_their_maximum() -> None:
    layer = make(ArcConfig.temporal()).double()
    x = clip(2, 1, 6, 7, 5, dtype=torch.float64).expand(2, 3, 6, 7, 5).contiguous()
    with general_form():
        expected = gradients(layer, x)
    torch.testing.assert_close(gradients(layer, x), expected)


def test_the_workspace_is_lent_to_one_at_a_time() -> None:
    like = torch.zeros(1)
    with workspace(like) as allocate:
        first = allocate((3, 5), like)
    with workspace(like) as outer, workspace(like) as inner:
        a, b = outer((3, 5), like), inner((3, 5), like)
        assert a.data_ptr() == first.data_ptr() != b.data_ptr()
    with torch.inference_mode(), workspace(like) as allocate:
        allocate((300, 500), like).zero_()
    with workspace(like) as allocate:
        allocate((300, 500), like).zero_()


@each_form
def test_layers_inside_threads(config: ArcConfig) -> None:
    from concurrent.futures import ThreadPoolExecutor

    layer = make(config).eval()
    clips = [clip(1, 3, 6, 9, 9) * k for k in range(1, 9)]

    def run(x: Tensor) -> Tensor:
        with torch.no_grad():
            return layer(x)

    expected = [run(x) for x in clips]
    with ThreadPoolExecutor(4) as pool:
        for y, z in zip(pool.map(run, clips * 4), expected * 4):
            torch.testing.assert_close(y, z)


@each_form
def test_gradcheck(config: ArcConfig) -> None:
    layer = ArcConv2d(4, 8, 3, 2, 1, config=config, norm=nn.BatchNorm2d(8), act=nn.Softplus()).double()
    randomise(layer)
    x = clip(1, 2, 4, 4, 4, dtype=torch.float64).requires_grad_()
    names = [name for name, _ in layer.named_parameters()]

    def run(x: Tensor, *values: Tensor) -> Tensor:
        # the running statistics would change from call to call, but a batch's own are used
        return torch.func.functional_call(layer, dict(zip(names, values)), (x,))

    assert torch.autograd.gradcheck(run, (x, *layer.parameters()), eps=1e-6, atol=1e-5)


def test_the_reference_is_the_layer_of_one_step() -> None:
    layer = ArcConv2d(6, 8, 3, config=ArcConfig(steps=1))
    x = clip(1, 2, 6, 5, 5)
    assert torch.equal(by_the_equations(layer, x).flatten(0, 1), F.conv2d(x.flatten(0, 1), layer.weight, layer.bias))
