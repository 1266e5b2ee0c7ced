"""Learned fields: networks trained on some fields of a process, completed to all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from si_core.contract.answers import form_of, misbehaved
from si_core.contract.combine import spread
from si_core.contract.condition import Condition, check_classes, check_condition, check_left_out
from si_core.contract.data import Draw
from si_core.contract.objective import FIELDS
from si_core.contract.process import Structure
from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.fields.completed import CompletedFields
from si_core.fields.parametrisation import Parametrisation, Remainder
from si_core.fields.predictor import Predictor
from si_core.process.coefficients import Coefficients
from si_core.process.completion import CoefficientFunction
from si_core.process.process import StochasticInterpolant

__all__ = ["LearnedFields", "OwnCoefficients", "Preconditioning"]

OwnCoefficients = Callable[[Structure, Schedule], Coefficients]
"""The coefficients of a field in a process at some times, as :meth:`si_core.Objective.coefficients` gives them."""

Preconditioning = tuple[Tensor, ...]
"""``c_skip``, ``c_out`` and, where x0 is given, ``c_0`` of :mod:`si_core.fields.parametrisation`; each (N,)."""


class LearnedFields(CompletedFields):
    """Fields of a process learned by networks.

    Args:
        process: the process.
        names: the fields learned, in the order of the predictor's outputs.
        predictor: the networks.
        parametrisation: how outputs stand for fields.
        condition: what the networks are given beside (t, x), by name: one value a state, or one for all states.
        coefficients: those of the fields that the process has no name for.
        optional: the conditions that training leaves out now and then, so that they may be left out.

    Raises:
        UsageError: a field the process does not have, or one named twice.
    """

    process: StochasticInterpolant

    def __init__(
        self,
        process: StochasticInterpolant,
        names: Sequence[str],
        predictor: Predictor,
        parametrisation: Parametrisation,
        condition: Condition | None = None,
        coefficients: Mapping[str, OwnCoefficients] | None = None,
        optional: frozenset[str] = frozenset(),
    ) -> None:
        self._own = dict(coefficients or {})
        for name in names:
            if name not in self._own and (name not in FIELDS or not process.structure.has(name)):
                process.coefficients(name, process.schedule(parametrisation.clock, torch.tensor(0.5)))
        if len(set(names)) != len(names):
            raise UsageError("a field is learned twice", got=", ".join(names), fix="keep one objective for each field")
        self.process, self.names, self.predictor = process, tuple(names), predictor
        self.parametrisation, self.condition, self.optional = parametrisation, condition, optional
        self.knowledge = None if self._own else parametrisation
        self._left_out = [name for name in process.conditions if name in optional and name not in (condition or ())]

    def check_conditions(self, rows: int | None = None) -> None:
        specs = self.process.conditions
        due = {name: spec for name, spec in specs.items() if name not in self._left_out}
        check_condition(due, self.condition, rows)

    def _given(self, x: Tensor) -> Condition | None:
        """What the networks are given for states like x, with what is left out."""
        if not self._left_out:
            return self.condition
        absent = {name: self.process.conditions[name].absent(x) for name in self._left_out}
        return {**(self.condition or {}), **absent}

    def preconditioning(self, s: Schedule) -> list[Preconditioning] | None:
        """How each field is made of x and its output at the times of a schedule; None where outputs are the fields."""
        if not self.parametrisation.precondition or not self.process.structure.spatially_linear:
            return None
        splits = [self.remainder(name, s) for name in self.names]
        return [
            (split.skip, split.out) + (() if split.given_start is None else (split.given_start,)) for split in splits
        ]

    def remainder(self, name: str, s: Schedule) -> Remainder:
        """How a learned field splits into what is known and what the network learns, at times in their clock."""
        return self.parametrisation.remainder(self.process.structure, self._coefficients(name, s), s)

    def predictions(self, draw: Draw, preconditioning: list[Preconditioning] | None = None) -> tuple[Tensor, ...]:
        """The fields' predictions at a draw, in the clock of learning, each (B, *event).

        Args:
            draw: made in the clock of learning.
            preconditioning: that of the draw's schedule, where it is at hand.
        """
        s = draw.schedule
        if s is None or s.clock != self.parametrisation.clock:
            raise UsageError(
                "a draw for learning is made in the clock of learning", fix=f"clock={self.parametrisation.clock!r}"
            )
        outputs: tuple[Tensor, ...] = self.predictor(s.u.to(draw.xt.dtype), draw.xt, draw.condition)
        self.check_outputs(outputs, draw.xt)
        preconditioning = preconditioning or self.preconditioning(s)
        if preconditioning is None:
            return outputs
        predictions = []
        for (skip, out, *given_start), output in zip(preconditioning, outputs, strict=True):
            known = spread(skip, draw.xt) * draw.xt
            for factor in given_start:
                known.addcmul_(torch.as_tensor(spread(factor, draw.x0)), draw.x0)
            predictions.append(known.addcmul_(torch.as_tensor(spread(out, output)), output))
        return tuple(predictions)

    def check_outputs(self, outputs: Sequence[object], x: Tensor) -> None:
        """Refuse outputs of the networks that are not of the shape of the states: they would be broadcast.

        Raises:
            PluginError: names the network.
        """
        for index, output in enumerate(outputs):
            if not isinstance(output, Tensor) or output.shape != x.shape or not output.is_floating_point():
                raise misbehaved(
                    self.predictor.behind(index),
                    "forward",
                    "a network gives a field of the shape of its states",
                    got=form_of(output),
                    allowed=f"floating-point numbers {tuple(x.shape)}",
                )

    def known_coefficients(self, name: str) -> CoefficientFunction:
        clock = self.parametrisation.clock

        def coefficients(s: Schedule) -> Tensor:
            own = s if s.clock == clock else self.process.schedule(clock, clock.position(s.t))
            return self.remainder(name, own).coefficients

        return coefficients

    def _coefficients(self, name: str, s: Schedule) -> Coefficients:
        own = self._own.get(name)
        return self.process.coefficients(name, s) if own is None else own(self.process.structure, s)

    def positions(self, t: Tensor, x: Tensor) -> list[object]:
        return list(self.parametrisation.clock.position(t).to(device=x.device, dtype=x.dtype).unbind())

    def outputs(self, position: object, x: Tensor, indices: Sequence[int] | None = None) -> Sequence[Tensor]:
        condition = self._given(x) if self._left_out else self.condition
        return self.predictor(position, x, condition, indices)  # type: ignore[no-any-return]

    def divergences(
        self, position: object, x: Tensor, indices: Sequence[int] | None = None, probes: Tensor | None = None
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]] | None:
        # Other modules may stand in for a predictor; what they do to x is then known to autograd alone.
        offered = getattr(self.predictor, "with_divergence", None)
        return None if offered is None else offered(position, x, self._given(x), indices, probes)

    def given_start(self, x: Tensor) -> Tensor:
        if self.process.coupling.anchored and self.condition and "x0" in self.condition:
            return self.condition["x0"].to(x)
        return super().given_start(x)

    def conditioned(self, condition: Condition | None) -> LearnedFields:
        specs, conditions = self.process.conditions, condition or {}
        check_condition(specs, conditions, partly=True)
        check_classes(specs, conditions)
        check_left_out(specs, conditions, self.optional)
        return self._with(self.predictor, condition)

    def of(self, predictor: Predictor) -> LearnedFields:
        """The same fields with other networks, such as averaged ones."""
        return self._with(predictor, self.condition)

    def _with(self, predictor: Predictor, condition: Condition | None) -> LearnedFields:
        return LearnedFields(
            self.process, self.names, predictor, self.parametrisation, condition, self._own, self.optional
        )
