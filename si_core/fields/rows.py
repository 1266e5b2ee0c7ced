"""Fields completed by rows from those that are known: learned by networks, or given as functions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.objective import FIELDS
from si_core.contract.schedule import Schedule
from si_core.contract.slope import Slope
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.fields.flow import Flow, NoiseLevel, drift_row
from si_core.process.completion import Completion, RowFunction, complete
from si_core.process.process import StochasticInterpolant, spread
from si_core.process.rows import stack

__all__ = ["RowFields", "field_row", "require"]

_SDE = "an SDE"


def field_row(process: StochasticInterpolant, name: str) -> RowFunction:
    """The row of a field per unit of the schedule's clock."""
    return lambda s: stack(process.row(name, s), s)


def require(
    process: StochasticInterpolant,
    names: Sequence[str],
    known_row: Callable[[str], RowFunction],
    wanted: RowFunction,
    clock: Clock,
    what: str,
) -> Completion:
    """The completion of a wanted row.

    Args:
        process: the process.
        names: the known fields.
        known_row: the row by which a field of some name is known, or would be.
        wanted: the row to express.
        clock: the clock in which it is meant.
        what: what it is, for the error.

    Raises:
        UsageError: it is out of the span of the known rows; says which objectives would bring it in.
    """
    structure = process.structure
    if what == _SDE and not structure.has("score"):
        raise UsageError(
            f"{what} needs the score, which can't be learned: there is neither a latent nor a standard normal source",
            got=f"objectives {', '.join(names)}; no latent",
            fix="add a latent, such as `latent: brownian`, or sample with `epsilon: 0`",
        )
    known = [known_row(name) for name in names]
    found = complete(process.schedule, clock, structure, known, wanted)
    if found is not None:
        return found
    enough = [
        name
        for name in ("denoiser", "velocity", "interpolant-velocity", "score", "source-denoiser", "target-denoiser")
        if name not in names
        and structure.has(name)
        and complete(process.schedule, clock, structure, [*known, known_row(name)], wanted) is not None
    ]
    raise UsageError(
        f"{what} can't be had from what is learned",
        got=f"objectives {', '.join(names) or 'none'}",
        allowed=f"any of these beside it: {', '.join(enough)}" if enough else "no single further objective is enough",
        fix=f"add the objective `{enough[0]}`" if enough else "add `velocity` and `denoiser`",
    )


@dataclass(frozen=True)
class _Step:
    position: object
    weights: tuple[float, ...]
    of_x: float
    of_anchor: float


class _RowFlow(Flow[_Step]):
    fields: RowFields

    def __init__(self, fields: RowFields, clock: Clock, level: NoiseLevel | None, sign: float) -> None:
        super().__init__(clock, lambda u: fields.process.schedule(clock, u), level, sign, fields)
        what = "the ODE" if level is None else _SDE
        wanted = drift_row(fields.process, level, sign)
        self.completion = require(fields.process, fields.names, fields.known_row, wanted, clock, what)
        self.unbounded = self.completion.unbounded
        everything = self.completion.indices == tuple(range(len(fields.names)))
        self._indices = None if everything else self.completion.indices

    def steps(self, u: Tensor, x: Tensor) -> list[_Step]:
        coefficients = self.completion(u)
        # A coefficient that is a number of the formula (0 or 1) costs a kernel when it is off by rounding.
        nearest = coefficients.round()
        coefficients = torch.where((coefficients - nearest).abs() < 1e-12, nearest, coefficients)
        positions = self.fields.positions(self.clock.time(u), x)
        return [_Step(p, tuple(c[:-2]), *c[-2:]) for p, c in zip(positions, coefficients.tolist(), strict=True)]

    def at(self, step: _Step, x: Tensor) -> Slope:
        return self._slope(step, x, self.fields.outputs(step.position, x, self._indices))

    def _slope(self, step: _Step, x: Tensor, outputs: Sequence[Tensor]) -> Slope:
        if len(outputs) == 1 and not step.of_anchor:
            return Slope(outputs[0], x, step.weights[0], step.of_x)
        total = _weighted(outputs, step.weights, x)
        if step.of_anchor:
            total.add_(self.fields.anchor(x), alpha=step.of_anchor)
        return Slope(total, x, 1.0, step.of_x)

    def with_divergence(self, step: _Step, x: Tensor, probes: Tensor | None) -> tuple[Tensor, Tensor] | None:
        # div sum_k c_k f_k + c x = sum_k c_k div f_k + c d: only what was learned is differentiated.
        found = self.fields.divergences(step.position, x, self._indices, probes)
        if found is None:
            return None
        outputs, divergences = found
        drift = self._slope(step, x, outputs).value()
        if probes is None:
            total = torch.full(x.shape[:1], step.of_x * x[:1].numel(), dtype=x.dtype, device=x.device)
        else:
            total = step.of_x * probes.reshape(*probes.shape[:2], -1).square().sum(-1).T
        for divergence, weight in zip(divergences, step.weights, strict=True):
            if weight:
                total = torch.add(total, divergence, alpha=weight)
        return drift, total


