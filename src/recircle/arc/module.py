"""ARC layers as modules: an ordinary layer's weights under their names, and the matrices that let its input evolve."""

from dataclasses import replace
from typing import Any, NamedTuple, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recircle.arc.attention import POOLINGS, GruParameters
from recircle.arc.clip_dims import ClipDims, part
from recircle.arc.clip_length import frames_in_batch
from recircle.arc.config import ArcConfig
from recircle.arc.epilogue import NormAct
from recircle.arc.folded_frames import FoldedFrames
from recircle.arc.functional import NOT_CAUSAL, StepPlan
from recircle.arc.matrices import ArcMatrices
from recircle.arc.recursion import recurse
from recircle.arc.running import RunningPool
from recircle.arc.sliced_norm import SlicedGroupNorm, SlicedNorm, is_elementwise, slice_norm
from recircle.arc.steps import plan_steps
from recircle.arc.superposed import forward_superposed, superposes, weights_of_terms
from recircle.arc.superposed_frames import forward_frames, knows_frames
from recircle.layers.memory import Memory, memory_of
from recircle.public import public
from recircle.torch_internals import is_recorded

ADDED = ("embedding", "attention", "fusion", "gru", "pooling")
"""What an ARC layer registers beside the parameters of the original layer."""


@public
class Unrolled(NamedTuple):
    """All that an ARC layer makes of one input.

    Tensors are [B, T, channels, ...] where the layer sees single frames, [B, T, N, channels] for their tokens, and
    [B, channels, T, H, W] for a 3-D layer.
    """

    states: list[Float[Tensor, "B ..."]]
    """X_1 .. X_n, with all input channels."""
    features: list[Float[Tensor, "B ..."]]
    """G_1 .. G_n, as they are fed back."""
    output: Float[Tensor, "B ..."]
    """Y."""


