"""Rolling out: ``x_(k+1) ~ rho(. | x_k, ...)`` again and again, each step a sample of the model.

Trajectories are numbered ``m S + s``, member m of start s. They come in blocks, each with a random stream of its own,
so that memory holds one block and a forecast that was stopped goes on after any of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import Model, NumericsError, UsageError, refuse_beyond_memory
from si_core.public.runs import block_size
from si_forecast.rolling.starts import Starts

__all__ = ["RollOut", "check_model", "rolled"]

_NUMBERS = 2**24
"""Of the states of a block, over all of its steps: 128 MiB."""


def check_model(model: Model) -> None:
    """Refuse models that can't forecast.

    Raises:
        UsageError: sampling that does not go from the start to the end, or networks that know nothing of the past.
    """
    if model.start != 0.0 or model.stop <= 0.0:
        got = f"from t = {model.start:g} to {model.stop:g}"
        raise UsageError("a forecast is sampled from t = 0 on", where="forecast", got=got, allowed="start: 0")
    if not {"past", "x0"} & set(model.process.conditions):
        fix = "past: 1 of the series"
        raise UsageError("the model is given nothing of the past", where="forecast", fix=fix)


def rolled(
    model: Model, starts: Starts, which: NDArray[np.int64], steps: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """One trajectory for each of some starts, step by step.

    Args:
        model: the model.
        starts: where forecasts start.
        which: the starts of the trajectories, shape (n,).
        steps: how many.
        generator: the source of all randomness, on the model's device.

    Yields:
        The states one step later, in model space, shape (n, *event).

    Raises:
        NumericsError: a state that is not finite, with its step.
        UsageError: samples with weights.
    """
    dtype, device = model.dtype or torch.get_default_dtype(), model.device
    past = starts.past[torch.from_numpy(which)].to(device, dtype)
    coupling, specs = model.process.coupling, model.process.conditions
    for lead in range(1, steps + 1):
        given = {name: values.to(device) for name, values in starts.conditions(which, lead).items()}
        if "past" in specs:
            given["past"] = past[:, past.shape[1] - specs["past"].shape[0] :]
        if coupling.anchored:
            x = past[:, -1]
        elif coupling.source_from_target:
            x = _made(model, given, generator)
        else:
            x = model.origin.sample(len(which), generator).to(device, dtype)
        path = model.sample(len(which), generator, condition=given, start_from=x)
        if path.log_weights is not None:
            fix = "guidance without weights, or none"
            raise UsageError("members of a forecast have no weights", where="forecast", fix=fix)
        x = path.final
        if not bool(torch.isfinite(x).all()):
            fix = "fewer steps ahead, more steps of the integrator, or a longer training"
            raise NumericsError("a forecast is not finite", where=f"step {lead} of {steps}", fix=fix)
        past = torch.cat([past[:, 1:], x.unsqueeze(1)], 1)
        yield x


def _made(model: Model, given: dict[str, Tensor], generator: torch.Generator) -> Tensor:
    """Initial states that the coupling makes of what networks are given."""
    coupling = model.process.coupling
    found = coupling.start_from(model.process.target, given, generator)
    if found is None:
        got = type(coupling).__name__
        raise UsageError("the coupling makes no start of past states", where="forecast", got=got, fix="consecutive")
    return found[0]


@dataclass(frozen=True, eq=False)
class RollOut:
    """A request for forecasts.

    Args:
        model: the model.
        starts: where they start.
        steps: how many each.
        members: how many of each start.
        seed: of the streams, one a block.

    Raises:
        UsageError: numbers that are none, or a model that can't forecast.
        NumericsError: more steps than there is memory for.
    """

    model: Model
    starts: Starts
    steps: int
    members: int
    seed: int

    def __post_init__(self) -> None:
        check_model(self.model)
        for name, value in (("steps", self.steps), ("members", self.members)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"the number of {name}", where="forecast", got=repr(value), allowed=">= 1")
        # A trajectory is drawn as a whole, and the times and the calendar of all steps are known ahead.
        numbers = 2 * math.prod(self.model.process.shape) + len(self.starts) * 4 * (1 + len(self.starts.features))
        refuse_beyond_memory(8 * self.steps * numbers, "the steps of a trajectory", where="forecast", fix="fewer steps")

    @property
    def n(self) -> int:
        """Trajectories in all."""
        return self.members * len(self.starts)

    @cached_property
    def size(self) -> int:
        """Trajectories in a block."""
        numbers = self.steps * math.prod(self.model.process.shape)
        return max(1, min(block_size(self.model), _NUMBERS // max(1, numbers)))

    def __len__(self) -> int:
        return -(-self.n // self.size)

    def block(self, number: int) -> Tensor:
        """The trajectories of a block in data space, on the CPU, shape (k, steps, *event).

        A function of the model, the starts, the seed, what is asked for and ``number`` alone.
        """
        first = number * self.size
        which = np.arange(first, min(first + self.size, self.n), dtype=np.int64) % len(self.starts)
        stream = self.model.stream(self.seed, "si-forecast/block", number)
        found = [self.model.decode(x).cpu() for x in rolled(self.model, self.starts, which, self.steps, stream)]
        return torch.stack(found, 1)

    def blocks(self, done: int = 0) -> Iterator[Tensor]:
        """The blocks after the first so many trajectories, which are whole blocks."""
        for number in range(-(-done // self.size), len(self)):
            yield self.block(number)
