"""Which output channels each recursive step makes, and which input channels it reads."""

from dataclasses import dataclass

from recircle.public import public


@public
@dataclass(frozen=True)
class Steps:
    """The steps of one layer.

    Attributes:
        inputs: for each step, the first input channel it reads and how many.
        width: g = c / n, the output channels of a step.
        groups: the groups of the convolution inside a step.
        first: the first input channel that any step after the first reads; only the state from there on evolves.
    """

    inputs: tuple[tuple[int, int], ...]
    width: int
    groups: int
    first: int


def plan_steps(in_channels: int, out_channels: int, groups: int, steps: int) -> Steps:
    """Divide a layer of `groups` groups into `steps` steps.

    A step of a grouped convolution needs the input channels of its own groups only.

    Raises:
        ValueError: `steps` does not divide the output channels, or a step would end inside a group that others share
            unevenly; the message lists the numbers of steps that work.
    """
    if out_channels % steps or (groups % steps and steps % groups):
        fit = [n for n in range(1, out_channels + 1) if _fits(out_channels, groups, n)]
        shown = ", ".join(map(str, fit[:12])) + (", ..." if len(fit) > 12 else "")
        kind = f"{out_channels} output channels" + (f" in {groups} groups" if groups > 1 else "")
        raise ValueError(f"steps={steps} does not divide a layer of {kind} evenly; use one of {shown}")
    per_group = in_channels // groups
    length = per_group * max(groups // steps, 1)
    inputs = tuple((per_group * (j * groups // steps), length) for j in range(steps))
    return Steps(
        inputs=inputs,
        width=out_channels // steps,
        groups=max(groups // steps, 1),
        first=inputs[1][0] if steps > 1 else 0,
    )


def _fits(out_channels: int, groups: int, steps: int) -> bool:
    return out_channels % steps == 0 and (groups % steps == 0 or steps % groups == 0)
