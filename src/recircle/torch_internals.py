"""What this package uses of PyTorch that its documentation does not promise: all of it is here, and nowhere else.

Beside each stands why nothing public will do, and what happens where a version of PyTorch lacks it. The tests run the
fallbacks too.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.nn.modules.batchnorm import _NormBase as RunningNorm
from torch.nn.modules.conv import _ConvNd as Convolution
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear as UncalledLinear
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = [
    "BatchNorm",
    "Convolution",
    "RunningNorm",
    "TorchDispatchMode",
    "UncalledLinear",
    "adopt",
    "aten",
    "backward_pass",
    "capture_errors",
    "compile_program",
    "compiler_errors",
    "convolve_reordered",
    "end_workers",
    "has_compiled_parts",
    "has_cpp_compiler",
    "has_hooks",
    "is_recorded",
    "is_watched",
    "leaky_relu_backward",
    "leaky_relu_backward_",
    "leaky_relu_out",
    "load_compiled_program",
    "lost_process",
    "own_parameter",
    "reorder_weight",
    "reversed_padding",
    "sizes_may_be_one",
    "tree_leaves",
    "unwatch_workers",
    "version",
    "worker_processes",
]

# The classes: isinstance() has no public name for "any batch norm" (BatchNorm1d to 3d and SyncBatchNorm), for the norms
# with running statistics (those and instance norms), for "any convolution", and for the linear layer that
# nn.MultiheadAttention reads without calling it. TorchDispatchMode and tree_leaves are what torch.utils.flop_counter
# uses. Without one of them this import fails, and names it.

aten: Any = torch.ops.aten
"""The operators of captured graphs, which are public as what `torch.export` shows, and not as a list that stays."""


def version(tensor: Tensor) -> int:
    """Return how often a tensor was changed in place.

    Autograd's own check does not see tensors that saved-tensor hooks replace. Inference tensors keep no count, nor does
    a PyTorch without the attribute: it is 0 then, and changes go unnoticed.
    """
    try:
        return tensor._version
    except (AttributeError, RuntimeError):
        return 0


def leaky_relu_out(x: Tensor, slope: float, out: Tensor) -> Tensor:
    """Write the leaky ReLU of `x` into `out`; not differentiable.

    The public function has no `out`, and a copy costs as much as the function. That is the fallback.
    """
    overloads: Any = getattr(torch.ops.aten, "leaky_relu", None)
    if hasattr(overloads, "out"):
        return overloads.out(x, slope, out=out)
    return out.copy_(F.leaky_relu(x, slope))


def leaky_relu_backward(grad: Tensor, result: Tensor, slope: float) -> Tensor:
    """Return the gradient of a leaky ReLU from its result, whose sign is that of its input.

    The fallback makes a mask.
    """
    known: Any = getattr(torch.ops.aten, "leaky_relu_backward", None)
    if known is None:
        return torch.where(result > 0, grad, grad * slope)
    return known(grad, result, slope, True)


def leaky_relu_backward_(grad: Tensor, result: Tensor, slope: float) -> Tensor:
    """Return the gradient of a leaky ReLU in the memory of its result, whose sign is that of its input.

    Autograd would keep the input for it. The fallback makes a mask.
    """
    backward: Any = getattr(torch.ops.aten, "leaky_relu_backward" if slope else "threshold_backward", None)
    if not hasattr(backward, "grad_input"):
        return result.copy_(torch.where(result > 0, grad, grad * slope))
    if slope:
        return backward.grad_input(grad, result, slope, True, grad_input=result)
    return backward.grad_input(grad, result, 0, grad_input=result)


def is_recorded(x: Tensor) -> bool:
    """Tell whether operations on `x` are recorded or transformed instead of done.

    Memory that is used twice would confuse that. There is no public question for `torch.func`'s transforms or a trace;
    where a private one is gone, everything counts as recorded, which is slower and right.
    """
    if torch.compiler.is_compiling() or type(x) is not Tensor:
        return True
    tracing: Any = getattr(torch._C, "_get_tracing_state", None)
    transformed: Any = getattr(torch._C, "_are_functorch_transforms_active", None)
    return tracing is None or tracing() is not None or transformed is None or transformed()


def is_watched() -> bool:
    """Tell whether something counts or replaces the operations that are done, as `FlopCounterMode` does.

    It may not know those that only PyTorch's compiler makes. There is no public question; where the private one is
    gone, nobody watches.
    """
    watching: Any = getattr(torch._C, "_len_torch_dispatch_stack", None)
    return watching is not None and watching() > 0


def reorder_weight(
    weight: Tensor,
    shape: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor | None:
    """Return a convolution's weight in the order in which oneDNN reads it for inputs of this shape.

    Public convolutions do this at every call. Where oneDNN, this precision, or the operators that PyTorch's compiler
    uses are missing, there is None, and the caller convolves in the ordinary way.
    """
    operators: Any = torch.ops.mkldnn
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled):
        return None
    if not hasattr(operators, "_reorder_convolution_weight") or not hasattr(operators, "_convolution_pointwise"):
        return None
    half: Any = getattr(operators, "_is_mkldnn_bf16_supported", None)
    if weight.dtype == torch.bfloat16 and (half is None or not half()):
        return None
    return operators._reorder_convolution_weight(weight, padding, stride, dilation, groups, list(shape))


def convolve_reordered(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    padding: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Convolve with what `reorder_weight` returned; not differentiable."""
    operators: Any = torch.ops.mkldnn
    convolve = operators._convolution_pointwise.default
    return convolve(x, weight, bias, padding, stride, dilation, groups, "none", [], "")


