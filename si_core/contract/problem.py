"""Problems: what an integrator sees of an initial value problem.

    ODE   ``dX = drift(t, X) dt``            SDE   ``dX = drift(t, X) dt + noise(t) dW``   (Itô)

A problem gives its drift. All else has a default, which is right for any drift and which a problem that knows more of
itself replaces by something faster: nobody asks whether a problem has a method.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from si_core.contract.drift_parts import DriftFunction, DriftParts
from si_core.errors import UsageError

__all__ = ["LinearPart", "Problem"]

Made = TypeVar("Made")


@dataclass(frozen=True)
class LinearPart:
    """A part of a drift that is linear in x, and known: ``drift(x) = rate x + drive m(x)`` with m of order 1.

    With a centre it is ``centre' + rate (x - centre) + drive m(x)``. A method that integrates it without error is left
    with the changes of m. All are float64, shape (N,), per unit of clock.

    Args:
        rate: of x.
        drive: what m is multiplied with; about 0 where the drift says nothing of m.
        noise_squared: ``g^2``, with g the noise; 0 for an ODE.
        variance: ``C > 0`` where ``rate = C'/(2C) - g^2/(2C)`` forward, and with ``+`` backward: the rate of a Gaussian
            law whose variance about its mean is C, however fast it changes. None where the rate has no such form.
        centre: shape (N, *event); None for 0.
        centre_rate: its change per unit of clock, shape (N, *event).
    """

    rate: Tensor
    drive: Tensor
    noise_squared: Tensor
    variance: Tensor | None = None
    centre: Tensor | None = None
    centre_rate: Tensor | None = None


class Problem(ABC):
    """An initial value problem. Times are numbers in its own clock; states have shape (B, *event).

    Author: :meth:`drift`, and :meth:`noise` where there is some. A problem that changes little of another one is a
    :class:`~si_core.contract.problem_wrapper.ProblemWrapper` of it.

    What says something of the drift or of the noise holds for those that it was written for. So where a class gives one
    of these anew, it has what follows from it by default again, and not from the class that it inherits from:

    * :meth:`drift_parts` follows :meth:`drift`, and :meth:`drift` follows :meth:`drift_parts`: one of them is enough;
    * :meth:`divergence` follows both;
    * :meth:`linear` follows these and :meth:`noise`;
    * :meth:`memo` follows these and :meth:`linear`.

    A class for which the inherited ones still hold says so: ``divergence = Base.divergence``.
    """

    start: float = 0.0
    """The time of the initial state."""

    stop: float = 1.0
    """The time to reach; below :attr:`start` for a backward problem."""

    stochastic: bool = False
    """Whether the noise is not 0 throughout."""

    _FOLLOW: ClassVar[dict[str, tuple[str, ...]]] = {
        "divergence": ("drift", "drift_parts"),
        "linear": ("drift", "drift_parts", "noise"),
        "memo": ("drift", "drift_parts", "noise", "linear"),
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        names = ("drift", "drift_parts", "noise", *cls._FOLLOW)
        # How far up the line of ancestors each one stands: the nearest one holds.
        rank = {name: next(k for k, base in enumerate(cls.__mro__) if name in vars(base)) for name in names}
        anew: dict[str, Callable[..., Any]] = {
            name: vars(Problem)[name]
            for name, leaders in cls._FOLLOW.items()
            if any(rank[leader] < rank[name] for leader in leaders)
        }
        if rank["drift"] < rank["drift_parts"]:
            anew["drift_parts"] = _parts_by_drift(cls)
        elif rank["drift_parts"] < rank["drift"]:
            anew["drift"] = _drift_by_parts(cls)
        for name, method in anew.items():
            setattr(cls, name, method)

    @abstractmethod
    def drift(self, time: float, x: Tensor) -> Tensor:
        """The drift at a time, shape of x; it may be a network's own output, which the caller must not change."""

    def noise(self, time: float) -> float:
        """The size g of the noise at a time, per root of a unit of clock; of a transport ``sqrt(2 epsilon dt/du)``.

        By default 0, as for every ODE.

        Raises:
            UsageError: the problem is stochastic, and does not say how large its noise is.
        """
        if self.stochastic:
            raise UsageError(
                "a stochastic problem says how large its noise is",
                where=type(self).__name__,
                got="stochastic = True, and no noise",
                fix="write noise(self, time) -> float",
            )
        return 0.0

    def prepare(self, times: Sequence[float], x: Tensor) -> None:  # noqa: B027
        """Compute the scalars at these times at once, for states like x, before the loop. By default nothing.

        Methods call it where they know their times beforehand, for speed; the drift may be asked at other times.
        """

    def drift_parts(self) -> DriftFunction:
        """The drift at ``(time, x)``, in parts, as a function; methods ask for it once, before their loop.

        By default ``1 drift + 0 x``, at the cost of the drift. A problem whose drift is ``weight output + rate x``
        saves its callers a tensor of the size of x for each evaluation by giving it in these parts.
        """
        return _parts_by_drift(type(self))(self)

    def divergence(self, time: float, x: Tensor, probes: Tensor | None = None) -> tuple[Tensor, Tensor] | None:
        """The drift with its divergence in x, for less than differentiating :meth:`drift` costs.

        Both can be differentiated further where gradient mode is on. By default None: no such way is known, and who
        needs it differentiates, at the cost of ``prod(event)`` backward passes, or one for each probe.

        Args:
            time: the time.
            x: the states, shape (B, *event).
            probes: v, shape (K, B, *event); None for the exact divergence.

        Returns:
            The drift, shape of x, and ``div drift``, shape (B,), or ``v . J v`` of each probe, shape (B, K), with J the
            Jacobian of the drift in x; or None.
        """
        return None

    def linear(self, times: Sequence[float], spread: float | None = None) -> LinearPart:
        """The part of the drift that is linear in x, for exponential methods; asked for once for a grid.

        By default there is none: ``rate = 0``, ``drive = 1``, so that m is the drift itself.

        Args:
            times: N times.
            spread: the standard deviation of the target about its modes, above 0; None where it is not known.
        """
        nothing = torch.zeros(len(times), dtype=torch.float64)
        if not self.stochastic:
            return LinearPart(nothing, nothing + 1, nothing)
        noise = torch.tensor([float(self.noise(time)) for time in times], dtype=torch.float64)
        return LinearPart(nothing, nothing + 1, noise.square())

    def memo(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What ``make()`` gave under this key before, for what a method computes of the scalars of a grid.

        By default it is made each time; a problem that is solved for many batches of states keeps some of it.
        """
        return make()

    def head(self, rows: int) -> Problem | None:
        """The same problem for the first rows of its states alone, for methods that make a trial run on a few.

        By default None: a problem may be bound to its rows, such as by a condition for each, and then only it can say
        what some of them are. The trial run takes all rows.
        """
        return None


def _parts_by_drift(cls: type[Problem]) -> Callable[[Problem], DriftFunction]:
    # By the drift of this class: one that inherits may call this from a drift of its own.
    def drift_parts(self: Problem) -> DriftFunction:
        return lambda time, x: DriftParts(cls.drift(self, time, x), x)

    return drift_parts


def _drift_by_parts(cls: type[Problem]) -> Callable[[Problem, float, Tensor], Tensor]:
    def drift(self: Problem, time: float, x: Tensor) -> Tensor:
        """The drift at a time, shape of x."""
        return cls.drift_parts(self)(time, x).value()

    return drift