@public
class ArcLayer(nn.Module):
    """What all ARC layers share; use `ArcConv1d`, `ArcConv2d`, `ArcConv3d` or `ArcLinear`.

    Attributes:
        config: the variant.
        frames: T of inputs whose frames lie in the batch dimension, [B T, ...], as in image networks; None where T
            is a dimension of the input. Inside of `recircle.FrameModel` it is that of the clips at hand.
        embedding: W^e, [rows, Cin], or None.
        attention: W^a, [rows, c - g], or None.
        fusion: W^f, [rows, c - g], or None.
        pooling: what the pooling of recursive attention learns, [c - g], or None.
    """

    config: ArcConfig
    frames: int | None
    weight: Float[Tensor, "c cin *kernel"]
    bias: Float[Tensor, "c"] | None

    def _add_arc(
        self,
        in_channels: int,
        out_channels: int,
        groups: int,
        config: ArcConfig,
        norm: nn.Module | None,
        act: Any,
    ) -> None:
        if config.causal and config.pools_over_time and not self.clip_dims.framewise:
            raise ValueError(NOT_CAUSAL)
        self.steps = plan_steps(in_channels, out_channels, groups, config.steps)
        self.config = self._learned = config
        self._groups = groups
        self._wants_terms, self._terms, self._by_frames = False, 0, False
        self.frames = None
        self.norm: SlicedNorm | None = None
        self.act: nn.Module | None = None
        if norm is not None:
            self.norm = norm if isinstance(norm, SlicedNorm) else slice_norm(norm, config.steps)
            if self.norm is None:
                raise ValueError(
                    f"{type(norm).__name__} cannot be normalised in {config.steps} steps: only a batch norm, and a "
                    'group norm with whole groups a step, can be; leave the norm outside and use feedback="operator"'
                )
        if act is not None:
            if not is_elementwise(act):
                raise ValueError(f"{type(act).__name__} is not an activation that acts on each value alone")
            self.act = act

        self.reset_arc(in_channels, out_channels)

    def reset_arc(self, in_channels: int, out_channels: int) -> None:
        """Make the matrices anew, on the device and with the dtype of the weight, at their initial values."""
        self.set_steps(self._learned.steps)
        config = self.config
        rows, fed = in_channels - self.steps.first, out_channels - self.steps.width

        def matrix(present: bool, columns: int, std: float = 0.0) -> nn.Parameter | None:
            if not present:
                return None
            value = torch.zeros(rows, columns, device=self.weight.device, dtype=self.weight.dtype)
            return nn.Parameter(value.normal_(0, std) if std else value)

        attends = config.evolves and config.attention
        gru = attends and config.attention_module == "gru"
        self.embedding = matrix(config.embeds, in_channels)
        self.attention = matrix(attends and not gru, fed, config.attention_init)
        self.fusion = matrix(config.evolves and config.fusion, fed)
        self.pooling = POOLINGS[config.pooling].parameter(fed, self.weight) if attends else None
        self.gru = GruParameters(rows, self.steps.width, self.weight) if gru else None

    def _adopt(self, old: Any) -> Self:
        """Adopt the parameters of the original layer."""
        self.weight, self.bias = old.weight, old.bias
        columns = self.weight.shape[1] * getattr(old, "groups", 1)
        self.reset_arc(columns, self.weight.shape[0])
        return self.train(old.training)

    @property
    def matrices(self) -> ArcMatrices:
        """W^e, W^a and W^f, and what the pooling has learned; where fewer steps run, the parts that these use."""
        attention = self.attention if self.gru is None else self.gru.weights
        if self.config.steps == self._learned.steps:
            return ArcMatrices(self.embedding, attention, self.fusion, self.pooling)
        assert self.gru is None
        fed = self.weight.shape[0] - self.steps.width
        rows = self._in_channels - self.steps.first

        def used(matrix: Tensor | None, columns: int) -> Tensor | None:
            # the last rows: a step of a grouped layer reads the channels of its own groups and none before
            return None if matrix is None or not self.config.evolves else matrix[len(matrix) - rows :, :columns]

        pooling = None if self.pooling is None else self.pooling[:fed]
        embedding = used(self.embedding, self._in_channels)
        return ArcMatrices(embedding, used(self.attention, fed), used(self.fusion, fed), pooling)

    def set_steps(self, steps: int) -> None:
        """Compute in n steps from now on, as many as were learned or fewer; 1 is the original layer.

        The first columns of the matrices belong to the same features whatever n is, so those of n steps are a part of
        those of more; how well a network does with fewer than it was trained with is another matter.

        Raises:
            ValueError: more steps than were learned, or steps that do not divide the layer or its norm; or the
                attention is a GRU, whose weights hold for one width of step only.
        """
        learned = self._learned
        if steps == learned.steps:
            self._compute_as(learned)
            return
        if learned.attention and learned.attention_module == "gru":
            raise ValueError(f"steps={steps}: a GRU has weights for {learned.steps} steps and no other number")
        if steps > learned.steps:
            raise ValueError(f"steps={steps}: this layer has weights for {learned.steps} steps at most")
        if isinstance(self.norm, SlicedGroupNorm) and self.norm.num_groups % steps:
            raise ValueError(f"steps={steps} would cut through the groups of its group norm")
        self._compute_as(replace(learned, steps=steps))

    @property
    def runs_fewer(self) -> bool:
        """Whether `set_steps` chose fewer steps than were learned."""
        return self.config.steps != self._learned.steps

    def _compute_as(self, config: ArcConfig) -> None:
        steps = plan_steps(self._in_channels, self.weight.shape[0], self._groups, config.steps)
        self.config, self.steps, self._terms = config, steps, 0
        if self._wants_terms:
            self.superpose()

    def superpose(self) -> bool:
        """Compute f(X + A) as f(X) + f(A) from now on, where the variant allows it; return whether it does.

        For inference with the weights as they are now, a norm being part of them already.
        """
        attention = self.matrices.attention
        # so that a number of steps which does not allow it is not the last one that asks
        self._wants_terms = True
        if self.norm is not None or not superposes(self.config, self.steps, self.clip_dims):
            return False
        assert isinstance(attention, Tensor)
        terms = weights_of_terms(self.weight, attention, self.steps)
        for j, term in enumerate(terms):
            self.register_buffer(f"term{j}", term, persistent=False)
        self._terms = len(terms)
        self._by_frames = knows_frames(self.act, self.config, self.clip_dims)
        return True

    def _superposed(self, input: Float[Tensor, "N ..."]) -> Float[Tensor, "N ..."]:  # noqa: A002
        """Return Y, of frames in the batch dimension or as a clip."""
        x, dims = self.as_clip(input), self.clip_dims
        if self._by_frames and not torch.is_grad_enabled() and not is_recorded(x):
            frames = input if input.dim() == x.dim() - 1 else dims.fold(x)
            y = forward_frames(frames, len(x), self._operate, self.act, self.steps)
            return y if frames is input else dims.unfold(y, x)
        if torch.compiler.is_exporting() and (folded := FoldedFrames.of(x, dims, self.config)) is not None:
            y = forward_superposed(dims.fold(x), self._operate, self.act, self.config, self.steps, folded)
            return dims.unfold(y, x)
        return forward_superposed(x, self._operate, self.act, self.config, self.steps, dims)

    def _operate(self, z: Float[Tensor, "N ..."], term: int | None) -> Float[Tensor, "N ..."]:
        return self.operator(z, self.weight, self.bias, 1) if term is None else self._operate_term(z, term)

    def _operate_term(self, z: Float[Tensor, "N ..."], term: int) -> Float[Tensor, "N ..."]:
        return self.operator(z, getattr(self, f"term{term}"), None, 1)

    @property
    def _in_channels(self) -> int:
        return self.weight.shape[1] * self._groups

    def _memory(self) -> Memory | None:
        """Return what the layer remembers of the frames before, where it looks back and its network runs so."""
        return memory_of(self) if self.config.causal and self.config.pools_over_time else None

    def unregister_epilogue(self) -> None:
        """Forget to own the norm and the activation; they stay in use, registered where they were before.

        `recircle.convert` calls this, so that a converted network keeps the names of its state dict.
        """
        norm, act = self.norm, self.act
        del self.norm, self.act
        # a module kept in the instance's own dictionary is used but not registered a second time
        self.__dict__.update(norm=norm, act=act)

    def _epilogue(self) -> NormAct | None:
        if self.config.feedback == "operator" or (self.norm is None and self.act is None):
            return None
        return NormAct(self.norm, self.act)

    def clip_frames(self) -> int | None:
        """Return T of inputs whose frames lie in the batch dimension: of the clips at hand, or else `frames`."""
        if torch.compiler.is_dynamo_compiling():
            return self.frames
        return frames_in_batch() or self.frames

    @property
    def clip_dims(self) -> ClipDims:
        """Where time, space and channels lie in a clip."""
        raise NotImplementedError

    def as_clip(self, input: Float[Tensor, "N ..."]) -> Float[Tensor, "B ..."]:  # noqa: A002  (as in forward)
        """Give what the layer takes a dimension for the frames; `clip_dims` says where.

        Raises:
            ValueError: it is nothing that the layer takes.
        """
        raise NotImplementedError

    def operator(
        self,
        x: Float[Tensor, "N ..."],
        weight: Float[Tensor, "c cin *kernel"],
        bias: Float[Tensor, "c"] | None,
        groups: int,
    ) -> Float[Tensor, "N ..."]:
        """Apply the original layer's operator with other weights, to a clip folded by `clip_dims`."""
        raise NotImplementedError

    def keep_reordered(self) -> bool:
        """Keep the weight of each step as oneDNN reads it from now on; tell whether that can be done."""
        return False

    def generate(self, j: int, state: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        """Return the features of step j, counted from 0, with their norm and activation if these are fed back.

        In training a batch norm counts this as a step.

        Args:
            j: the step.
            state: a clip with all input channels.
        """
        plan = StepPlan(self.operator, self.weight, self.bias, self.steps, self.clip_dims, self._epilogue())
        return plan.generate(j, part(state, self.clip_dims.channel, *self.steps.inputs[j]))

    def states(self, input: Float[Tensor, "N ..."]) -> list[Float[Tensor, "B ..."]]:  # noqa: A002
        """Return X_1 .. X_n for what the layer takes; see `unroll`."""
        return self.unroll(input).states

    def unroll(self, input: Float[Tensor, "N ..."]) -> "Unrolled":  # noqa: A002
        """Compute the layer in its readable form, and keep all that it makes.

        A grouped convolution needs at each step the channels of its own groups only; here all channels evolve at all
        steps, those apart that only the first step reads, so that the states can be compared.

        Args:
            input: what the layer takes. In training a batch norm counts this as a step.
        """
        x, channel, steps = self.as_clip(input), self.clip_dims.channel, self.steps
        states: list[Tensor] = []
        features: list[Tensor] = []

        def generate(j: int, evolved: Tensor) -> Tensor:
            whole = j == 0 or not self.config.evolves
            states.append(evolved if whole else torch.cat((part(x, channel, 0, steps.first), evolved), channel))
            features.append(self.generate(j, states[-1]))
            return features[-1]

        if self.config.evolves:
            everything = x.shape[channel]
            later = (steps.first, everything - steps.first)
            inputs = ((0, everything), *[later] * (self.config.steps - 1))
            steps = replace(steps, inputs=inputs)
            y = recurse(x, generate, self.matrices, self.config, steps, self.clip_dims, RunningPool())
        else:
            y = self.clip_dims.concat([generate(j, x) for j in range(self.config.steps)])
        return Unrolled(states, features, self.finish(y))

    def finish(self, y: Float[Tensor, "B *rest"]) -> Float[Tensor, "B *rest"]:
        """Apply norm and activation where they were not part of what is fed back."""
        if self.config.feedback == "operator":
            if self.norm is not None:
                dims = self.clip_dims
                y = dims.unfold(self.norm.normalise(dims.fold(y), 0, y.shape[dims.channel]), y)
            if self.act is not None:
                y = self.act(y)
        return y

    def arc_repr(self) -> str:
        """Describe the variant in a few words."""
        if not self.config.evolves:
            return f"steps={self.config.steps}, as the original"
        terms = ["RA"] * self.config.attention + ["RF"] * self.config.fusion
        causal = ", causal" if self.config.causal and self.config.pools_over_time else ""
        return f"steps={self.config.steps}, {'+'.join(terms)}{causal}"