def backward_pass() -> int | None:
    """Return the number of the backward pass that this thread is in, or None.

    Gradient checkpointing runs layers again there, and no public question tells it from a forward pass. Without the
    private one it is None, and such layers are taken for layers outside of a `FrameModel`.
    """
    task: Any = getattr(torch._C, "_current_graph_task_id", None)
    number = -1 if task is None else task()
    return None if number < 0 else number


def has_compiled_parts(module: nn.Module) -> bool:
    """Tell whether a part was compiled by `torch.compile(part)` or `part.compile()`.

    Neither has a public sign. Without the private ones the answer is no.
    """
    return any(
        getattr(part, "_compiled_call_impl", None) is not None or hasattr(part, "_orig_mod")
        for part in module.modules()
    )


def has_hooks(module: nn.Module) -> bool:
    """Tell whether a module has forward hooks, which rewriting it would lose; without the attributes, that it may."""
    missing = object()
    hooks = (getattr(module, name, missing) for name in ("_forward_hooks", "_forward_pre_hooks"))
    return any(hook is missing or bool(hook) for hook in hooks)


def own_parameter(module: nn.Module, name: str) -> nn.Parameter | None:
    """Return a parameter as it is registered: reading a parametrized one by its name would compute it."""
    return module._parameters.get(name)


def adopt(module: nn.Module, other: nn.Module) -> None:
    """Let `module` hold the very parameters and buffers of `other`, under the same names.

    Public assignment takes one name at a time and refuses None in the place of some.
    """
    module._parameters.update(other._parameters)
    module._buffers.update(other._buffers)


