"""A wanted field as a combination of known ones, at given times.

At one time the coefficients of a field are a vector over the basis, and the combination is a linear system:

    ``w = sum_k c_k r_k + c_x xi + c_0 (vector of x0) + (zero combinations)``

The vectors of x, of a given x0 and of what is zero are *free*: what is left of all others at right angles to them is
solved for the weights ``c_k``, and those of the free ones follow.

No solution depends on the units of x0, x1 and z, nor on those of the fields. Near an end some entries are many powers
of the distance smaller than others (``alpha = (1-t)^3``), so vectors and basis are first brought to entries of about 1:
those that are independent look so then, as far as their entries have digits. What remains dependent within rounding is
dependent by the structure of the process, and of the many solutions the smallest is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.schedule import Schedule
from si_core.process.coefficients import Structure, stack

__all__ = ["ROUNDING", "CoefficientFunction", "Combination", "LinearSystem", "combination", "system_at"]

CoefficientFunction = Callable[[Schedule], Tensor]
"""The coefficients of a known or wanted field at the times of a schedule, shape (N, basis)."""

_ENTRY = 16 * torch.finfo(torch.float64).eps
"""By how much an entry of a vector, of about 1, is off: it is made of a dozen operations."""

ROUNDING = 32 * _ENTRY
"""Singular values of vectors with entries of about 1 are 0 below: of four vectors they are off by four entries, and as
much again is to spare as leaves a weight two digits."""

_SWEEPS = 2
"""Of equilibration: the first brings every vector and basis element to 1, the second mends what the basis did."""


@dataclass(frozen=True)
class LinearSystem:
    """The coefficients of wanted, known and free fields at N times, each a vector; ones where ``valid`` is False.

    Args:
        wanted: shape (N, basis).
        known: shape (N, K, basis).
        free: shape (N, F, basis): zero combinations, then those of x0 and of x.
        has: whether x and x0 are among the free vectors.
        valid: where all is finite and inside of (0, 1), shape (N,).
    """

    wanted: Tensor
    known: Tensor
    free: Tensor
    has: tuple[bool, bool]
    valid: Tensor

    def of(self, indices: Sequence[int]) -> LinearSystem:
        """Of the known vectors those with these indices."""
        return LinearSystem(self.wanted, self.known[:, list(indices)], self.free, self.has, self.valid)


@dataclass(frozen=True)
class Combination:
    """What :func:`combination` finds at N times.

    Args:
        weights: of the K known fields, of x, and of x0, shape (N, K + 2); not a number where coefficients are not
            finite.
        error: by how much rounding may move each of them, of the same shape.
        residual: how much of the wanted field is out of reach, relative to its size, shape (N,).
        singular: the singular values of the known vectors, equilibrated, at right angles to the free ones, shape
            (N, min(K, basis)) in falling order; the determinant of K independent vectors is their product.
    """

    weights: Tensor
    error: Tensor
    residual: Tensor
    singular: Tensor

    @property
    def size(self) -> Tensor:
        """The largest weight in absolute value, shape (N,)."""
        return self.weights.abs().amax(-1)

    def __getitem__(self, part: slice) -> Combination:
        """At some of the times."""
        return Combination(self.weights[part], self.error[part], self.residual[part], self.singular[part])


def system_at(
    structure: Structure, known: Sequence[CoefficientFunction], wanted: CoefficientFunction, s: Schedule
) -> LinearSystem:
    """The coefficients at the times of a schedule."""
    target = wanted(s)
    nothing = target.new_zeros(len(s.u), 0, target.shape[-1])
    vectors = torch.stack([function(s) for function in known], -2) if known else nothing
    position, given_start = structure.position_coefficients(s), structure.given_start_coefficients()
    free = [
        stack(vector, s) for vector in (*structure.zero_combinations(s), given_start, position) if vector is not None
    ]
    basis = torch.stack(free, -2) if free else nothing
    # At the ends vectors may lose rank, so a limit from inside is the only meaning there.
    valid = (s.u > 0) & (s.u < 1)
    for part in (target, vectors, basis):
        valid = valid & torch.isfinite(part).flatten(1).all(1)
    target, vectors, basis = (_where(valid, part) for part in (target, vectors, basis))
    return LinearSystem(target, vectors, basis, (position is not None, given_start is not None), valid)


def combination(system: LinearSystem) -> Combination:
    """The smallest weights that give the wanted vector, or what is nearest to it."""
    count = system.known.shape[1]
    scaled, sizes, units = _equilibrated(torch.cat([system.known, system.free], 1))
    wanted = system.wanted / units
    of_wanted = _or_one(wanted.abs().amax(-1, keepdim=True))
    wanted = wanted / of_wanted
    known, free, axes = scaled[:, :count], scaled[:, count:].unbind(1), list[tuple[Tensor, Tensor]]()
    for vector in free:
        # Twice is enough: what rounding left along the axes the first time is gone after the second.
        axes.append(_axis(_outside(_outside(vector, axes), axes)))
    target, unknown = _outside(wanted, axes), _outside(known, axes)
    of_known, singular = _solved(unknown, target, sizes[:, :count])
    missed = (target - _dot(of_known, unknown)).norm(dim=-1)
    rest, found = wanted - _dot(of_known, known), list[Tensor]()
    for (axis, length), vector in zip(reversed(axes), reversed(free), strict=True):
        found.append((rest * axis).sum(-1, keepdim=True) / length)
        rest = rest - found[-1] * vector
    solution = torch.cat([of_known, *reversed(found)], -1)
    least = torch.where(singular > ROUNDING, singular, 1.0).amin(-1, keepdim=True) if count else 1.0
    back = of_wanted / sizes
    weights = _valued(solution * back, count, system.has)
    error = _valued(_ENTRY * solution.abs().amax(-1, keepdim=True) / least * back, count, system.has)
    weights = torch.where(system.valid.unsqueeze(-1), weights, torch.nan)
    return Combination(weights, error, _ratio(missed, wanted.norm(dim=-1)), singular)


def _valued(numbers: Tensor, count: int, has: tuple[bool, bool]) -> Tensor:
    """Of numbers for all vectors (N, R), known and free, those for the known ones, for x, and for x0; (N, K + 2)."""
    of_free, zero = iter(reversed(numbers[:, count:].unbind(-1))), numbers.new_zeros(len(numbers))
    return torch.cat([numbers[:, :count], torch.stack([next(of_free) if it else zero for it in has], -1)], -1)


def _axis(vector: Tensor) -> tuple[Tensor, Tensor]:
    """The direction of a vector (N, basis) and its length (N, 1); direction 0 and length 1 where it is 0."""
    length = vector.norm(dim=-1, keepdim=True)
    there = length > ROUNDING
    length = torch.where(there, length, 1.0)
    return torch.where(there, vector / length, 0.0), length


def _equilibrated(vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors (N, R, basis) with entries of about 1: ``vectors = sizes scaled units``.

    Returns:
        scaled, shape (N, R, basis); sizes (N, R); units (N, basis).
    """
    sizes, units = vectors.new_ones(vectors.shape[:2]), vectors.new_ones(vectors.shape[0], vectors.shape[2])
    scaled = vectors
    for _ in range(_SWEEPS if vectors.shape[1] else 0):
        largest = _or_one(scaled.abs().amax(-1))
        scaled, sizes = scaled / largest.unsqueeze(-1), sizes * largest
        largest = _or_one(scaled.abs().amax(1))
        scaled, units = scaled / largest.unsqueeze(1), units * largest
    return scaled, sizes, units


