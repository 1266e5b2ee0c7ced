"""Integrals over time of rates that may have no bound at the ends, computed in the clock of the process.

    ``int rate dt = int rate (dt/du) du``

by Gauss-Legendre nodes on three panels of the clock's span: the inner 98 % and the last 1 % at each end. The nodes of
an end panel lie between 2 % and 98 % of it, and the same draws of the process are looked at at all of them, so that
they tell how the integrand grows towards the end: like ``|u - end|^-p``, with p near 0 where it is bounded and near 1
where the integral diverges, as it does for most learned fields of processes whose noise vanishes there. Where it
diverges, any number for the whole span would be that of the nodes; the panel is then left out, and the details say so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from si_core import Clock

__all__ = ["SpanIntegral", "SpanNodes"]

_END, _END_NODES = 0.01, 8
_BOUNDED, _DIVERGES = 0.25, 0.75


@dataclass(frozen=True)
class SpanNodes:
    """The nodes of a span of time.

    Args:
        clock: the clock in which rates are smooth.
        span: the times of start and stop.
        times: the number of nodes on the inner panel.
    """

    clock: Clock
    span: tuple[float, float]
    times: int

    @cached_property
    def edges(self) -> Tensor:
        """The clock positions of the panels' ends, shape (4,)."""
        start, stop = (
            # Rounding must not move an end of the unit interval.
            t if t in (0.0, 1.0) else float(self.clock.position(torch.tensor(t, dtype=torch.float64)))
            for t in self.span
        )
        return start + (stop - start) * torch.tensor([0.0, _END, 1 - _END, 1.0], dtype=torch.float64)

    @cached_property
    def _rule(self) -> tuple[Tensor, Tensor]:
        positions, weights = [], []
        for panel, count in enumerate((_END_NODES, self.times, _END_NODES)):
            low, high = self.edges[panel], self.edges[panel + 1]
            nodes, own = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(count))
            positions.append(low + (high - low) * (nodes + 1) / 2)
            weights.append((high - low) * own / 2)
        return torch.cat(positions), torch.cat(weights)

    @property
    def u(self) -> Tensor:
        """Clock positions in rising order, shape (M,), float64."""
        return self._rule[0]

    @property
    def t(self) -> Tensor:
        """Times, shape (M,)."""
        return self.clock.time(self.u)

    @property
    def rate(self) -> Tensor:
        """``dt/du``, shape (M,)."""
        return self.clock.rate(self.u)

    @cached_property
    def panels(self) -> Tensor:
        """The weights of ``int rate dt`` over each panel, shape (3, M)."""
        sizes = (_END_NODES, self.times, _END_NODES)
        member = torch.arange(3).repeat_interleave(torch.tensor(sizes))
        return torch.where(member == torch.arange(3)[:, None], self._rule[1] * self.rate, 0.0)

    def growth(self, rates: Tensor) -> tuple[float, float]:
        """The power p of ``|u - end|^-p`` with which a rate (M, n), at least 0, grows towards start and stop."""
        of_clock = rates.mean(1) * self.rate
        first, last = of_clock[:_END_NODES], of_clock[-_END_NODES:].flip(0)
        near, far = self.u[0] - self.edges[0], self.u[_END_NODES - 1] - self.edges[0]
        scale = math.log(float(far / near))
        found = []
        for values in (first, last):
            close, away = float(values[0]), float(values[-1])
            found.append(math.log(close / away) / scale if close > 0 and away > 0 else 0.0)
        return found[0], found[1]


class SpanIntegral:
    """The integral of rates over the span, or over what remains of it without the ends where one of them diverges.

    Args:
        nodes: the nodes.
        rates: rates that are at least 0, each (M, n): at M nodes for n draws.
    """

    def __init__(self, nodes: SpanNodes, *rates: Tensor) -> None:
        self.nodes, self._rates = nodes, rates
        powers = [nodes.growth(rate) for rate in rates]
        self.growth = [max(power[end] for power in powers) for end in (0, 1)]
        self.kept = [power < _DIVERGES for power in self.growth]

    def of(self, rate: Tensor) -> Tensor:
        """The integral for each draw of a rate (M, n), shape (n,)."""
        kept = torch.tensor([self.kept[0], True, self.kept[1]])
        return self.nodes.panels[kept].sum(0) @ rate

    @property
    def inside(self) -> Tensor:
        """Which nodes are in what remains of the span, shape (M,)."""
        u, edges = self.nodes.u, self.nodes.edges
        return (u > edges[0 if self.kept[0] else 1]) & (u < edges[3 if self.kept[1] else 2])

    @property
    def span(self) -> tuple[float, float]:
        """The times of start and stop of what remains of the span."""
        edges = self.nodes.edges[[0 if self.kept[0] else 1, 3 if self.kept[1] else 2]]
        start, stop = self.nodes.clock.time(edges).tolist()
        return start, stop

    def details(self) -> dict[str, Any]:
        """The span integrated over, how the first rate behaves at its ends, and a statement in words."""
        span = list(self.span)
        panels = (self.nodes.panels @ self._rates[0]).mean(1)
        whole = float(self.of(self._rates[0]).mean())
        fractions = [
            float(panels[index]) / whole if kept and whole > 0 else None
            for index, kept in ((0, self.kept[0]), (2, self.kept[1]))
        ]
        return {
            "span": span,
            "bounded": [power < _BOUNDED for power in self.growth],
            "growth": self.growth,
            "fraction_at_ends": fractions,
            "statement": self._statement(span),
        }

    def _statement(self, span: Sequence[float]) -> str:
        words = []
        for name, power, kept in zip(("start", "stop"), self.growth, self.kept, strict=True):
            if not kept:
                words.append(f"diverges at the {name}: its last 1 % of the clock is left out")
            elif power >= _BOUNDED:
                words.append(f"grows towards the {name}, with a finite integral")
        said = "; ".join(words) or "is bounded"
        return f"the integrand {said}; the value is that of t from {span[0]:.4g} to {span[1]:.4g}"
