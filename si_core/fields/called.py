"""A learned field as a function of its times and of x, differentiable in all of them.

Objectives that call the network are given one. Training's own predictions take the scalars of a whole block of steps at
once; here they follow the times of each call.
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core.contract.combine import spread
from si_core.contract.condition import Condition
from si_core.errors import UsageError
from si_core.fields.given_times import given_times
from si_core.fields.learned import LearnedFields, Preconditioning

__all__ = ["CalledField", "flow_map"]


class CalledField:
    """One of the learned fields at any (t, x), or between two times; see :class:`si_core.LearnedField`.

    Args:
        fields: the learned fields, which learn in the uniform clock.
        index: which of them.
        condition: what is given where a call gives nothing.
        x0: the given start, shape (B, *event), where it is no condition.
    """

    def __init__(
        self, fields: LearnedFields, index: int, condition: Condition | None = None, x0: Tensor | None = None
    ) -> None:
        self._fields, self._index, self._condition, self._x0 = fields, index, condition, x0

    def __call__(self, t: Tensor, x: Tensor, condition: Condition | None = None, s: Tensor | None = None) -> Tensor:
        """The field at (t, x), or the mean velocity from t to s; shape (B, *event).

        Raises:
            UsageError: a second time for networks of one.
        """
        fields = self._fields
        if s is not None and not fields.predictor.two_times:
            raise UsageError(
                "the networks are given one time", got="a second time s", fix="two_times = True on the objective"
            )
        conditions = self._condition if condition is None else condition
        t = torch.as_tensor(t).to(x).expand(len(x))
        s = None if s is None else torch.as_tensor(s).to(x).expand(len(x))
        output: Tensor = fields.predictor(t, x, conditions, (self._index,), s)[0]
        preconditioning = self._preconditioning(t, s)
        if preconditioning is None:
            return output
        skip, out, *given_start = (torch.as_tensor(spread(part, x)) for part in preconditioning)
        field: Tensor = skip * x + out * output
        if not given_start:
            return field
        given = conditions["x0"] if conditions and "x0" in conditions else self._x0
        return field + given_start[0] * (fields.given_start(x) if given is None else given.to(x))

    def _preconditioning(self, t: Tensor, s: Tensor | None) -> Preconditioning | None:
        """What is known of the field beside the network at these times; None where that is nothing."""
        fields = self._fields
        parametrisation, process = fields.parametrisation, fields.process
        if not parametrisation.precondition or not process.structure.spatially_linear:
            return None
        times = [t.double()] if s is None else [t.double(), 0.5 * (t.double() + s.double()), s.double()]
        now, *others = (process.schedule(parametrisation.clock, u) for u in times)
        if s is None:
            split = fields.remainder(fields.names[self._index], now)
            return (split.skip, split.out) + (() if split.given_start is None else (split.given_start,))
        mean = parametrisation.mean_remainder(process.structure, now, *others)
        return (mean.skip, mean.out) + (() if mean.given_start is None else (mean.given_start,))


def flow_map(fields: LearnedFields, t: Tensor | float, x: Tensor, s: Tensor | float) -> Tensor:
    """``X_{t,s}(x) = x + (s - t) v(t, x, s)``: where the flow carries x from t to s, in one call of the network.

    Args:
        fields: learned by an objective with ``two_times``, and given their conditions.
        t: the times of x in [0, 1], shape (B,) or ().
        x: states, shape (B, *event).
        s: the times asked for in [0, 1], shape (B,) or (); before t or after it.

    Raises:
        UsageError: fields of one time, times outside of [0, 1], or conditions that are missing.
    """
    if not isinstance(fields, LearnedFields) or not fields.predictor.two_times:
        raise UsageError("these fields have no flow map", fix="learn them by an objective with `two_times`")
    fields.check_conditions(len(x))
    times = [given_times(time, x).to(x).expand(len(x)) for time in (t, s)]
    mean = CalledField(fields, fields.names.index("velocity"), fields.condition)(times[0], x, s=times[1])
    return x + torch.as_tensor(spread(times[1] - times[0], x)) * mean
