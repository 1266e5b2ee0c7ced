"""Fields around plain functions, so that a user's own model can be sampled and measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.combine import spread
from si_core.contract.condition import Condition
from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.fields.base import DirectFields, Fields
from si_core.fields.completed import CompletedFields, field_coefficients
from si_core.fields.flow import Flow, NoiseLevel
from si_core.process.completion import WHOLE, CoefficientFunction
from si_core.process.process import StochasticInterpolant

__all__ = ["FieldFunction", "FunctionFields"]

FieldFunction = Callable[[Tensor, Tensor], Tensor]
"""``f(t, x)`` with t of shape () or (B,) and x of shape (B, *event), per unit of time."""

_RATES = ("velocity", "interpolant-velocity")


class FunctionFields(CompletedFields, DirectFields):
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
        self.functions = {name.replace("_", "-"): f for name, f in given.items() if f is not None}
        if not self.functions:
            raise UsageError("FunctionFields needs a function", fix="FunctionFields(velocity=lambda t, x: ...)")
        self.process = process
        self.names = tuple(self.functions)
        self._unseen = set(self.names)

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
        functions = list(self.functions.values())
        t = torch.as_tensor(position)
        chosen = range(len(functions)) if indices is None else indices
        values = [functions[i](t, x) for i in chosen]
        if self._unseen:
            for i, value in zip(chosen, values, strict=True):
                self._seen(self.names[i], value, x)
        return values

    def _seen(self, name: str, value: Tensor, x: Tensor) -> None:
        """Refuse a function whose first value has another shape than the states: it would be broadcast."""
        if not isinstance(value, Tensor) or value.shape != x.shape:
            raise UsageError(
                f"a field has the shape of the states, and the function for {name} gives another",
                got=tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__,
                allowed=f"{tuple(x.shape)}, the shape of x",
            )
        self._unseen.discard(name)

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        function = self.functions.get(name)
        if function is None:
            self._with_process()
            return CompletedFields.field(self, name, s, x)
        t = s.t.to(device=x.device, dtype=x.dtype)
        value = function(t.reshape(()) if len(t) == 1 else t, x)
        if self._unseen:
            self._seen(name, value, x)
        return value * spread(s.rate, value) if name in _RATES else value

    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        needed = ("velocity",) if level is None else ("velocity", "score")
        if all(name in self.functions for name in needed):
            return DirectFields.flow(self, clock, level, sign, span, freeze)
        self._with_process()
        return CompletedFields.flow(self, clock, level, sign, span, freeze)

    def conditioned(self, condition: Condition | None) -> Fields:
        return Fields.conditioned(self, condition)