def _weighted(outputs: Sequence[Tensor], weights: Sequence[float], x: Tensor) -> Tensor:
    """The sum of the outputs, each with its weight: a tensor of its own, shape of x."""
    if not outputs:
        return torch.zeros_like(x)
    total = outputs[0] * weights[0]
    for output, weight in zip(outputs[1:], weights[1:], strict=True):
        if weight:
            total.add_(output, alpha=weight)
    return total


class RowFields(Fields):
    """Fields of a process of which some are known and the others follow.

    A subclass names the known fields, gives the row by which it knows a field, and evaluates them.
    """

    process: StochasticInterpolant
    names: tuple[str, ...]
    """The names of the known fields."""

    @abstractmethod
    def known_row(self, name: str) -> RowFunction:
        """The row of what :meth:`outputs` gives, or would give, for a field, at the times of any schedule."""

    @abstractmethod
    def positions(self, t: Tensor, x: Tensor) -> list[object]:
        """What :meth:`outputs` is told of each time in t, shape (N,), for states like x."""

    @abstractmethod
    def outputs(self, position: object, x: Tensor, indices: Sequence[int] | None = None) -> Sequence[Tensor]:
        """The known fields with these indices (None for all) at a time, each of the shape of x."""

    def divergences(
        self, position: object, x: Tensor, indices: Sequence[int] | None = None, probes: Tensor | None = None
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]] | None:
        """What :meth:`outputs` gives, with the divergence of each in x; None where only autograd can tell.

        Args:
            position, x, indices: as for :meth:`outputs`.
            probes: shape (K, B, *event) for ``v . J v``, each (B, K); None for exact divergences, each (B,).
        """
        return None

    def anchor(self, x: Tensor) -> Tensor:
        """The given x0 of states like x, shape (B, *event) or (*event,).

        Raises:
            UsageError: x0 is not given.
        """
        point = self.process.source.point
        if point is None:
            raise UsageError("x0 is not known to these fields", fix='tell them: fields.conditioned({"x0": x0})')
        return point.to(x)

    def flow(self, clock: Clock, level: NoiseLevel | None, sign: float = 1.0) -> Flow[object]:
        return _RowFlow(self, clock, level, sign)  # type: ignore[return-value]

    def _completion(self, name: str, clock: Clock) -> Completion:
        """The completion of a field in a clock; found once."""
        found: dict[tuple[str, Clock], Completion] = self.__dict__.setdefault("_completions", {})
        if (name, clock) not in found:
            wanted = field_row(self.process, name)
            found[name, clock] = require(self.process, self.names, self.known_row, wanted, clock, f"the {name}")
        return found[name, clock]

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        if name not in FIELDS:
            raise UsageError("unknown field", got=repr(name), allowed=", ".join(FIELDS))
        if not self.process.structure.has(name):
            self.process.row(name, s)
        completion = self._completion(name, s.clock)
        coefficients = completion.pointwise(s.u.cpu()).to(s.u.device)
        positions = self.positions(s.t, x)
        if len(positions) == 1:
            outputs = self.outputs(positions[0], x, completion.indices)
        else:
            outputs = self.outputs(torch.stack([torch.as_tensor(p) for p in positions]), x, completion.indices)
        total = spread(coefficients[:, -2], x) * x
        if self.process.structure.anchored:
            total = total + spread(coefficients[:, -1], x) * self.anchor(x)
        for i, output in enumerate(outputs):
            total = total + spread(coefficients[:, i], x) * output
        return total
