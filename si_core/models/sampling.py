"""Sampling in blocks: each block of samples has a random stream of its own.

So the first 5,000 of 20,000 samples are the 5,000 samples of the same seed, however many processes drew them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.integrator import Integrator
from si_core.errors import UsageError
from si_core.fields.base import Epsilon
from si_core.models.freed_memory import keep_freed_memory
from si_core.models.model import Model
from si_core.models.streams import generator

__all__ = ["BLOCK", "draw_samples", "sample"]

BLOCK = 2048
"""Samples in a block, unless the recipe's ``sample.batch`` says how many are integrated together."""


def draw_samples(
    model: Model,
    n: int,
    seed: int,
    condition: int | list[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor | None]:
    """n samples in data space, shape (n, *event), with their classes (n,) where they have some; both on the CPU.

    Args:
        model: the model.
        n: how many.
        seed: of the streams; sample i depends on (seed, i // block) alone, and on the size of a block.
        condition: classes, repeated in turn; None to draw them as the target has them.
        progress: told of samples done and in all.
    """
    if n < 1:
        raise UsageError("the number of samples", got=n, allowed=">= 1")
    keep_freed_memory()
    size = (None if model.recipe is None else model.recipe.sample.batch) or BLOCK
    turn = None if condition is None else torch.as_tensor(condition).reshape(-1)
    samples, conditions = [], []
    for block, first in enumerate(range(0, n, size)):
        stream = generator(seed, "sample", block, device=model.device)
        # Whole blocks are drawn, so that a shorter request gives the head of a longer one.
        x, labels = model.initial(size, stream, None if turn is None else turn.roll(-first))
        final = model.sample(size, stream, condition=labels, start_from=x).final
        keep = min(size, n - first)
        # A copy: the last state is a part of the whole trajectory.
        samples.append(model.decode(final[:keep].clone()).cpu())
        if labels is not None and model.process.target.classes is not None:
            conditions.append(labels[:keep].cpu())
        if progress is not None:
            progress(first + keep, n)
    return torch.cat(samples), torch.cat(conditions) if conditions else None


def sample(
    model: Model,
    n: int,
    *,
    seed: int = 0,
    integrator: Integrator | None = None,
    epsilon: Epsilon | None = None,
    clock: Clock | Literal["auto", "uniform"] | None = None,
    condition: int | list[int] | None = None,
) -> Tensor:
    """Draw samples of a model.

    Args:
        model: from :func:`si_core.train` or :func:`si_core.load_model`.
        n: how many.
        seed: equal seeds give equal samples.
        integrator: another method than the model's.
        epsilon: another noise level than the model's.
        clock: another clock than the model's; ``"auto"`` for the process's own.
        condition: a class, or classes in turn, for a conditional model.

    Returns:
        Samples in data space, shape (n, *event).
    """
    return draw_samples(model.with_sampler(integrator, epsilon, clock), n, seed, condition)[0]
