"""Samples of a model, in memory or block by block (:mod:`si_core.models.blocks`)."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, Literal

import torch
from torch import Tensor

from si_core.contract.class_counts import ClassCounts
from si_core.contract.clock import Clock
from si_core.contract.condition import Condition
from si_core.contract.given_condition import read_condition, repeated
from si_core.contract.integrator import Integrator
from si_core.contract.runtime import Runtime
from si_core.errors import UsageError
from si_core.fields.noise_level import Epsilon
from si_core.models.blocks import Blocks
from si_core.models.given_points import check_points
from si_core.models.model import Model
from si_core.models.needs import refuse_samples
from si_core.models.samples import Samples, joined

__all__ = ["blocks_from", "blocks_of", "carry", "draw_samples", "sample", "sampled_dtype"]


def draw_samples(
    model: Model,
    n: int,
    seed: int,
    condition: Any = None,
    progress: Callable[[int, int], None] | None = None,
    exact: bool = False,
) -> Samples:
    """n samples in data space with what they were given, in memory.

    Args:
        model, n, seed, condition, exact: as for :func:`blocks_of`.
        progress: told of samples done and in all.

    Raises:
        NumericsError: more than there is memory for, or an integration that failed, with the samples that it was of.
    """
    blocks = blocks_of(model, n, seed, condition, exact)
    refuse_samples(n, model.process.shape, sampled_dtype(model, exact).itemsize)
    return _joined(blocks, progress)


def blocks_of(
    model: Model, n: int, seed: int, condition: Any = None, exact: bool = False, classes: ClassCounts | None = None
) -> Blocks:
    """A request for n samples in data space, to be drawn block by block.

    Args:
        model: the model.
        n: how many.
        seed: of the streams; sample i depends on (seed, i // block) alone, and on the size of a block.
        condition: as for :meth:`si_core.Model.conditions`, in turn; None to draw it as the data have it.
        exact: whether they are decoded in double precision, whatever that of the model.
        classes: how many of each class, n in all; None where a class is drawn, or given by ``condition``.

    Raises:
        UsageError: no number of samples, or an unknown condition or class.
    """
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
        raise UsageError("the number of samples", got=repr(n), allowed="a whole number >= 1")
    Runtime.at(model.device, together=True)
    turn = _turn(model, condition, classes)

    def drawn(first: int, size: int, stream: torch.Generator) -> tuple[Tensor, Condition | None]:
        return model.initial(size, stream, turn(first, size))

    return Blocks(model, int(n), seed, drawn, exact)


def carry(model: Model, points: Tensor, seed: int, condition: Any = None, exact: bool = False) -> Samples:
    """Samples in data space, one for each of some points to start from, with what they were given.

    Args:
        model, points, seed, condition, exact: as for :func:`blocks_from`.

    Raises:
        DataError: points of another shape, none, or such as are not finite.
    """
    return _joined(blocks_from(model, points, seed, condition, exact), None)


def blocks_from(
    model: Model,
    points: Tensor,
    seed: int,
    condition: Any = None,
    exact: bool = False,
    classes: ClassCounts | None = None,
) -> Blocks:
    """A request for samples in data space, one for each of some points to start from.

    Args:
        model: the model.
        points: shape (n, *event), in the data space of the end that sampling starts from.
        seed: of the streams, one a block of points.
        condition, exact, classes: as for :func:`blocks_of`.

    Raises:
        DataError: points of another shape, none, or such as are not finite.
        UsageError: as for :func:`blocks_of`.
    """
    check_points(points, model.process.shape, "points to start from")
    Runtime.at(model.device, together=True)
    states = model.origin.encode(points).to(model.device, model.dtype or torch.get_default_dtype())
    turn = _turn(model, condition, classes)

    def given_points(first: int, size: int, stream: torch.Generator) -> tuple[Tensor, Condition | None]:
        x = states[first : first + size]
        given = turn(first, len(x))
        # States that are made of what the conditions tell of have theirs alone, and are refused without.
        if given is None and not (model.process.coupling.anchored or model.process.coupling.source_from_target):
            given = model.conditions(len(x), stream)
        return x, given

    return Blocks(model, len(states), seed, given_points, exact)


def _turn(model: Model, condition: Any, classes: ClassCounts | None) -> Callable[[int, int], Condition | None]:
    """What is asked for of the samples from a number on, so many of them; None where nothing is."""
    if condition is None and classes is None:
        return lambda first, size: None
    given = {} if condition is None else read_condition(model.process.conditions, condition)

    def turn(first: int, size: int) -> Condition:
        counted = {} if classes is None else {classes.name: classes.labels(first, size)}
        return repeated(given, size, first) | counted

    return turn


def sampled_dtype(model: Model, exact: bool) -> torch.dtype:
    """The precision that samples have in memory at least."""
    return torch.float64 if exact else model.dtype or torch.get_default_dtype()


def _joined(blocks: Blocks, progress: Callable[[int, int], None] | None) -> Samples:
    """All blocks, in memory."""
    parts, done = [], 0
    for block in blocks.drawn():
        parts.append(block)
        done += len(block.x)
        if progress is not None:
            progress(done, blocks.n)
    return joined(parts)


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
    chosen = Model.checked(model).with_sampler(integrator, epsilon, clock)
    return draw_samples(chosen, n, seed, condition).without_weights(seed)
