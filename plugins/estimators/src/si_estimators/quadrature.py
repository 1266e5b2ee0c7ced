"""Integrals over time of rates that may have no bound at the ends, computed in the clock of the process.

    ``int rate dt = int rate (dt/du) du``

by Gauss-Legendre nodes on three panels of the clock's span: the inner 98 % and the last 1 % at each end. The nodes of
an end panel lie between 2 % and 98 % of it, and the same draws of the process are looked at at all of them, so that
the three nearest to the end tell how the integrand grows towards it (:mod:`si_estimators.end_panels`): like
``A + B |u - end|^-p``, with p = 0 where it is bounded and p near 1 where the integral diverges, as it does for most
learned fields of processes whose noise vanishes there. Where it diverges, any number for the whole span would be that
of the nodes; the panel is then left out, what is computed is no more than ``approximate`` for the whole span, and the
details say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from si_core import Clock
from si_estimators.density_ends import Bound
from si_estimators.end_panels import END_NODES, factors_for_power, power_of_growth

__all__ = ["SpanIntegral", "SpanNodes"]

_END, _END_NODES = 0.01, END_NODES
_BOUNDED, _DIVERGES = 0.25, 0.75
_ROUNDING = 1e-12
"""Of the whole integral: what squares of rounding errors in double precision stay far below."""


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
        """The power p of ``A + B |u - end|^-p`` with which a rate (M, n) grows towards start and stop."""
        of_clock = rates.mean(1) * self.rate
        ends = of_clock[:_END_NODES], of_clock[-_END_NODES:].flip(0)
        return power_of_growth(ends[0].tolist()), power_of_growth(ends[1].tolist())


class SpanIntegral:
    """The integral of rates over the span, or over what remains of it without the ends where one of them diverges.

    Args:
        nodes: the nodes.
        rates: rates that are at least 0, each (M, n): at M nodes for n draws.
    """

    def __init__(self, nodes: SpanNodes, *rates: Tensor) -> None:
        self.nodes, self._rates = nodes, rates
        powers = [self._growth(rate) for rate in rates]
        self.growth = [max(power[end] for power in powers) for end in (0, 1)]
        self.kept = [power < _DIVERGES for power in self.growth]

    def _growth(self, rate: Tensor) -> list[float]:
        """The powers of growth at both ends; none where an end has nothing but rounding of the whole."""
        parts = (self.nodes.panels @ rate).mean(1).tolist()
        powers = zip(self.nodes.growth(rate), parts[::2], strict=True)
        return [power if part > _ROUNDING * sum(parts) else 0.0 for power, part in powers]

    def of(self, rate: Tensor) -> Tensor:
        """The integral for each draw of a rate (M, n), shape (n,)."""
        return self._panels.sum(0) @ rate

    @cached_property
    def _panels(self) -> Tensor:
        """The weights of the panels that are integrated over, and 0 for those left out, shape (3, M)."""
        panels = self.nodes.panels.clone()
        for panel, power, kept in ((0, self.growth[0], self.kept[0]), (2, self.growth[1], self.kept[1])):
            if not kept:
                panels[panel] = 0
            elif power >= _BOUNDED:
                own = slice(_END_NODES) if panel == 0 else slice(-_END_NODES, None)
                factors = factors_for_power(power)
                panels[panel, own] *= factors if panel == 0 else factors.flip(0)
        return panels

    def claim(self, bound: Bound) -> Bound:
        """What holds for the whole span of a number that is the ``bound`` of what remains of it."""
        return bound if all(self.kept) else "approximate"

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
        panels = (self._panels @ self._rates[0]).mean(1)
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
