"""Sampling in blocks: each block of samples has a random stream of its own.

So the first 5,000 of 20,000 samples are the 5,000 samples of the same seed, however many processes drew them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal
from weakref import WeakSet

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.condition import Condition
from si_core.contract.given_condition import read_condition, repeated
from si_core.contract.integrator import Integrator
from si_core.contract.runtime import Runtime
from si_core.contract.weights import resample_alike
from si_core.discovery.first_calls import first_calls_watched
from si_core.discovery.shared_state import SharedState
from si_core.errors import NumericsError, UsageError
from si_core.fields.learned import LearnedFields
from si_core.fields.noise_level import Epsilon
from si_core.models.first_draw import calls_of
from si_core.models.freed_memory import keep_freed_memory
from si_core.models.given_points import check_points
from si_core.models.model import Model
from si_core.models.needs import refuse_samples
from si_core.models.streams import reseed
from si_core.process.process import StochasticInterpolant

__all__ = ["BLOCK", "Samples", "carry", "draw_samples", "sample"]

BLOCK = 2048
"""Samples in a block, unless the recipe's ``sample.batch`` says how many are integrated together."""


_WATCHED: WeakSet[StochasticInterpolant] = WeakSet()
"""Of models that have been sampled: nobody looks at their calls again."""


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
        rows = self.chosen(seed)
        return self.x if rows is None else self.x[rows]

    def chosen(self, seed: int) -> Tensor | None:
        """Which samples are draws of the law that is meant, (n,), resampled by their weights; None for all."""
        if self.log_weights is None:
            return None
        stream = reseed(torch.Generator(self.x.device), seed, "sample", 1, 0)
        return resample_alike(self.log_weights, stream, self.condition)


def draw_samples(
    model: Model,
    n: int,
    seed: int,
    condition: Any = None,
    progress: Callable[[int, int], None] | None = None,
    exact: bool = False,
) -> Samples:
    """n samples in data space with what they were given.

    Args:
        model: the model.
        n: how many.
        seed: of the streams; sample i depends on (seed, i // block) alone, and on the size of a block.
        condition: as for :meth:`si_core.Model.conditions`, in turn; None to draw it as the data have it.
        progress: told of samples done and in all.
        exact: whether they are decoded in double precision, whatever that of the model.

    Raises:
        NumericsError: more than there is memory for, or an integration that failed, with the samples that it was of.
    """
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
        raise UsageError("the number of samples", got=repr(n), allowed="a whole number >= 1")
    Runtime.at(model.device)  # refuses to do alone what is the work of several
    dtype = torch.float64 if exact else model.dtype or torch.get_default_dtype()
    refuse_samples(n, model.process.shape, dtype.itemsize)
    turn = None if condition is None else read_condition(model.process.conditions, condition)

    def drawn(first: int, size: int, stream: torch.Generator) -> tuple[Tensor, Condition | None]:
        # Whole blocks are drawn, so that a shorter request gives the head of a longer one.
        return model.initial(size, stream, None if turn is None else repeated(turn, size, first))

    return _in_blocks(model, n, seed, drawn, progress, exact)


def _in_blocks(
    model: Model,
    n: int,
    seed: int,
    start: Callable[[int, int, torch.Generator], tuple[Tensor, Condition | None]],
    progress: Callable[[int, int], None] | None,
    exact: bool,
) -> Samples:
    """n samples from states that ``start(first, size, stream)`` gives for each block with what they are given."""
    keep_freed_memory()
    size = (None if model.recipe is None else model.recipe.sample.batch) or BLOCK
    samples, conditions, weights = [], [], []
    shared = SharedState() if n > size else None
    for block, first in enumerate(range(0, n, size)):
        stream = model.stream(seed, "sample", block)
        watched = nullcontext() if model.process in _WATCHED else first_calls_watched(_calls(model))
        with watched, _of_samples(first):
            x, given = start(first, size, stream)
            path = model.sample(len(x), stream, condition=given, start_from=x)
        _WATCHED.add(model.process)
        keep = min(size, n - first)
        samples.append(_decoded(model, path.final[:keep], exact))
        if path.log_weights is not None:
            weights.append(path.log_weights[:keep].cpu())
        if shared is not None:
            shared.put_back()
        if given:
            conditions.append({name: values[:keep].cpu() for name, values in given.items()})
        if progress is not None:
            progress(first + keep, n)
    told = {name: torch.cat([block[name] for block in conditions]) for name in conditions[0]} if conditions else None
    return Samples(torch.cat(samples), told, torch.cat(weights) if weights else None)


@contextmanager
def _of_samples(first: int) -> Iterator[None]:
    """Say of an error at which sample its block begins: states are counted within it."""
    try:
        yield
    except NumericsError as error:
        if first:
            block = f"samples {first} on, the first of which is state 0"
            error.where = block if error.where is None else f"{block}: {error.where}"
        raise


def _calls(model: Model) -> list[tuple[object, str]]:
    """The methods that sampling calls."""
    calls = calls_of(model.process)
    if not model.accelerator.plain(model.device):
        return calls  # what is compiled or recorded is known by what it is, and must stay that
    networks = model.fields.predictor.networks if isinstance(model.fields, LearnedFields) else ()
    return [*calls, (model.integrator, "solve"), *((network, "forward") for network in networks)]


def _decoded(model: Model, x: Tensor, exact: bool) -> Tensor:
    # A copy: the last state is a part of the whole trajectory.
    return model.decode(x.double() if exact else x.clone()).cpu()


def carry(model: Model, points: Tensor, seed: int, condition: Any = None, exact: bool = False) -> Samples:
    """Samples in data space, one for each of some points to start from, with what they were given.

    Args:
        model: the model.
        points: shape (n, *event), in the data space of the end that sampling starts from.
        seed: of the streams, one a block of points.
        condition, exact: as for :func:`draw_samples`.

    Raises:
        DataError: points of another shape, none, or such as are not finite.
    """
    check_points(points, model.process.shape, "points to start from")
    Runtime.at(model.device)
    states = model.origin.encode(points).to(model.device, model.dtype or torch.get_default_dtype())
    turn = None if condition is None else read_condition(model.process.conditions, condition)

    def given_points(first: int, size: int, stream: torch.Generator) -> tuple[Tensor, Condition | None]:
        x = states[first : first + size]
        given: Condition | None = None if turn is None else repeated(turn, len(x), first)
        if given is None and not model.process.coupling.anchored:
            given = model.conditions(len(x), stream)
        return x, given

    return _in_blocks(model, len(states), seed, given_points, None, exact)


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
