"""Pairs of later steps, made beside the training of this one.

A coupling that solves a problem for each batch may take longer than the step that learns from it, and so may data that
are read from files. Pairs are drawn from streams of their own, named by the step, so they can be made early and in any
order without changing a number. Those of the next round of training wait until the coupling is refitted.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import nn

from si_core.contract.data import Pairs
from si_core.contract.runtime import Runtime
from si_core.models.streams import reseed, stream_seed
from si_core.process.process import StochasticInterpolant
from si_core.recipes.training import Train
from si_core.training.rounds import round_end

__all__ = ["PairSource"]

_MOST = 8
"""Steps that a coupling's pairs are made ahead for, at most: each needs memory, and a core."""


class PairSource:
    """The pairs of training, for each step.

    They are made ahead, one step for each core, where the coupling asks for it (:attr:`si_core.Coupling.prefetch`), or
    as many steps as an end asks for (:attr:`si_core.Distribution.prefetch`) that it draws from, if the coupling is not
    trained itself. No more of them are asked for than are made at once, so a run that stops waits for one only.

    Args:
        process: the process.
        train: the section of the recipe.
        seed: of the recipe.
        runtime: where to draw.
    """

    def __init__(self, process: StochasticInterpolant, train: Train, seed: int, runtime: Runtime) -> None:
        self._process, self._train, self._seed, self._runtime = process, train, seed, runtime
        self._generator = runtime.generator()
        coupling = process.coupling
        trained = isinstance(coupling, nn.Module) and next(coupling.parameters(), None) is not None
        asked = max(process.source.prefetch, process.target.prefetch) if coupling.from_ends else 0
        if coupling.prefetch:
            asked = max(asked, min(_MOST, os.cpu_count() or 1))
        self._ahead = 0 if trained else asked
        self._orders = stream_seed(seed, "order", 0), stream_seed(seed, "order", 1)
        self._pool: ThreadPoolExecutor | None = None
        self._made: dict[int, Future[Pairs]] = {}

    @property
    def ahead(self) -> bool:
        """Whether they are made ahead."""
        return self._ahead > 0

    def at(self, step: int) -> Pairs:
        """The pairs of a step; an error of their making is raised here, at the step that it belongs to.

        Args:
            step: the step, whose coupling is as it will be to the end of its round.
        """
        if not self._ahead:
            return self._draw(step, self._generator)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._ahead, "pairs")
        made = self._made.pop(step, None) or self._submit(self._pool, step)
        ends = made.result()
        later = range(step + 1, min(step + 1 + self._ahead, round_end(self._train, step)))
        self._made = {k: self._made.get(k) or self._submit(self._pool, k) for k in later}
        return ends

    def _submit(self, pool: ThreadPoolExecutor, step: int) -> Future[Pairs]:
        # Grad mode is a thread's own.
        return pool.submit(torch.no_grad()(self._draw), step, self._runtime.generator())

    def _draw(self, step: int, stream: torch.Generator) -> Pairs:
        reseed(stream, self._seed, "data", 0, step)
        process, n = self._process, self._train.batch
        if not process.coupling.from_ends:
            return process.pairs(n, stream)
        target = process.target.of_step(step, n, self._orders[1])
        mirror = process.source is process.target
        source = target if mirror else process.source.of_step(step, n, self._orders[0])
        return process.pairs(n, stream, (source, target))
