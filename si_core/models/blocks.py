"""The blocks of a request for samples: each has a random stream of its own, and can be drawn by itself.

So the first 5,000 of 20,000 samples are the 5,000 samples of the same seed, a request that was stopped goes on after
any block, and it makes no difference which process draws which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from weakref import WeakSet

import torch
from torch import Tensor

from si_core.contract.condition import Condition
from si_core.contract.together import together
from si_core.discovery.first_calls import first_calls_watched
from si_core.discovery.shared_state import SharedState
from si_core.errors import NumericsError, UsageError
from si_core.fields.learned import LearnedFields
from si_core.models.assembly import Assembly
from si_core.models.first_draw import calls_of
from si_core.models.freed_memory import keep_freed_memory
from si_core.models.model import Model
from si_core.models.samples import Samples
from si_core.process.process import StochasticInterpolant

__all__ = ["BLOCK", "Blocks", "Start", "block_size"]

BLOCK = 2048
"""Samples in a block of small events, unless the recipe's ``sample.batch`` says how many are integrated together."""

_NUMBERS, _LEAST = 2**17, 64
"""Numbers of a block's states, and the fewest samples: networks for images cost time and memory for each pixel."""

Start = Callable[[int, int, torch.Generator], tuple[Tensor, Condition | None]]
"""``start(first, size, stream)``: initial states of the samples from ``first`` on, and what they are given."""

_WATCHED: WeakSet[StochasticInterpolant] = WeakSet()
"""Of models that have been sampled: nobody looks at their calls again."""


def block_size(model: Model | Assembly) -> int:
    """How many samples of a model are integrated together.

    A whole block is drawn however few are asked for, so blocks of images have fewer: as many as have 2^17 numbers in
    all, as a power of two between 64 and 2048. That is 2048 for up to 64 numbers, and 64 from 3 x 32 x 32 on.
    """
    asked = None if model.recipe is None else model.recipe.sample.batch
    fitting = max(1, _NUMBERS // max(1, math.prod(model.process.shape)))
    return asked or min(BLOCK, max(_LEAST, 1 << fitting.bit_length() - 1))


@dataclass(frozen=True)
class Blocks:
    """A request for samples, in blocks; block k has the samples from ``k size`` on, the last one fewer.

    Args:
        model: the model.
        n: how many samples in all.
        seed: of the streams, one a block.
        start: initial states, a function of its arguments alone.
        exact: whether they are decoded in double precision, whatever that of the model.
    """

    model: Model
    n: int
    seed: int
    start: Start
    exact: bool = False

    @property
    def size(self) -> int:
        """Samples in a block."""
        return block_size(self.model)

    def __len__(self) -> int:
        return -(-self.n // self.size)

    def block(self, number: int) -> Samples:
        """The samples of one block: a function of the model, the seed, what is asked for and ``number`` alone.

        Raises:
            NumericsError: an integration that failed, with the samples that it was of.
        """
        model, first = self.model, number * self.size
        stream = model.stream(self.seed, "sample", number)
        watched = nullcontext() if model.process in _WATCHED else first_calls_watched(_calls(model))
        with watched, _of_samples(first):
            # Whole blocks are drawn, so that a shorter request gives the head of a longer one.
            x, given = self.start(first, self.size, stream)
            path = model.sample(len(x), stream, condition=given, start_from=x)
        _WATCHED.add(model.process)
        keep = min(self.size, self.n - first)
        # A copy: the last state is a part of the whole trajectory.
        x = path.final[:keep].double() if self.exact else path.final[:keep].clone()
        told = {name: values[:keep].cpu() for name, values in given.items()} if given else None
        weights = None if path.log_weights is None else path.log_weights[:keep].cpu()
        return Samples(model.decode(x).cpu(), told, weights)

    def drawn(self, begin: int = 0) -> Iterator[Samples]:
        """The blocks from number ``begin`` on; what components change of the whole process is put back after each.

        Processes that work together draw one each at a time, from where process 0 begins, and all get all of them.

        Raises:
            UsageError: this process asks for other samples than process 0.
            LostProcess: another process has ended.
        """
        keep_freed_memory()
        shared, processes = SharedState() if len(self) > 1 else None, together()
        rank, world = (0, 1) if processes is None else (processes.rank, processes.world)
        if processes is not None:
            asked = self.n, self.size, self.seed
            begin, of_leader = processes.of_leader((begin, asked))
            if of_leader != asked:
                raise UsageError(
                    "processes that work together ask for other samples",
                    got="number, block, seed {}, {}, {} here, {}, {}, {} in process 0".format(*asked, *of_leader),
                    fix="ask for the same in all of them",
                )
        for first in range(begin, len(self), world):
            own = [self.block(number) for number in range(first, min(first + world, len(self)))[rank : rank + 1]]
            if shared is not None:
                shared.put_back()
            for blocks in [own] if processes is None else processes.exchange(own):
                yield from blocks


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
