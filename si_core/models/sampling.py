"""Sampling in blocks: each block of samples has a random stream of its own.

So the first 5,000 of 20,000 samples are the 5,000 samples of the same seed, however many processes drew them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.condition import Condition
from si_core.contract.given_condition import read_condition, repeated
from si_core.contract.integrator import Integrator
from si_core.contract.runtime import Runtime
from si_core.contract.weights import resample_alike
from si_core.errors import UsageError
from si_core.fields.noise_level import Epsilon
from si_core.models.freed_memory import keep_freed_memory
from si_core.models.model import Model
from si_core.models.streams import reseed

__all__ = ["BLOCK", "Samples", "draw_samples", "sample"]

BLOCK = 2048
"""Samples in a block, unless the recipe's ``sample.batch`` says how many are integrated together."""


@dataclass(frozen=True)
class Samples:
    """Samples in data space, on the CPU.

    Args:
        x: shape (n, *event).
        condition: what they were given, by name, each (n, *shape); None where nothing was.
        log_weights: shape (n,); None where x has the law that is meant.
    """

    x: Tensor
    condition: Condition | None = None
    log_weights: Tensor | None = None

    def without_weights(self, seed: int) -> Tensor:
        """Draws of the law that is meant, shape (n, *event): resampled where there are weights, among those alike."""
        if self.log_weights is None:
            return self.x
        return self.x[
            resample_alike(
                self.log_weights, reseed(torch.Generator(self.x.device), seed, "sample", 1, 0), self.condition
            )
        ]


def draw_samples(
    model: Model,
    n: int,
    seed: int,
    condition: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> Samples:
    """n samples in data space with what they were given.

    Args:
        model: the model.
        n: how many.
        seed: of the streams; sample i depends on (seed, i // block) alone, and on the size of a block.
        condition: as for :meth:`si_core.Model.conditions`, in turn; None to draw it as the data have it.
        progress: told of samples done and in all.
    """
    if n < 1:
        raise UsageError("the number of samples", got=n, allowed=">= 1")
    Runtime.at(model.device)  # refuses to do alone what is the work of several
    keep_freed_memory()
    size = (None if model.recipe is None else model.recipe.sample.batch) or BLOCK
    turn = None if condition is None else read_condition(model.process.conditions, condition)
    samples, conditions, weights = [], [], []
    for block, first in enumerate(range(0, n, size)):
        stream = model.stream(seed, "sample", block)
        # Whole blocks are drawn, so that a shorter request gives the head of a longer one.
        x, given = model.initial(size, stream, None if turn is None else repeated(turn, size, first))
        path = model.sample(size, stream, condition=given, start_from=x)
        keep = min(size, n - first)
        # A copy: the last state is a part of the whole trajectory.
        samples.append(model.decode(path.final[:keep].clone()).cpu())
        if path.log_weights is not None:
            weights.append(path.log_weights[:keep].cpu())
        if given:
            conditions.append({name: values[:keep].cpu() for name, values in given.items()})
        if progress is not None:
            progress(first + keep, n)
    given = {name: torch.cat([block[name] for block in conditions]) for name in conditions[0]} if conditions else None
    return Samples(torch.cat(samples), given, torch.cat(weights) if weights else None)


def sample(
    model: Model,
    n: int,
    *,
    seed: int = 0,
    integrator: Integrator | None = None,
    epsilon: Epsilon | None = None,
    clock: Clock | Literal["auto", "uniform"] | None = None,
    condition: Any = None,
) -> Tensor:
    """Draw samples of a model.

    Args:
        model: from :func:`si_core.train` or :func:`si_core.load_model`.
        n: how many.
        seed: equal seeds give equal samples.
        integrator: another method than the model's.
        epsilon: another noise level than the model's.
        clock: another clock than the model's; ``"auto"`` for the process's own.
        condition: what the samples are given: values by name, or the bare value where there is one condition; classes
            by their names, lists in turn. None for conditions as the data have them.

    Returns:
        Samples in data space, shape (n, *event); resampled by their weights where the method gives some.
    """
    return draw_samples(model.with_sampler(integrator, epsilon, clock), n, seed, condition).without_weights(seed)
