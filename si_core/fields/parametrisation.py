"""How a network's output stands for a field: in which clock, and beside which known part of it.

    ``field(u, x) = c_skip(u) x + c_out(u) network(u, x)   [+ c_0(u) x0  where x0 is given]``

With preconditioning ``c_skip`` is the best linear guess of the field from x for data of unit variance and ``c_out`` the
size of what remains, so that every network learns a target of about unit variance and the guess is exact where x says
all (Karras et al., arXiv 2206.00364, section 5, for any field instead of the denoiser alone). In a one-sided process
and
in a mirror all fields then have the same remainder, whose coefficients are smooth in time: none is singular at either
end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.schedule import Scalar, Schedule
from si_core.process.coefficients import Coefficients, Structure, per_time, stack

__all__ = ["MeanRemainder", "Parametrisation", "Remainder"]

_ROUNDING = 8 * torch.finfo(torch.float64).eps
_NEAR = 1e-5
"""Two times so near have a difference quotient with eleven digits, and the midpoint rule has ten."""


@dataclass(frozen=True)
class Remainder:
    """``field_coefficients = c_skip xi + c_out coefficients + c_0 (those of x0)`` up to combinations that are zero.

    Each part is computed when it is asked for: a completion needs the network's coefficients alone, training the rest.

    Args:
        field_coefficients: those of the field.
        position: xi, those of x, without what is zero or given; None where nothing is taken out.
        zeros: what is zero or given, of unit length and at right angles.
        of_given_start: the coefficients of x0 in the field and in x; None where x0 is not given.
        schedule: the times.
    """

    field_coefficients: Coefficients
    position: Coefficients | None
    zeros: Sequence[Coefficients]
    of_given_start: tuple[Scalar, Scalar] | None
    schedule: Schedule

    @property
    def skip(self) -> Tensor:
        """``c_skip``, shape (N,)."""
        return torch.zeros_like(self.schedule.u) if self.position is None else per_time(self._skip, self.schedule)

    @property
    def out(self) -> Tensor:
        """``c_out``, shape (N,); of either sign, and 0 where x says all."""
        if self.position is None:
            return torch.ones_like(self.schedule.u)
        out: Scalar = 0.0
        if not self.zeros:
            out = torch.as_tensor(_dot(self._direction, self._direction)).sqrt()
        elif len(self.zeros) == 1:
            out = _dot(self.field_coefficients, self._direction) / torch.as_tensor(self._square).sqrt()
        return per_time(out, self.schedule)

    @property
    def given_start(self) -> Tensor | None:
        """``c_0``, shape (N,); None where x0 is not given."""
        if self.position is None or self.of_given_start is None:
            return None
        in_field, in_position = self.of_given_start
        return per_time(in_field - self._skip * in_position, self.schedule)

    @property
    def coefficients(self) -> Tensor:
        """The network's own coefficients, shape (N, basis): of unit length, 0 where it learns nothing: x says all."""
        whole = stack(self.field_coefficients, self.schedule)
        if self.position is None:
            return whole
        # Where x says almost all, little is left but rounding in the elements that x has most of; a second time at
        # right angles to x has digits in all.
        factor = _dot(self._direction, self.position) / torch.as_tensor(self._square)
        direction = stack(_subtract(self._direction, factor, self.position), self.schedule)
        terms = whole * direction
        nothing = terms.sum(-1).abs() <= _ROUNDING * terms.abs().sum(-1)
        unit = direction / direction.square().sum(-1, keepdim=True).sqrt()
        return unit.masked_fill(nothing.unsqueeze(-1), 0.0)

    @cached_property
    def _square(self) -> Scalar:
        return _dot(self.position or (), self.position or ())

    @cached_property
    def _skip(self) -> Scalar:
        return _dot(self.field_coefficients, self.position or ()) / self._square

    @cached_property
    def _direction(self) -> Coefficients:
        """The direction of the network's own coefficients, of any length."""
        xi = self.position or ()
        match self.zeros:
            case []:
                return _subtract(self.field_coefficients, self._skip, xi)
            case [zero]:
                # One direction is left, the same for every field. Taken from x and not from the field, it does not
                # turn round where the field's part along it passes through 0. It is as long as xi.
                return _cross(xi, zero)
            case _:
                return (0.0,) * len(self.field_coefficients)