def reversed_padding(conv: nn.Module) -> list[int]:
    """Return the padding of a convolution as `F.pad` takes it, whatever "same" means for its kernel.

    Without the attribute it is made from `padding`.
    """
    known: Any = getattr(conv, "_reversed_padding_repeated_twice", None)
    if known is not None:
        return list(known)
    padding: Any = conv.padding
    if padding == "valid":
        padding = (0,) * len(conv.kernel_size)  # pyright: ignore
    if padding == "same":
        spans: Any = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size)]  # pyright: ignore
        return [side for span in reversed(spans) for side in (span // 2, span - span // 2)]
    return [side for one in reversed(padding) for side in (one, one)]


def capture_errors() -> tuple[type[Exception], ...]:
    """Return what `torch.export` raises where it cannot capture a network; without its private class, nothing."""
    return _classes("UserError")


def compiler_errors() -> tuple[type[Exception], ...]:
    """Return what a compiled network raises where the compiler fails; without its private class, nothing."""
    return _classes("BackendCompilerFailed")


def has_cpp_compiler() -> bool:
    """Tell whether PyTorch's compiler finds a C++ compiler.

    It has no public question. Without the private one the answer is yes, and compiling fails in its own words.
    """
    import torch._inductor.cpp_builder as builder

    find: Any = getattr(builder, "get_cpp_compiler", None)
    try:
        return find is None or bool(find())
    except RuntimeError:
        return False


def compile_program(program: torch.export.ExportedProgram, file: IO[bytes], texts: dict[str, str]) -> None:
    """Compile an exported program ahead of time and write it, with texts by their names.

    PyTorch documents this for users under a private name only, and there is no other way. Without it the call fails.
    """
    import torch._inductor

    # frozen: weights are brought into the order of oneDNN now, not at every call; torch does so without gradients only
    with torch.no_grad(), warnings.catch_warnings():
        # torch imports parts of its own that it calls deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        torch._inductor.aoti_compile_and_package(
            program,
            package_path=file,
            inductor_configs={"aot_inductor.metadata": texts, "freezing": True},
        )


def load_compiled_program(file: IO[bytes]) -> Any:
    """Return what `compile_program` wrote as a function, whose `get_metadata()` has the texts."""
    import torch._inductor

    return torch._inductor.aoti_load_package(file)


def _classes(name: str) -> tuple[type[Exception], ...]:
    # importing the compiler takes a second, which most commands need not wait for
    import torch._dynamo.exc as compiler

    return tuple(filter(None, [getattr(compiler, name, None)]))


@contextmanager
def sizes_may_be_one() -> Iterator[None]:
    """Let `torch.export` capture sizes that may be 1 without assuming that they are not.

    There is no public switch; without the private one nothing is switched, and captures make the assumption.
    """
    import torch.fx.experimental._config as symbolic_shapes

    if not hasattr(symbolic_shapes, "backed_size_oblivious"):
        yield
        return
    with patch.object(symbolic_shapes, "backed_size_oblivious", True):
        yield


def worker_processes(batches: Any) -> Sequence[Any]:
    """Return the processes of a DataLoader's iterator.

    torch tells of the death of a worker in words only, and not how it died. Without the attribute there are none, and
    a death is reported without its cause.
    """
    return getattr(batches, "_workers", ())


def unwatch_workers(batches: Any) -> None:
    """Keep torch's signal handler from raising, in the middle of whatever is done, that a worker has died.

    There is no public switch; without the private one the handler stays, and the death of a worker ends the command.
    """
    forget = getattr(torch._C, "_remove_worker_pids", None)
    if forget is not None and getattr(batches, "_worker_pids_set", False):
        forget(id(batches))
        batches._worker_pids_set = False


def end_workers(batches: Any) -> None:
    """End the processes of a DataLoader's iterator now; without the private method, when it is collected."""
    with suppress(AttributeError):
        batches._shutdown_workers()


_GLOO = re.compile(r"^\[\S*gloo\S*\] (.*?)(?:\. This is typically.*)?$", re.DOTALL)


def lost_process(error: RuntimeError) -> str | None:
    """Return in words how the connection between processes failed, or None where an error is of another kind.

    NCCL and the store by which processes find each other raise kinds of their own. What gloo, which connects processes
    without a GPU, raises is told by the file of its code that the message begins with; where it does not, the error
    keeps its traceback.
    """
    if isinstance(error, torch.distributed.DistError):
        return str(error).partition("\n")[0]
    found = _GLOO.match(str(error))
    return found[1].strip() if found else None
