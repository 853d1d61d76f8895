"""What is used of PyTorch beyond its promises: all in one file, and each with a fallback that computes the same."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.fx.experimental._config as symbolic_shapes
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from recircle import torch_internals

SOURCE = Path(torch_internals.__file__).parent
PRIVATE = re.compile(
    r"torch(\.\w+)*\._[a-zA-Z]|\bops\.aten\b|\._version\b|\b_BatchNorm\b|\b_NormBase\b|\b_ConvNd\b"
    r"|\._(parameters|buffers|forward_hooks|forward_pre_hooks|reversed_padding_repeated_twice)\b"
)


def test_nothing_else_reaches_into_torch() -> None:
    files = [*SOURCE.rglob("*.py"), *SOURCE.parents[1].glob("benchmarks/*.py"), *SOURCE.parents[1].glob("studies/*.py")]
    # the second names what pickles may hold, and uses none of it
    exempt = ("torch_internals.py", "checkpoint_pickle.py")
    found = [f"{p.name}: {line}" for p in files if p.name not in exempt for line in _private(p.read_text())]
    assert not found


def _private(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if PRIVATE.search(line)]


@pytest.fixture(params=["as it is", "without"])
def aten(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(torch_internals.torch.ops, "aten", SimpleNamespace())


@pytest.mark.parametrize("slope", [0.0, 0.01])
@pytest.mark.usefixtures("aten")
def test_leaky_relus(slope: float) -> None:
    x, grad = torch.randn(50), torch.randn(50)
    out = torch.empty(50)
    assert torch_internals.leaky_relu_out(x, slope, out) is out
    assert torch.equal(out, F.leaky_relu(x, slope))
    leaf = x.clone().requires_grad_()
    F.leaky_relu(leaf, slope).backward(grad)
    torch.testing.assert_close(torch_internals.leaky_relu_backward(grad, out, slope), leaf.grad)
    found = torch_internals.leaky_relu_backward_(grad, out, slope)
    assert found.data_ptr() == out.data_ptr()
    torch.testing.assert_close(found, leaf.grad)


def test_versions_count_changes_in_place() -> None:
    x = torch.zeros(2)
    before = torch_internals.version(x)
    x.add_(1)
    assert torch_internals.version(x) > before
    with torch.inference_mode():
        assert torch_internals.version(torch.zeros(2)) == 0
    lacking: Any = SimpleNamespace()
    assert torch_internals.version(lacking) == 0


@pytest.mark.parametrize("gone", ["", "_reorder_convolution_weight", "_convolution_pointwise"])
def test_weights_are_not_reordered_without_the_operators(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = SimpleNamespace(_reorder_convolution_weight=lambda *_: "reordered", _convolution_pointwise=None)
    if gone:
        delattr(made, gone)
    monkeypatch.setattr(torch_internals.torch.ops, "mkldnn", made)
    found = torch_internals.reorder_weight(torch.zeros(1, 1, 1, 1), (1, 1, 1, 1), (0, 0), (1, 1), (1, 1), 1)
    assert found == (None if gone or not torch.backends.mkldnn.is_available() else "reordered")


@pytest.mark.parametrize("gone", ["", "_get_tracing_state", "_are_functorch_transforms_active"])
def test_recorded_and_transformed_tensors(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if gone:
        monkeypatch.delattr(torch._C, gone)
    seen: list[bool] = []

    def note(x: Tensor) -> Tensor:
        seen.append(torch_internals.is_recorded(x))
        return x * 2

    x = torch.zeros(3)
    note(x)
    assert seen == [bool(gone)]
    if not gone:
        torch.func.vmap(note)(x)
        torch.func.grad(lambda z: note(z).sum())(x)
        note(nn.Parameter(x))
        assert seen[1:] == [True] * 3


def test_the_backward_pass_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    x = torch.zeros(1, requires_grad=True)
    for _ in range(2):
        y = x * 2
        y.register_hook(lambda _: seen.append(torch_internals.backward_pass()))
        y.backward()
    assert seen[0] is not None
    assert seen[1] is not None
    assert seen[0] != seen[1]
    assert torch_internals.backward_pass() is None
    monkeypatch.delattr(torch._C, "_current_graph_task_id")
    assert torch_internals.backward_pass() is None


def test_compiled_parts_are_seen() -> None:
    net = nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU()))
    assert not torch_internals.has_compiled_parts(net)
    whole: Any = torch.compile(net, backend="eager")
    assert torch_internals.has_compiled_parts(whole)
    net[1].compile(backend="eager")
    assert torch_internals.has_compiled_parts(net)


def test_hooks_are_seen() -> None:
    net = nn.ReLU()
    assert not torch_internals.has_hooks(net)
    handle = net.register_forward_hook(lambda *_: None)
    assert torch_internals.has_hooks(net)
    handle.remove()
    net.register_forward_pre_hook(lambda *_: None)
    assert torch_internals.has_hooks(net)
    lacking: Any = SimpleNamespace()
    assert torch_internals.has_hooks(lacking)


def test_adopted_values_are_the_same_tensors() -> None:
    old, new = nn.BatchNorm2d(3, affine=False), nn.BatchNorm2d(3, affine=False, device="meta")
    torch_internals.adopt(new, old)
    assert all(a is b for a, b in zip(new.state_dict(keep_vars=True).values(), old.state_dict(keep_vars=True).values()))
    assert torch_internals.own_parameter(new, "weight") is None


@pytest.mark.parametrize("padding", ["same", "valid", 1, (2, 1)])
@pytest.mark.parametrize("kernel", [3, (4, 5)])
def test_reversed_padding(padding: Any, kernel: Any) -> None:
    conv = nn.Conv2d(2, 2, kernel, padding=padding, dilation=2)
    known = torch_internals.reversed_padding(conv)
    conv._reversed_padding_repeated_twice = None  # pyright: ignore
    assert torch_internals.reversed_padding(conv) == known


def test_errors_of_the_compiler_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._dynamo.exc as compiler

    assert torch_internals.capture_errors() == (compiler.UserError,)
    assert torch_internals.compiler_errors() == (compiler.BackendCompilerFailed,)
    monkeypatch.delattr(compiler, "UserError")
    assert torch_internals.capture_errors() == ()


@pytest.mark.parametrize("there", [True, False])
def test_the_switch_of_captures_is_put_back(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not there:
        monkeypatch.delattr(symbolic_shapes, "backed_size_oblivious")
    before = getattr(symbolic_shapes, "backed_size_oblivious", None)
    with torch_internals.sizes_may_be_one():
        assert getattr(symbolic_shapes, "backed_size_oblivious", None) is (True if there else None)
    assert getattr(symbolic_shapes, "backed_size_oblivious", None) == before


def test_workers_of_a_loader_are_seen_and_ended() -> None:
    batches = iter(DataLoader(TensorDataset(torch.arange(4)), num_workers=2))
    processes = torch_internals.worker_processes(batches)
    assert [process.exitcode for process in processes] == [None, None]
    torch_internals.unwatch_workers(batches)
    torch_internals.end_workers(batches)
    assert [process.exitcode for process in processes] == [0, 0]


def test_a_loader_without_these_names_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch._C, "_remove_worker_pids", raising=False)
    batches = iter(())
    assert not torch_internals.worker_processes(batches)
    torch_internals.unwatch_workers(batches)
    torch_internals.end_workers(batches)
