"""Coefficients of the fields of spatially linear processes, and combinations, in 160 digits, near the ends and between.

Written from the table of fields in :mod:`si_core.process.coefficients`, and solved by Cramer's rule, which no
cancellation hurts at this precision: what a weight does at an end is read off where it is far beyond doubt. mpmath
comes with torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath as mp

__all__ = ["PATHS", "HighPrecision", "Path"]

mp.mp.dps = 160

Real = Callable[[mp.mpf], mp.mpf]
Vector = tuple[mp.mpf, ...]
Path = str | tuple[float, float]
"""A path of si-interpolants by name, or the powers of ``alpha = (1-t)^p``, ``beta = t^q``."""

_ZERO, _ONE, _ROUNDING = mp.mpf(0), mp.mpf(1), mp.mpf(10) ** -140
_NEAR = (mp.mpf("1e-6"), mp.mpf("1e-7"))
_BETWEEN = (mp.mpf("0.137"), mp.mpf("0.4713"), mp.mpf("0.8391"))


def _logistic(x: mp.mpf) -> mp.mpf:
    return 1 / (1 + mp.exp(-x))


LATENTS: dict[str, Real] = {
    "none": lambda t: _ZERO,
    "brownian": lambda t: mp.sqrt(t * (1 - t)),
    "quadratic": lambda t: t * (1 - t),
    "sine-squared": lambda t: mp.sin(mp.pi * t) ** 2 / 2,
    "sigmoid-bump": lambda t: (
        _logistic(10 * t - 4) - _logistic(10 * t - 6) - _logistic(mp.mpf(-4)) + _logistic(mp.mpf(-6))
    ),
    "wiener": lambda t: (1 - t) * mp.sqrt(t),
}
"""As the tests build them: ``sine-squared`` of scale 1/2, all others of scale 1."""

PATHS: dict[str, tuple[Real, Real]] = {
    "linear": (lambda t: 1 - t, lambda t: t),
    "trigonometric": (lambda t: mp.cos(mp.pi * t / 2), lambda t: mp.sin(mp.pi * t / 2)),
    "variance-preserving": (lambda t: mp.sqrt(1 - t * t), lambda t: t),
    "variance-matched-trigonometric": (lambda t: mp.cos(mp.pi * t / 2), lambda t: mp.sin(mp.pi * t / 2)),
}

CLOCKS: dict[tuple[int, int], Real] = {
    (1, 1): lambda u: u,
    (2, 2): lambda u: mp.sin(mp.pi * u / 2) ** 2,
    (1, 2): lambda u: mp.sin(mp.pi * u / 2),
    (2, 1): lambda u: 1 - mp.cos(mp.pi * u / 2),
}


def _dot(a: Vector, b: Vector) -> mp.mpf:
    return mp.fsum(x * y for x, y in zip(a, b, strict=True))


def _less(a: Vector, factor: mp.mpf, b: Vector) -> Vector:
    return tuple(x - factor * y for x, y in zip(a, b, strict=True))


def _outside(vector: Vector, free: Sequence[Vector]) -> Vector:
    """What is left of a vector at right angles to others, which are so to each other; 0 where that is rounding."""
    rest = vector
    for axis in free:
        rest = _less(rest, _dot(rest, axis) / _dot(axis, axis), axis)
    return rest if _dot(rest, rest) > _ROUNDING**2 * _dot(vector, vector) else (_ZERO,) * 3


@dataclass(frozen=True)
class _Vectors:
    """Coefficients by field, and ``drift``: whole, and at right angles to x and to what is zero; those of x."""

    whole: dict[str, Vector]
    outside: dict[str, Vector]
    position: Vector


class HighPrecision:
    """A process between Gaussians.

    Args:
        path: its interpolant.
        latent: its latent.
        orders: those of the clock that velocities and weights are meant in.
        one_sided: whether the source is a standard normal.
        precondition: whether networks learn the remainder beside x, of unit length.
        level: of the noise: ``ODE``, ``constant`` (1/2), or ``gamma``.
    """

    def __init__(
        self, path: Path, latent: str, orders: tuple[int, int], one_sided: bool, precondition: bool, level: str
    ) -> None:
        self.gamma, self.time = LATENTS[latent], CLOCKS[orders]
        self.latent, self.one_sided, self.precondition, self.level = latent != "none", one_sided, precondition, level
        if isinstance(path, str):
            self.alpha, self.beta = PATHS[path]
        else:
            p, q = map(mp.mpf, path)
            self.alpha, self.beta = (lambda t: (1 - t) ** p), (lambda t: t**q)
        self.shrink = (lambda t: mp.sqrt(1 - self.gamma(t) ** 2)) if path == "variance-matched-trigonometric" else None
        self._known: dict[mp.mpf, _Vectors] = {}

    def _scalars(self, u: mp.mpf) -> tuple[mp.mpf, ...]:
        shrink = self.shrink or (lambda t: _ONE)
        functions = (lambda t: shrink(t) * self.alpha(t), lambda t: shrink(t) * self.beta(t), self.gamma)
        t = self.time(u)
        values = [f(t) for f in functions]
        rates = [mp.diff(lambda v, f=f: f(self.time(v)), u) for f in functions]
        return (*values, *rates, mp.diff(self.time, u))

    def vectors(self, u: mp.mpf) -> _Vectors:
        """The coefficients of all fields at a time, made once."""
        if u not in self._known:
            self._known[u] = self._vectors(u)
        return self._known[u]

    def _vectors(self, u: mp.mpf) -> _Vectors:
        alpha, beta, gamma, alpha_rate, beta_rate, gamma_rate, rate = self._scalars(u)
        vectors = {
            "velocity": (alpha_rate, beta_rate, gamma_rate),
            "interpolant-velocity": (alpha_rate, beta_rate, _ZERO),
            "source-denoiser": (_ONE, _ZERO, _ZERO),
            "target-denoiser": (_ZERO, _ONE, _ZERO),
        }
        free = [(alpha, beta, gamma)]
        if self.one_sided:
            variance = alpha**2 + gamma**2
            vectors["score"] = (-alpha / variance, _ZERO, -gamma / variance)
            vectors["denoiser"] = (_ZERO, _ZERO, _ONE) if self.latent else (_ONE, _ZERO, _ZERO)
            free.insert(0, (gamma, _ZERO, -alpha))
        elif self.latent:
            vectors["score"], vectors["denoiser"] = (_ZERO, _ZERO, -1 / gamma), (_ZERO, _ZERO, _ONE)
        else:
            free.insert(0, (_ZERO, _ZERO, _ONE))
        noise = {"ODE": _ZERO, "constant": _ONE / 2, "gamma": gamma if self.latent else alpha}[self.level]
        drift = _less(vectors["velocity"], -rate * noise, vectors["score"]) if noise else vectors["velocity"]
        if self.precondition:
            for name, vector in vectors.items():
                rest = _outside(vector, free)
                size = mp.sqrt(_dot(rest, rest))
                vectors[name] = tuple(part / size for part in rest) if size else rest
        vectors["drift"] = drift
        return _Vectors(vectors, {name: _outside(vector, free) for name, vector in vectors.items()}, free[-1])

    def size(self, names: Sequence[str], u: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
        """The largest of the smallest weights of up to two fields and of x, and the square of what is missed."""
        of = self.vectors(u)
        rest, target = of.whole["drift"], of.outside["drift"]
        size = _dot(rest, rest) or _ONE
        known = [of.outside[name] for name in names]
        weights = _smallest(known, target)
        for weight, name, part in zip(weights, names, known, strict=True):
            rest, target = _less(rest, weight, of.whole[name]), _less(target, weight, part)
        of_x = _dot(rest, of.position) / _dot(of.position, of.position)
        return max(abs(number) for number in (*weights, of_x)), _dot(target, target) / size

    def reaches(self, names: Sequence[str]) -> bool:
        """Whether the drift is a combination of these fields and of x."""
        return all(self.size(names, u)[1] < mp.mpf(10) ** -40 for u in _BETWEEN)

    def unbounded(self, names: Sequence[str]) -> tuple[bool, bool]:
        """Whether the weights grow at t = 0 and at t = 1: by no more than 1.2, or by sqrt(10), in a tenth."""
        found = []
        for end in (0, 1):
            far, near = (self.size(names, u if end == 0 else 1 - u)[0] for u in _NEAR)
            growth = near / far if far > mp.mpf(10) ** -60 else _ONE
            assert growth < 1.2 or growth > 2.5, "neither: not near enough to tell"
            found.append(bool(growth > 2))
        return found[0], found[1]

    def growth(self, names: Sequence[str], pole: float) -> float:
        """By how much the weights grow in a hundredth of the distance to a time, on the side where it is more."""
        sides = []
        for sign in (-1, 1):
            far, near = (self.size(names, mp.mpf(pole) + sign * mp.mpf(d))[0] for d in ("1e-6", "1e-8"))
            sides.append(float(near / (far or _ONE)))
        return max(sides)


def _smallest(vectors: Sequence[Vector], target: Vector) -> list[mp.mpf]:
    if not vectors:
        return []
    sizes = [_dot(vector, vector) for vector in vectors]
    along = [_dot(vector, target) for vector in vectors]
    if len(vectors) == 1:
        return [along[0] / sizes[0]] if sizes[0] else [_ZERO]
    product = _dot(*vectors)
    determinant, total = sizes[0] * sizes[1] - product**2, sum(sizes)
    if determinant > _ROUNDING * sizes[0] * sizes[1]:
        first, second = sizes[1] * along[0] - product * along[1], sizes[0] * along[1] - product * along[0]
        return [first / determinant, second / determinant]
    # Dependent vectors: the Gram matrix has rank 1, its pseudo-inverse is the matrix over the square of its trace.
    if not total:
        return [_ZERO, _ZERO]
    first, second = sizes[0] * along[0] + product * along[1], product * along[0] + sizes[1] * along[1]
    return [first / total**2, second / total**2]
