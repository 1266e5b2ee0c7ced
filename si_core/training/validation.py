"""The validation loss: the objectives on rows that are kept from training, on one draw that is the same all along.

Its times are stratified over the clock of learning, ``u_i = (i + v_i) / n`` in a random order of the rows, so that two
records differ by what was learned and not by what was drawn. Random streams are its own: training has the same bits
with it and without.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from si_core.contract.condition import Condition
from si_core.contract.data import Draw
from si_core.contract.given_condition import moved, taken
from si_core.contract.runtime import Runtime
from si_core.models.assembly import Assembly
from si_core.models.streams import generator, reseed
from si_core.process.checked_pairs import check_pairs

__all__ = ["Validation"]

_ROWS = 512
"""Rows at most, the first of a random order: what a record costs stays below a few steps of training."""


class Validation:
    """Measures the losses of a training on held-out rows.

    Args:
        assembly: the recipe, put together.
        runtime: where it is trained.
    """

    def __init__(self, assembly: Assembly, runtime: Runtime) -> None:
        self._assembly, self._runtime = assembly, runtime
        process = assembly.process
        held_out = process.target.held_out()
        # Where pairs are drawn together the partner of a held-out row is not known here.
        paired = process.coupling.pairs_points
        if held_out is None or len(held_out[0]) == 0 or not paired or process.source is process.target:
            self._rows: tuple[Tensor, Condition | None] | None = None
            return
        x1, condition = held_out
        order = self._order(len(x1)).to(x1.device)
        self._rows = x1[order], taken(condition, order)

    def record(self, predictor: nn.Module) -> dict[str, Any]:
        """What a record has of it; empty where no rows are held out.

        ``validation`` is the mean loss of each field, and ``total``; ``validation_by_time``, where bins are asked for,
        a list for each field of its means over equal parts of the clock of learning, None where a part has no row.

        Args:
            predictor: whose fields are measured, such as the averaged one; it is as before afterwards.
        """
        if self._rows is None:
            return {}
        training, bins = predictor.training, self._assembly.recipe.train.validation_bins
        names = self._assembly.fields.names
        try:
            predictor.eval()
            with torch.no_grad():
                draw = self._draw(*self._rows)
                fields = self._assembly.fields.of(predictor)  # type: ignore[arg-type]
                each = self._assembly.losses(draw, self._assembly.predictions(draw, fields=fields), fields)
                means = torch.stack([loss.mean() for loss in each]).tolist()
                parts = None if bins is None else _by_time(draw, each, bins)
        finally:
            predictor.train(training)
        validation = {**dict(zip(names, means, strict=True)), "total": sum(means)}
        by_time = {} if parts is None else {"validation_by_time": dict(zip(names, parts, strict=True))}
        return {"validation": validation, **by_time}

    def _draw(self, x1: Tensor, condition: Condition | None) -> Draw:
        process, n = self._assembly.process, len(x1)
        data = self._stream(1)
        x1, condition = x1.to(data.device), moved(condition, data.device)
        pairs = process.coupling.pairs_of(process.source, process.target, x1, condition, data)
        pairs = check_pairs(process.coupling, pairs, n, process.shape)
        noise = self._stream(2)
        v = torch.rand(n, generator=noise, dtype=torch.float64, device=noise.device)
        u = (torch.arange(n, dtype=v.dtype, device=v.device) + v) / n
        schedule = process.schedule(self._assembly.fields.parametrisation.clock, u)
        return process.draw(n, noise=noise, schedule=schedule, pairs=pairs, second_times=self._assembly.two_times)

    def _order(self, n: int) -> Tensor:
        stream = generator(self._assembly.recipe.seed, "validation", 0)
        return torch.randperm(n, generator=stream)[:_ROWS]

    def _stream(self, index: int) -> torch.Generator:
        return reseed(self._runtime.generator(), self._assembly.recipe.seed, "validation", index)


def _by_time(draw: Draw, losses: list[Tensor], bins: int) -> list[list[float | None]]:
    """The mean of each loss over the rows of each part of the clock; None where there are none."""
    u = draw.made[1].u
    part = (u * bins).long().clamp_(0, bins - 1)
    rows = torch.zeros(bins, dtype=u.dtype, device=u.device).index_add_(0, part, torch.ones_like(u))
    sums = [torch.zeros_like(rows).index_add_(0, part, loss.to(rows)) for loss in losses]
    return [[mean if math.isfinite(mean) else None for mean in of.tolist()] for of in torch.stack(sums) / rows]
