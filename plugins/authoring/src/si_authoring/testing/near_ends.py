"""What functions of a clock do near its ends, where training draws times and a regular grid has none.

Of uniform draws of a clock position one in 500,000 comes within 1e-6 of an end: a training run has some of them. There
every coefficient has to be finite, and smooth: a function ``f - f(end) ~ c v^p`` of the distance v to the end has
a bounded derivative for p >= 1, and has no root in it for whole p.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from si_authoring.testing.check import Violation
from si_core import Clock

__all__ = ["exponents", "near_ends", "refuse_infinite"]

_NEAREST, _NEAR, _POSITIONS = -6.0, -3.0, 25
_DISTANCE = 3e-4
"""Where an exponent is looked at: the next term of the expansion changes it by about as much, and rounding by less."""


def near_ends() -> Tensor:
    """Positions from 1e-6 to 1e-3 from both ends, evenly by their logarithms, float64."""
    near = torch.logspace(_NEAREST, _NEAR, _POSITIONS, dtype=torch.float64)
    return torch.cat([near, 1 - near])


def refuse_infinite(coefficients: Mapping[str, Tensor], u: Tensor, clock: Clock) -> None:
    """Name the first coefficient that is not finite.

    Args:
        coefficients: each (N,) by its name.
        u: the positions, shape (N,).
        clock: of the positions.

    Raises:
        Violation: a coefficient is not finite.
    """
    for name, values in coefficients.items():
        broken = (~torch.isfinite(values)).nonzero()
        if len(broken):
            row = int(broken[0])
            position, end = float(u[row]), int(float(u[row]) > 0.5)
            near = f"{1 - position if end else position:.3g} from u = {end}"
            raise Violation(
                f"{name} is {float(values[row])} at {near} of its clock {clock!r}, where training draws times: "
                "write it so that no digits are lost there, or declare another `clock`"
            )


def exponents(function: Callable[[Tensor], Tensor], clock: Clock) -> Iterator[tuple[int, float]]:
    """The exponent p of a function of time near both ends of a clock, by the end; none where it is constant there.

    Args:
        function: of times (N,), with a limit at both ends.
        clock: the clock.
    """
    for end in (0, 1):
        v = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64) * _DISTANCE
        values = torch.as_tensor(function(clock.time(v if end == 0 else 1 - v)), dtype=torch.float64).expand_as(v)
        near, far = (values[1:] - values[0]).abs().tolist()
        if near > 0 and far > 0 and math.isfinite(near) and math.isfinite(far):
            yield end, math.log2(far / near)
