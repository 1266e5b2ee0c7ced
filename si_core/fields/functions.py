"""Fields around plain functions, so that a user's own model can be sampled and measured."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.combine import spread
from si_core.contract.condition import Condition
from si_core.contract.drift_parts import DriftParts
from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.fields.completed import CompletedFields
from si_core.fields.flow import Flow
from si_core.fields.noise_level import NoiseLevel
from si_core.fields.required import field_coefficients
from si_core.fields.user_function import FieldFunction, UserFunction
from si_core.process.completion import WHOLE, CoefficientFunction
from si_core.process.process import StochasticInterpolant

__all__ = ["FunctionFields"]

_RATES = ("velocity", "interpolant-velocity")


def _needed(level: NoiseLevel | None) -> tuple[str, ...]:
    """The fields that a drift is made of."""
    return ("velocity",) if level is None else ("velocity", "score")


class _FunctionFlow(Flow[tuple[Tensor, float, float]]):
    """Steps are the time that functions are given, ``dt/du``, and the weight of the score."""

    def __init__(self, fields: FunctionFields, clock: Clock, level: NoiseLevel | None, sign: float) -> None:
        super().__init__(clock, lambda u: fields.schedule(clock, u), level, sign, fields)
        self._velocity, *self._score = (fields.functions[name] for name in _needed(level))

    def steps(self, u: Tensor, x: Tensor) -> list[tuple[Tensor, float, float]]:
        s = self.schedule(u)
        weights = (0.5 * self.sign * self.noise_squared(u)).tolist()
        return list(zip(s.t.to(device=x.device, dtype=x.dtype).unbind(), s.rate.tolist(), weights, strict=True))

    def at(self, step: tuple[Tensor, float, float], x: Tensor) -> DriftParts:
        t, rate, weight = step
        velocity = self._velocity(t, x)
        if not weight:
            return DriftParts(velocity, x, rate)
        # A tensor of its own before the next call: one module may write both to the same memory.
        return DriftParts((velocity * rate).add_(self._score[0](t, x), alpha=weight), x)


class FunctionFields(CompletedFields):
    """Fields given as functions ``f(t, x)`` per unit of time.

    With a process, the other fields follow (:mod:`si_core.process.completion`); without one there are no others.

    Args:
        velocity: the velocity ``b``.
        score: the score ``s``.
        process: the process whose fields these are.
        **others: further fields by their Python names: ``interpolant_velocity``, ``denoiser``, ``source_denoiser``,
            ``target_denoiser``.

    Raises:
        UsageError: no function was given, or one of an unknown name.
    """

    process: StochasticInterpolant | None  # type: ignore[assignment]
    knowledge = "per unit of time"

    def __init__(
        self,
        velocity: FieldFunction | None = None,
        score: FieldFunction | None = None,
        process: StochasticInterpolant | None = None,
        **others: FieldFunction,
    ) -> None:
        allowed = ("interpolant_velocity", "denoiser", "source_denoiser", "target_denoiser")
        for name in others:
            if name not in allowed:
                raise UsageError("unknown field", got=name, allowed=", ".join(("velocity", "score", *allowed)))
        given = {"velocity": velocity, "score": score, **others}
        names = {name.replace("_", "-"): f for name, f in given.items() if f is not None}
        self.functions = {name: UserFunction(name, f) for name, f in names.items()}
        if not self.functions:
            raise UsageError("FunctionFields needs a function", fix="FunctionFields(velocity=lambda t, x: ...)")
        self.process = process
        self.names = tuple(self.functions)
        self._known = tuple(self.functions.values())

    def known_coefficients(self, name: str) -> CoefficientFunction:
        coefficients = field_coefficients(self._with_process(), name)
        return (lambda s: coefficients(s) / s.rate.unsqueeze(-1)) if name in _RATES else coefficients

    def _with_process(self) -> StochasticInterpolant:
        if self.process is None:
            raise UsageError(
                "without a process no field follows from others",
                got=f"functions for {', '.join(self.names)}",
                fix="give FunctionFields its process, or the function that is missing",
            )
        return self.process

    def positions(self, t: Tensor, x: Tensor) -> list[object]:
        return list(t.to(device=x.device, dtype=x.dtype))

    def outputs(self, position: object, x: Tensor, indices: Sequence[int] | None = None) -> Sequence[Tensor]:
        known = self._known if indices is None else [self._known[i] for i in indices]
        return [function(position, x) for function in known]  # type: ignore[arg-type]

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        function = self.functions.get(name)
        if function is None:
            self._with_process()
            return CompletedFields.several(self, (name,), s, x)[0]
        t = s.t.to(device=x.device, dtype=x.dtype)
        value = function(t.reshape(()) if len(t) == 1 else t, x)
        return value * spread(s.rate, value) if name in _RATES else value

    def several(self, names: Sequence[str], s: Schedule, x: Tensor) -> tuple[Tensor, ...]:
        # One by one: those that were given are taken as they are.
        return Fields.several(self, names, s, x)

    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        if all(name in self.functions for name in _needed(level)):
            return _FunctionFlow(self, clock, level, sign)  # type: ignore[return-value]
        self._with_process()
        return CompletedFields.flow(self, clock, level, sign, span, freeze)

    def conditioned(self, condition: Condition | None) -> Fields:
        return Fields.conditioned(self, condition)
