"""The gradient of a step: forward and backward of a batch, at once or in parts one after another.

The gradient of a mean of losses over B rows is the sum over rows of ``1/B`` times that of each, so a batch may be taken
in any parts, and what they leave on the parameters adds up to the gradient of the whole, up to rounding
(``train.accumulate``). Of layers that keep statistics of a batch each part is a batch of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from si_core.contract.runtime import Runtime
from si_core.errors import RecipeError
from si_core.fields.learned import LearnedFields
from si_core.models.acceleration.lowered import LoweredPredictor, lower_dtype
from si_core.models.assembly import Assembly
from si_core.recipes.training import ImportanceTimes
from si_core.training.batches import Batch
from si_core.training.gradient_sizes import GradientSizes
from si_core.training.idle import grad_mode_switched_off, refuse_constant, refuse_detached, tell_idle
from si_core.training.loss_scale import LossScale
from si_core.training.network_noise import NetworkNoise
from si_core.training.reduction import Reduction
from si_core.training.throughput import Throughput, TimedPredictor

__all__ = ["Gradient", "Gradients"]


class Gradient(NamedTuple):
    """What was found of a batch; the gradient itself is on the parameters.

    Args:
        losses: the mean loss of each objective.
        norm: of the gradient.
        tensors: the parameters' gradients, for those that have one.
        squares: ``|g|^2`` of each row, shape (n,), where importance sampling learns from it; see
            :mod:`si_core.training.gradient_sizes`.
    """

    losses: list[float]
    norm: float
    tensors: list[Tensor]
    squares: Tensor | None = None

    @property
    def finite(self) -> bool:
        """Whether the losses and the gradient are; a loss may be infinite where its gradient is not."""
        return math.isfinite(self.norm) and math.isfinite(sum(self.losses))


class Gradients:
    """Leaves gradients of batches on the parameters of the networks.

    Args:
        assembly: the recipe, put together.
        parameters: of the networks, those that are trained.
        runtime: where they are.
        noise: the randomness of the networks themselves.
        throughput: measures what is the networks' own.
        reduction: adds up what several processes find, each on its rows; None for one.
        compiled: whether the networks are to be compiled: nothing inside can be watched then.
    """

    def __init__(
        self,
        assembly: Assembly,
        parameters: Sequence[Tensor],
        runtime: Runtime,
        noise: NetworkNoise,
        throughput: Throughput,
        reduction: Reduction | None = None,
        compiled: bool = False,
    ) -> None:
        self._assembly, self._parameters, self._noise, self._reduction = assembly, parameters, noise, reduction
        self._parts = assembly.recipe.train.accumulate
        draws = assembly.recipe.train.batch * (1 + assembly.antithetic)
        scale = 1.0 if reduction is None else reduction.scale
        self._share = torch.full((), scale / draws, dtype=parameters[0].dtype, device=runtime.device)
        self.sizes: GradientSizes | None = None
        if isinstance(assembly.recipe.train.times, ImportanceTimes):
            self.sizes = GradientSizes(None if compiled else self._predictor, assembly.antithetic)
        self._untried = True
        precision = assembly.recipe.train.precision
        self.scale = LossScale() if precision == "float16" else None
        self._fields, self._throughput = _lowered(assembly, precision, parameters[0].dtype), throughput
        fields = self._fields or assembly.fields
        self._timed = fields.of(TimedPredictor(fields.predictor, len(fields.names), throughput))

    @property
    def _predictor(self) -> nn.Module:
        return self._assembly.fields.predictor

    def of(self, step: int, batch: Batch, extrapolation: bool = False) -> Gradient:
        """The gradient of the mean losses of a batch, in place of what the parameters had; in grad mode.

        Args:
            step: the step, which names the randomness of the networks.
            batch: the batch of the step.
            extrapolation: whether it is that of an extrapolation.

        Raises:
            PluginError: an objective or a network from which nothing can be learned.
        """
        for parameter in self._parameters:
            parameter.grad = None
        rows, whole = len(batch.draw.t), batch.size
        if self._reduction is not None:
            batch = batch.rows(self._reduction.own(whole))
        share = self._share if self.scale is None else self._share * self.scale.value
        terms, squares = [], []
        for index, part in enumerate(batch.parts(self._parts)):
            terms.append(self._add(step, part, share, index, extrapolation))
            if self.sizes is not None and batch.times.bins is not None and self.sizes.squares is not None:
                squares.append(self.sizes.squares)
        if self._untried:
            self._untried = False
            tell_idle(self._predictor)
        means = [(each[0] if len(each) == 1 else torch.cat(each)).mean() for each in zip(*terms, strict=True)]
        sizes = torch.cat(squares) if squares else None
        if self._reduction is not None:
            means = list(self._reduction.add_up(torch.stack(means) * (len(batch.draw.t) / rows)))
            sizes = self._reduction.squares(sizes, whole)
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        if self.scale is not None:
            # Of the squares of importance sampling as well; both by a power of 2.
            torch._foreach_mul_(gradients, 1 / self.scale.value)
            sizes = None if sizes is None else sizes / self.scale.value**2
        norms = torch._foreach_norm(gradients) if self._reduction is None else self._reduction.norm(gradients)
        # One transfer for all.
        found = torch.stack([*means, *norms]).tolist()
        losses, norm = found[: len(means)], math.hypot(*found[len(means) :])
        return Gradient(losses, norm, gradients, sizes)

    def _add(self, step: int, part: Batch, share: Tensor, index: int, extrapolation: bool) -> list[Tensor]:
        """Add a part's share of the gradient; its losses, each (B,)."""
        assembly, draw = self._assembly, part.draw
        sizes = None if part.times.bins is None else self.sizes
        fields = self._timed if self._throughput.active else self._fields
        with self._noise.at(step, extrapolation, index):
            with nullcontext() if sizes is None else sizes.watching(len(draw.t)):
                predictions = assembly.predictions(draw, part.preconditioning, fields)
            if sizes is not None:
                sizes.outputs(draw.xt, [each for each in predictions if each is not None])
            each = assembly.losses(draw, predictions, fields)
        if self._untried and index == 0:
            refuse_detached(assembly.fields.predictor, predictions)
            refuse_constant(assembly.objectives, each)
        # The gradient of a weighted mean in its terms is known: nothing has to be found about the mean itself.
        shares, terms = share.expand_as(draw.t), [loss.detach() for loss in each]
        if part.weight is not None:
            shares, terms = shares * part.weight, [term * part.weight for term in terms]
        try:
            with self._throughput.inside():
                torch.autograd.backward(each, [shares] * len(each))
        except RuntimeError as error:
            if torch.is_grad_enabled():
                raise
            raise grad_mode_switched_off(step + 1) from error
        return terms


def _lowered(assembly: Assembly, precision: str, dtype: torch.dtype) -> LearnedFields | None:
    """The fields with their networks in a lower precision; None where that is the precision of the weights."""
    lower = lower_dtype(precision)
    if lower is None:
        return None
    if dtype != torch.float32:
        raise RecipeError(
            "a lower precision of training is that of networks in single precision",
            where=assembly.recipe.where("train.precision"),
            got=f"{precision}, with weights in {str(dtype).removeprefix('torch.')}, as the data are",
            fix="train.precision: full, or data in float32",
        )
    fields = assembly.fields
    return fields.of(LoweredPredictor(fields.predictor, len(fields.names), lower))
