"""Fields completed from those that are known: learned by networks, or given as functions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.combine import spread
from si_core.contract.drift_parts import DriftParts
from si_core.contract.objective import FIELDS
from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.fields.drift_coefficients import drift_coefficients
from si_core.fields.flow import Flow
from si_core.fields.noise_level import Constant, NoiseLevel
from si_core.fields.refusals import Asked
from si_core.fields.required import SDE, field_coefficients, require
from si_core.process.completion import WHOLE, CoefficientFunction, Completion
from si_core.process.process import StochasticInterpolant

__all__ = ["CompletedFields"]


@dataclass(frozen=True)
class _Step:
    position: object
    weights: tuple[float, ...]
    of_x: float
    of_given_start: float


class _CompletedFlow(Flow[_Step]):
    fields: CompletedFields

    def __init__(
        self,
        fields: CompletedFields,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float,
        span: tuple[float, float],
        freeze: bool,
    ) -> None:
        process = fields.process
        super().__init__(clock, lambda u: process.schedule(clock, u), level, sign, fields)
        self.completion = require(self._asked(fields, span), freeze, ends=True)
        self.unbounded = self.completion.verdict.within(span).unbounded
        everything = self.completion.indices == tuple(range(len(fields.names)))
        self._indices = None if everything else self.completion.indices

    def _asked(self, fields: CompletedFields, span: tuple[float, float]) -> Asked:
        process, wanted = fields.process, drift_coefficients(fields.process, self.level, self.sign)
        # The same function of time may be another one later on; a number is what it is.
        asked_before = self.level is None or isinstance(self.level, Constant)
        key = ("drift", fields.knowledge, self.level, self.sign) if asked_before and fields.knowledge else None
        if self.level is None:
            return Asked(process, fields.names, fields.known_coefficients, wanted, self.clock, "the ODE", span, key=key)
        noiseless, damped = (drift_coefficients(process, level, self.sign) for level in (None, process.noise_size))
        return Asked(
            process, fields.names, fields.known_coefficients, wanted, self.clock, SDE, span, noiseless, damped, key
        )

    def steps(self, u: Tensor, x: Tensor) -> list[_Step]:
        # Of these numbers are kept, and no tensors: inference mode takes a fifth off.
        with torch.inference_mode():
            weights = self.completion(u)
            # A weight that is a number of the formula (0 or 1) costs a kernel when it is off by rounding.
            nearest = weights.round()
            weights = torch.where((weights - nearest).abs() < 1e-12, nearest, weights)
        positions = self.fields.positions(self.clock.time(u), x)
        return [_Step(p, tuple(w[:-2]), *w[-2:]) for p, w in zip(positions, weights.tolist(), strict=True)]

    def at(self, step: _Step, x: Tensor) -> DriftParts:
        return self._parts(step, x, self.fields.outputs(step.position, x, self._indices))

    def _parts(self, step: _Step, x: Tensor, outputs: Sequence[Tensor]) -> DriftParts:
        if len(outputs) == 1 and not step.of_given_start:
            return DriftParts(outputs[0], x, step.weights[0], step.of_x)
        total = _weighted(outputs, step.weights, x)
        if step.of_given_start:
            total.add_(self.fields.given_start(x), alpha=step.of_given_start)
        return DriftParts(total, x, 1.0, step.of_x)

    def with_divergence(self, step: _Step, x: Tensor, probes: Tensor | None) -> tuple[Tensor, Tensor] | None:
        # div sum_k c_k f_k + c x = sum_k c_k div f_k + c d: only what was learned is differentiated.
        found = self.fields.divergences(step.position, x, self._indices, probes)
        if found is None:
            return None
        outputs, divergences = found
        drift = self._parts(step, x, outputs).value()
        if probes is None:
            total = torch.full(x.shape[:1], step.of_x * x[:1].numel(), dtype=x.dtype, device=x.device)
        else:
            total = step.of_x * probes.reshape(*probes.shape[:2], -1).square().sum(-1).T
        for divergence, weight in zip(divergences, step.weights, strict=True):
            if weight:
                total = torch.add(total, divergence, alpha=weight)
        return drift, total


def _refuse_infinite(name: str, weights: Tensor, s: Schedule) -> None:
    finite = torch.isfinite(weights).all(-1)
    if not bool(finite.all()):
        raise UsageError(
            f"the {name} is a sum of known fields whose weights have no bound at an end of time",
            got=f"t = {float(s.t[~finite][0]):g}",
            fix="ask at a time beside it, such as 1e-4 or 1 - 1e-4",
        )


def _weighted(outputs: Sequence[Tensor], weights: Sequence[float], x: Tensor) -> Tensor:
    """The sum of the outputs, each with its weight: a tensor of its own, shape of x."""
    if not outputs:
        return torch.zeros_like(x)
    total = outputs[0] * weights[0]
    for output, weight in zip(outputs[1:], weights[1:], strict=True):
        if weight:
            total.add_(output, alpha=weight)
    return total


class CompletedFields(Fields):
    """Fields of a process of which some are known and the others follow.

    A subclass names the known fields, gives the coefficients by which it knows a field, and evaluates them.
    """

    process: StochasticInterpolant
    names: tuple[str, ...]
    """The names of the known fields."""

    knowledge: Hashable | None = None
    """What :meth:`known_coefficients` depend on beside the process and the name; None where it can't be said."""

    @abstractmethod
    def known_coefficients(self, name: str) -> CoefficientFunction:
        """The coefficients of what :meth:`outputs` gives, or would give, for a field, at the times of any schedule."""

    @abstractmethod
    def positions(self, t: Tensor, x: Tensor) -> list[object]:
        """What :meth:`outputs` needs of each time in t, shape (N,), for states like x."""

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

    def given_start(self, x: Tensor) -> Tensor:
        """The given x0 of states like x, shape (B, *event) or (*event,).

        Raises:
            UsageError: x0 is not given.
        """
        point = self.process.source.point
        if point is None:
            raise UsageError("x0 is not known to these fields", fix='give it: fields.conditioned({"x0": x0})')
        return point.to(x)

    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        return _CompletedFlow(self, clock, level, sign, span, freeze)  # type: ignore[return-value]

    def _completion(self, name: str, clock: Clock) -> Completion:
        """The completion of a field in a clock; found once."""
        found: dict[tuple[str, Clock], Completion] = self.__dict__.setdefault("_completions", {})
        if (name, clock) not in found:
            wanted = field_coefficients(self.process, name)
            key = (name, self.knowledge) if self.knowledge else None
            asked = Asked(self.process, self.names, self.known_coefficients, wanted, clock, f"the {name}", key=key)
            found[name, clock] = require(asked)
        return found[name, clock]

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        return CompletedFields.several(self, (name,), s, x)[0]

    def several(self, names: Sequence[str], s: Schedule, x: Tensor) -> tuple[Tensor, ...]:
        completions = [self._checked_completion(name, s) for name in names]
        needed = sorted({index for completion in completions for index in completion.indices})
        positions = self.positions(s.t, x)
        position = positions[0] if len(positions) == 1 else torch.stack([torch.as_tensor(p) for p in positions])
        outputs = dict(zip(needed, self.outputs(position, x, needed), strict=True))
        return tuple(
            self._sum(name, completion, s, x, [outputs[index] for index in completion.indices])
            for name, completion in zip(names, completions, strict=True)
        )

    def _checked_completion(self, name: str, s: Schedule) -> Completion:
        if name not in FIELDS:
            raise UsageError("unknown field", got=repr(name), allowed=", ".join(FIELDS))
        if not self.process.structure.has(name):
            self.process.coefficients(name, s)
        return self._completion(name, s.clock)

    def _sum(self, name: str, completion: Completion, s: Schedule, x: Tensor, outputs: Sequence[Tensor]) -> Tensor:
        weights = completion(s.u.cpu()).to(s.u.device)
        _refuse_infinite(name, weights, s)
        total = spread(weights[:, -2], x) * x
        if self.process.structure.anchored:
            total = total + spread(weights[:, -1], x) * self.given_start(x)
        for i, output in enumerate(outputs):
            total = total + spread(weights[:, i], x) * output
        return total