def _solved(vectors: Tensor, target: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Weights c (N, K) with ``c vectors = target``, of which ``c/sizes`` is smallest, and the singular values.

    Args:
        vectors: shape (N, K, basis), with entries of about 1.
        target: shape (N, basis).
        sizes: shape (N, K).
    """
    count = vectors.shape[1]
    if count == 0:
        return sizes, sizes
    if count == 1:
        axis, length = _axis(vectors.squeeze(1))
        return (axis * target).sum(-1, keepdim=True) / length, vectors.norm(dim=-1)
    left, singular, right = torch.linalg.svd(vectors, full_matrices=False)
    counts = singular > ROUNDING
    along = (right @ target.unsqueeze(-1)).squeeze(-1) * torch.where(counts, 1 / singular, 0.0)
    weights = (left @ along.unsqueeze(-1)).squeeze(-1)
    spare = counts.sum(-1, keepdim=True) < count
    if bool(spare.any()):
        weights = torch.where(spare, _smallest(left * counts.unsqueeze(-2), along, sizes, weights), weights)
    return weights, singular


def _smallest(left: Tensor, along: Tensor, sizes: Tensor, weights: Tensor) -> Tensor:
    """Of all weights with these parts along the left singular vectors that count, those with the smallest ``c/sizes``.

    Vectors that vanish at an end have tiny sizes. Where one vector is spare it is taken out of a solution, otherwise
    the
    solution is built of those that count: neither loses digits to how far the sizes are apart.
    """
    spare = torch.eye(left.shape[1], dtype=left.dtype, device=left.device) - left @ left.mT
    index = spare.norm(dim=1).argmax(-1).reshape(-1, 1, 1).expand(-1, left.shape[1], 1)
    vector = spare.gather(2, index).squeeze(-1)
    steep = vector / sizes
    one = weights - vector * _ratio((steep * weights / sizes).sum(-1), steep.square().sum(-1)).unsqueeze(-1)
    constraints = left.mT * sizes.unsqueeze(-2)
    lengths = _or_one(constraints.abs().amax(-1))
    inverse = torch.linalg.pinv(constraints / lengths.unsqueeze(-1))
    many = (inverse @ (along / lengths).unsqueeze(-1)).squeeze(-1) * sizes
    single = (spare.diagonal(dim1=-2, dim2=-1).sum(-1) < 1.5).unsqueeze(-1)
    return torch.where(single, one, many)


def _dot(weights: Tensor, vectors: Tensor) -> Tensor:
    return (weights.unsqueeze(-2) @ vectors).squeeze(-2)


def _outside(part: Tensor, axes: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """What is left of vectors (N, ..., basis) at right angles to the axes, each (N, basis)."""
    for axis, _ in axes:
        along = axis if part.ndim == 2 else axis.unsqueeze(-2)
        part = part - (part * along).sum(-1, keepdim=True) * along
    return part


def _or_one(sizes: Tensor) -> Tensor:
    return torch.where(sizes > 0, sizes, 1.0)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return part / _or_one(whole)


def _where(valid: Tensor, part: Tensor) -> Tensor:
    if part.shape[1:].numel() == 0:
        return part
    mask = valid.reshape(-1, *(1 for _ in part.shape[1:]))
    return torch.where(mask, part, torch.ones_like(part))