@dataclass(frozen=True)
class MeanRemainder:
    """``mean velocity = skip x + out network + given_start x0`` from t to s.

    The known part is the map of the Gaussian pair of unit variance: with ``C = alpha^2 + beta^2 + gamma^2`` it carries
    x to ``(C_s/C_t)^(1/2) x``, and an x0 that is given by as much as the mean moves. At s = t all are those of the
    velocity, and the network's part of the map vanishes.

    Args:
        skip: shape (N,).
        out: shape (N,).
        given_start: shape (N,); None where x0 is not given.
    """

    skip: Tensor
    out: Tensor
    given_start: Tensor | None


@dataclass(frozen=True)
class Parametrisation:
    """The clock in which fields are learned, and whether networks learn the remainder beside x.

    Args:
        clock: networks are given positions in this clock, and velocities are learned per unit of it.
        precondition: whether the known part is taken out.
    """

    clock: Clock
    precondition: bool

    def remainder(self, structure: Structure, field: str | Coefficients, s: Schedule) -> Remainder:
        """The split of a field, by its name or its coefficients, at the times of a schedule in :attr:`clock`."""
        coefficients = structure.coefficients(field, s) if isinstance(field, str) else field
        xi = structure.position_coefficients(s) if self.precondition else None
        if xi is None:
            return Remainder(coefficients, None, [], None, s)
        given_start, zeros, of_given_start = structure.given_start_coefficients(), structure.zero_combinations(s), None
        if given_start is not None:
            of_given_start = (_dot(coefficients, given_start), _dot(xi, given_start))
            zeros = [*zeros, given_start]
        for zero in zeros:
            xi = _subtract(xi, _dot(xi, zero), zero)
        return Remainder(coefficients, xi, zeros, of_given_start, s)

    def mean_remainder(self, structure: Structure, now: Schedule, middle: Schedule, then: Schedule) -> MeanRemainder:
        """The split of the mean velocity between two times of :attr:`clock`; see :class:`MeanRemainder`.

        Args:
            structure: the process's structure.
            now: the scalars at t.
            middle: those half way between.
            then: those at s.
        """
        at_now, at_middle = (self.remainder(structure, "velocity", s) for s in (now, middle))
        if not self.precondition or structure.position_coefficients(now) is None:
            return MeanRemainder(at_now.skip, at_now.out, at_now.given_start)
        (size, given), (last_size, last_given) = (self._spread_and_given(structure, s) for s in (now, then))
        growth, span = last_size / size, then.u - now.u
        near = span.abs() < _NEAR
        length = torch.where(near, 1.0, span)
        # Where the difference quotient has lost its digits, the midpoint rule errs by the square of the span.
        half = 0.5 * at_middle.skip * span
        skip = torch.where(near, at_middle.skip * (1 + half), (growth - 1) / length)
        if at_now.given_start is None or at_middle.given_start is None:
            return MeanRemainder(skip, at_now.out, None)
        given_start = torch.where(near, at_middle.given_start * (1 + half), (last_given - growth * given) / length)
        return MeanRemainder(skip, at_now.out, given_start)

    def _spread_and_given(self, structure: Structure, s: Schedule) -> tuple[Tensor, Tensor]:
        """The standard deviation of x for data of unit variance, beside a given x0, and the coefficient of that."""
        xi = structure.position_coefficients(s) or ()
        given_start = structure.given_start_coefficients()
        given = 0.0 if given_start is None else _dot(xi, given_start)
        for known in structure.zero_combinations(s) + ([] if given_start is None else [given_start]):
            xi = _subtract(xi, _dot(xi, known), known)
        return per_time(_dot(xi, xi), s).sqrt(), per_time(given, s)


# A training step does this for a batch of times. Element by element, without those that are 0 at all times, it costs a
# tenth of what one tensor of shape (N, basis) does.


def _is_zero(scalar: Scalar) -> bool:
    return isinstance(scalar, float) and scalar == 0.0


def _dot(first: Coefficients, second: Coefficients) -> Scalar:
    """``sum_i first_i second_i``."""
    terms = [p * q for p, q in zip(first, second, strict=True) if not (_is_zero(p) or _is_zero(q))]
    return sum(terms[1:], start=terms[0]) if terms else 0.0


def _subtract(one: Coefficients, factor: Scalar, other: Coefficients) -> Coefficients:
    """``one - factor other``."""
    if _is_zero(factor):
        return one
    return tuple(p if _is_zero(q) else p - factor * q for p, q in zip(one, other, strict=True))


def _cross(first: Coefficients, second: Coefficients) -> Coefficients:
    """The coefficients at right angles to two of three elements."""
    (a, b, c), (p, q, r) = first, second
    return tuple(_dot((x, -y), (v, w)) for x, v, y, w in ((b, r, c, q), (c, p, a, r), (a, q, b, p)))
