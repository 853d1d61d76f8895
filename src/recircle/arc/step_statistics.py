"""What the batch norms of a network find, apart for each number of steps that its ARC layers run with.

Features of a layer in one step are distributed otherwise than in four, and so is all that comes of them. Statistics
that are averaged over all numbers fit none of them; with their own, one set of weights can serve several (Yu et al.,
"Slimmable Neural Networks", 2019, find the same for several widths).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recircle.arc.module import ArcLayer
from recircle.public import public
from recircle.torch_internals import BatchNorm

NAME = "step_statistics"
"""What networks of this package call theirs."""


@public
class StepStatistics(nn.Module):
    """The running statistics of a network's batch norms for several numbers of recursive steps.

    Registered as a module of the network, such as `network.step_statistics = StepStatistics(network, (1, 2, 4))`, it is
    saved and moved with it, and `recircle.set_steps` puts the statistics of one number into the norms and keeps those
    that were there. A state that was saved in another number of steps is turned to that of the network as it is loaded.
    Until a number has been trained with, it has the statistics of the beginning.

    Attributes:
        steps: the numbers n, from small to large, one for each row.
        means: running means of all norms side by side, in the order in which the network names them.
        variances: running variances likewise.
        numbers: the numbers n once more, which a saved state says of itself.
        current: the number whose statistics are in the norms now; their row is out of date until they are kept.

    Raises:
        ValueError: there is no number, one is there twice, or the network cannot run with one; the number that it runs
            with is not among them; or it has no ARC layers, or these differ in their numbers of steps.
    """

    numbers: Int[Tensor, " numbers"]
    means: Float[Tensor, "numbers channels"]
    variances: Float[Tensor, "numbers channels"]
    current: Int[Tensor, ""]

    def __init__(self, network: nn.Module, steps: Sequence[int]) -> None:
        """Begin with the statistics of the network for every number.

        Args:
            network: what runs with one of the numbers now; it is not kept, but it learns to turn what it loads.
            steps: the numbers n, each once, in any order.
        """
        super().__init__()
        self.steps = tuple(sorted(steps))
        self.register_buffer("current", torch.tensor(_check_numbers(network, self.steps)))
        self.register_buffer("numbers", torch.tensor(self.steps))
        self.begin(network)
        network.register_load_state_dict_post_hook(_turn_what_was_loaded)

    def begin(self, network: nn.Module) -> None:
        """Give every number the statistics that the network has now."""
        means, variances = (torch.cat(values) if values else torch.empty(0) for values in _statistics(network))
        self.register_buffer("means", means.repeat(len(self.steps), 1))
        self.register_buffer("variances", variances.repeat(len(self.steps), 1))
        self.current, self.numbers = self.current.to(means.device), self.numbers.to(means.device)

    def check(self, network: nn.Module, steps: int) -> None:
        """Insist that `turn` can be done.

        Raises:
            ValueError: there are no statistics for that number; or norms have gone, as `prepare_for_inference` makes
                them part of the weights.
        """
        if steps not in self.steps:
            known = ", ".join(map(str, self.steps))
            raise ValueError(f"steps={steps}: this network learned with {known} and has statistics for these alone")
        if steps != int(self.current) and sum(map(len, _statistics(network)[0])) != self.means.shape[1]:
            raise ValueError(
                f"steps={steps}: norms of this network, with what they found in {int(self.current)} steps, are part of "
                "its weights now; set the steps first and prepare it then"
            )

    @torch.no_grad()
    def turn(self, network: nn.Module, steps: int) -> None:
        """Keep the statistics of the network for the number it ran with, and give it those of another.

        Raises:
            ValueError: see `check`; then nothing is changed.
        """
        self.check(network, steps)
        before, now = self.steps.index(int(self.current)), self.steps.index(steps)
        if before == now:
            return
        for rows, values in zip((self.means, self.variances), _statistics(network), strict=True):
            torch.cat(values, out=rows[before])
            for value, other in zip(values, rows[now].split([len(value) for value in values]), strict=True):
                value.copy_(other)
        self.current.fill_(steps)

    def extra_repr(self) -> str:
        """Name the numbers, the current one first."""
        others = ", ".join(str(one) for one in self.steps if one != int(self.current))
        return f"{int(self.current)}; also {others}" if others else f"{int(self.current)}"


def check_drawn_steps(drawn_steps: Sequence[int]) -> None:
    """Insist that numbers of recursive steps can be drawn from.

    Raises:
        ValueError: one is below 1 or no whole number, or stands there twice.
    """
    if not all(isinstance(steps, int) for steps in drawn_steps):
        raise ValueError(f"drawn_steps={drawn_steps}: a number of recursive steps is a whole number")
    if any(steps < 1 for steps in drawn_steps):
        raise ValueError(f"drawn_steps={drawn_steps}: a number of recursive steps is 1 or more")
    if len(set(drawn_steps)) != len(drawn_steps):
        raise ValueError(f"drawn_steps={drawn_steps}: each number once")


def keep_step_statistics(network: nn.Module, steps: Sequence[int]) -> None:
    """Register `StepStatistics` in a network, where it has norms for them.

    Raises:
        ValueError: see there.
    """
    if _statistics(network)[0]:
        network.add_module(NAME, StepStatistics(network, steps))


def _check_numbers(network: nn.Module, numbers: Sequence[int]) -> int:
    """Return the number of steps that a network runs with, one of those that it can run with.

    Raises:
        ValueError: see `StepStatistics`.
    """
    check_drawn_steps(numbers)
    layers = [module for module in network.modules() if isinstance(module, ArcLayer)]
    running = {layer.config.steps for layer in layers}
    if len(running) != 1:
        found = "different numbers of steps in its ARC layers" if running else "no ARC layers"
        raise ValueError(f"the network has {found}")
    (own,) = running
    if own not in numbers:
        among = ", ".join(map(str, numbers)) or "none"
        raise ValueError(f"the network itself runs in {own} steps, and the numbers are {among}")
    for layer in layers:
        try:
            for steps in numbers:
                layer.set_steps(steps)
        finally:
            layer.set_steps(own)
    return own


def _turn_what_was_loaded(network: nn.Module, _: object) -> None:
    """Give the norms the statistics of as many steps as the network runs with, after another state was loaded.

    Raises:
        ValueError: the state is of other numbers than the network.
    """
    running = next((module.config.steps for module in network.modules() if isinstance(module, ArcLayer)), None)
    for statistics in network.children():
        if isinstance(statistics, StepStatistics) and running is not None:
            found = statistics.numbers.tolist()
            if found != list(statistics.steps):
                raise ValueError(f"this state has statistics for {found} steps, the network for {[*statistics.steps]}")
            statistics.turn(network, running)


def _statistics(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Return the running means and the running variances, as they are in the norms."""
    norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
    means = [norm.running_mean for norm in norms if norm.running_mean is not None]
    return means, [norm.running_var for norm in norms if norm.running_var is not None]
