"""How many steps the ARC layers of a network take: as many as they learned, or fewer."""

from torch import nn

from recircle.arc.module import ArcLayer
from recircle.arc.step_statistics import StepStatistics
from recircle.public import public


@public
def set_steps(network: nn.Module, steps: int) -> None:
    """Let all ARC layers of a network compute in n steps from now on; see `ArcLayer.set_steps`.

    Where the network has `StepStatistics`, its batch norms take those of n steps. Not while another thread runs the
    network.

    Raises:
        ValueError: n is no whole number, there is no ARC layer, one cannot, or the statistics cannot; then nothing is
            changed.
    """
    if not isinstance(steps, int) or isinstance(steps, bool):
        raise ValueError(f"steps={steps!r}: a number of recursive steps is a whole number")
    layers = {name: module for name, module in network.named_modules() if isinstance(module, ArcLayer)}
    if not layers:
        raise ValueError(f"this {type(network).__name__} has no ARC layers whose steps could be set")
    kept = [(part, one) for part in network.modules() for one in part.children() if isinstance(one, StepStatistics)]
    for owner, statistics in kept:
        statistics.check(owner, steps)
    before = [layer.config.steps for layer in layers.values()]
    for name, layer in layers.items():
        try:
            layer.set_steps(steps)
        except ValueError as problem:
            for changed, earlier in zip(layers.values(), before):
                changed.set_steps(earlier)
            raise ValueError(f"{name}: {problem}" if name else str(problem)) from None
    for owner, statistics in kept:
        statistics.turn(owner, steps)


def fewer_steps(network: nn.Module) -> int | None:
    """Return the number of steps that `set_steps` chose, where it is not the one that was learned."""
    layers = (module for module in network.modules() if isinstance(module, ArcLayer))
    return next((layer.config.steps for layer in layers if layer.runs_fewer), None)
