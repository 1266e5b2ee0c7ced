"""Linear-Gaussian models: everything about them is known to rounding, by ordinary differential equations of moments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import si_core as si

TWO_PI = 2 * math.pi


def transpose_product(a: Tensor, b: Tensor) -> Tensor:
    return (a[..., None, :] @ b[..., None])[..., 0, 0]


@dataclass(frozen=True)
class Affine:
    """``x -> offset + matrix (x - m)``, shapes (..., d) and (..., d, d)."""

    offset: Tensor
    matrix: Tensor

    def __add__(self, other: Affine) -> Affine:
        return Affine(self.offset + other.offset, self.matrix + other.matrix)

    def __mul__(self, number: Tensor) -> Affine:
        return Affine(self.offset * number[..., None], self.matrix * number[..., None, None])

    def mean_product(self, other: Affine, covariance: Tensor) -> Tensor:
        """``E <f, g>`` for x ~ N(m, covariance)."""
        products = self.matrix @ covariance @ other.matrix.mT
        return products.diagonal(dim1=-2, dim2=-1).sum(-1) + transpose_product(self.offset, other.offset)


@dataclass(frozen=True)
class Perturbation:
    """``d(t, x) = a(t) + A(t) (x - m(t))`` with ``a = a0 + a1 sin(2 pi t)``, ``A = A0 + A1 cos(2 pi t)``, for R models.

    Args:
        offsets: a0 and a1, shape (2, R, d).
        matrices: A0 and A1, shape (2, R, d, d).
    """

    offsets: Tensor
    matrices: Tensor

    def at(self, t: Tensor) -> Affine:
        """At times (M,): shapes (M, R, d) and (M, R, d, d)."""
        s, c = torch.sin(TWO_PI * t)[:, None, None], torch.cos(TWO_PI * t)[:, None, None, None]
        return Affine(
            self.offsets[0] + s * self.offsets[1],
            self.matrices[0] + c * self.matrices[1],
        )

    @staticmethod
    def random(models: int, d: int, size: Tensor, generator: torch.Generator) -> Perturbation:
        offsets = torch.randn(2, models, d, dtype=torch.float64, generator=generator) * size[:, None]
        matrices = torch.randn(2, models, d, d, dtype=torch.float64, generator=generator) * size[:, None, None]
        return Perturbation(offsets, matrices / 2)


@dataclass(frozen=True)
class LinearGaussians:
    """R models of one process in d dimensions between Gaussians, with perturbed fields.

    Args:
        interpolant, latent: of the process; source and target are independent.
        m0, m1: means, (R, d).
        c0, c1: covariances, (R, d, d).
        velocity: the error of the velocity, or of the interpolant velocity where ``of_v``.
        score: the error of the score.
        of_v: whether the learned pair is (v, s), so that the velocity's error is ``dv - gamma gamma_dot ds``.
    """

    interpolant: si.Interpolant
    latent: si.Latent
    m0: Tensor
    m1: Tensor
    c0: Tensor
    c1: Tensor
    velocity: Perturbation
    score: Perturbation
    of_v: bool = False

    def scalars(self, t: Tensor) -> dict[str, Tensor]:
        ones = torch.ones_like(t)
        names = ("alpha", "beta", "alpha_dot", "beta_dot")
        found = {name: getattr(self.interpolant, name)(t) * ones for name in names}
        found["gamma"] = self.latent.gamma(t) * ones
        found["gamma_gamma_dot"] = (
            torch.zeros_like(t) if self.latent.vanishes else self.latent.gamma_gamma_dot(t) * ones
        )
        return {name: value[:, None] for name, value in found.items()}

    def moments(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """m and C of x_t, shapes (M, R, d) and (M, R, d, d)."""
        s = {name: value[..., None] for name, value in self.scalars(t).items()}
        mean = s["alpha"] * self.m0 + s["beta"] * self.m1
        square = {name: value[..., None] for name, value in s.items()}
        identity = torch.eye(self.m0.shape[-1], dtype=t.dtype)
        covariance = square["alpha"] ** 2 * self.c0 + square["beta"] ** 2 * self.c1 + square["gamma"] ** 2 * identity
        return mean, covariance

    def exact(self, t: Tensor) -> tuple[Affine, Affine]:
        """Velocity and score at times (M,)."""
        s = {name: value[..., None] for name, value in self.scalars(t).items()}
        _, covariance = self.moments(t)
        inverse = torch.linalg.inv(covariance)
        gain = (
            (s["alpha"] * s["alpha_dot"])[..., None] * self.c0
            + (s["beta"] * s["beta_dot"])[..., None] * self.c1
            + s["gamma_gamma_dot"][..., None] * torch.eye(self.m0.shape[-1], dtype=t.dtype)
        )
        velocity = Affine(s["alpha_dot"] * self.m0 + s["beta_dot"] * self.m1, gain @ inverse)
        return velocity, Affine(torch.zeros_like(velocity.offset), -inverse)

    def errors(self, t: Tensor) -> tuple[Affine, Affine, Affine]:
        """db, ds, dv at times (M,)."""
        first, score = self.velocity.at(t), self.score.at(t)
        derivative = self.scalars(t)["gamma_gamma_dot"]
        if self.of_v:
            return first + score * -derivative, score, first
        return first, score, first + score * derivative

    def products(self, t: Tensor) -> dict[tuple[str, str], Tensor]:
        """``E<d, d'>`` of all errors at times (M,), each (M, R)."""
        _, covariance = self.moments(t)
        found = dict(zip(("velocity", "score", "interpolant-velocity"), self.errors(t), strict=True))
        names = list(found)
        return {
            (a, b): found[a].mean_product(found[b], covariance) for i, a in enumerate(names) for b in names[: i + 1]
        }

    def model_law(self, epsilon, direction: str = "target", steps: int = 200) -> tuple[Tensor, Tensor]:
        """Mean and covariance of the generative SDE where it ends, by RK4; epsilon maps (M,) to (M, R)."""
        forward = direction == "target"
        t = torch.linspace(0, 1, 2 * steps + 1, dtype=torch.float64)
        level = epsilon(t)
        velocity, score = (exact + error for exact, error in zip(self.exact(t), self.errors(t)[:2], strict=True))
        drift = velocity + score * (level if forward else -level)
        mean_t, _ = self.moments(t)
        sign, identity = (1.0 if forward else -1.0), torch.eye(mean_t.shape[-1], dtype=t.dtype)

        def derivative(i: int, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            mean, covariance = state
            along = drift.offset[i] + (drift.matrix[i] @ (mean - mean_t[i])[..., None])[..., 0]
            product = drift.matrix[i] @ covariance
            return sign * along, sign * (product + product.mT) + 2 * level[i][:, None, None] * identity

        state = (self.m0, self.c0) if forward else (self.m1, self.c1)
        h = 1 / steps
        for k in range(steps):
            i, middle, j = (2 * k, 2 * k + 1, 2 * k + 2) if forward else (-1 - 2 * k, -2 - 2 * k, -3 - 2 * k)
            k1 = derivative(i, state)
            k2 = derivative(middle, tuple(x + h / 2 * d for x, d in zip(state, k1, strict=True)))
            k3 = derivative(middle, tuple(x + h / 2 * d for x, d in zip(state, k2, strict=True)))
            k4 = derivative(j, tuple(x + h * d for x, d in zip(state, k3, strict=True)))
            state = tuple(
                x + h / 6 * (a + 2 * b + 2 * c + d) for x, a, b, c, d in zip(state, k1, k2, k3, k4, strict=True)
            )
        return state

    def divergence(self, epsilon, direction: str = "target", steps: int = 200) -> Tensor:
        """``KL(rho | rho_hat)`` where the SDE ends, shape (R,)."""
        mean, covariance = (self.m1, self.c1) if direction == "target" else (self.m0, self.c0)
        model_mean, model_covariance = self.model_law(epsilon, direction, steps)
        return gaussian_divergence(mean, covariance, model_mean, model_covariance)

    def process(self) -> si.StochasticInterpolant:
        """The process of the first model."""
        ends = [
            si.build("distribution", "gaussian", mean=m[0].tolist(), covariance=c[0].tolist(), dtype="float64")
            for m, c in ((self.m0, self.c0), (self.m1, self.c1))
        ]
        return si.StochasticInterpolant(self.interpolant, self.latent, si.build("coupling", "independent"), *ends)

    def model(self, **options) -> si.Model:
        """The first model, its fields given as functions."""
        process = self.process()

        def field(which: int):
            def function(t: Tensor, x: Tensor) -> Tensor:
                times = t.reshape(-1)
                if len(times) > 1:
                    return torch.cat([function(time, row[None]) for time, row in zip(times, x, strict=True)])
                exact, error = self.exact(times), self.errors(times)
                if which == 2:
                    derivative = self.scalars(times)["gamma_gamma_dot"]
                    total = exact[0] + exact[1] * derivative + error[2]
                else:
                    total = exact[which] + error[which]
                centred = x - self.moments(times)[0][0, 0]
                return total.offset[0, 0] + centred @ total.matrix[0, 0].T

            return function

        first = {"interpolant_velocity": field(2)} if self.of_v else {"velocity": field(0)}
        fields = si.FunctionFields(**first, score=field(1), process=process)
        return si.Model(process, fields, si.build("integrator", "euler", steps=1), **options)


def gaussian_divergence(m: Tensor, c: Tensor, m_hat: Tensor, c_hat: Tensor) -> Tensor:
    """``KL(N(m, c) | N(m_hat, c_hat))``, batched."""
    inverse, gap = torch.linalg.inv(c_hat), m_hat - m
    trace = (inverse @ c).diagonal(dim1=-2, dim2=-1).sum(-1)
    quadratic = transpose_product(gap, (inverse @ gap[..., None])[..., 0])
    return 0.5 * (trace - m.shape[-1] + quadratic + torch.logdet(c_hat) - torch.logdet(c))


def covariances(models: int, d: int, generator: torch.Generator) -> Tensor:
    root = torch.randn(models, d, d, dtype=torch.float64, generator=generator)
    return root @ root.mT / d + 0.1 * torch.eye(d, dtype=torch.float64)


class Scalar(si.Distribution):
    """``N(mean, variance)`` of single numbers: events of shape ()."""

    shape = ()

    def __init__(self, mean: float, variance: float) -> None:
        moments = torch.tensor([mean, math.sqrt(variance)], dtype=torch.float64)
        self.law = torch.distributions.Normal(*moments)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        normal = torch.randn(n, dtype=torch.float64, generator=generator)
        return self.law.mean + self.law.stddev * normal

    def log_prob(self, x: Tensor) -> Tensor:
        return self.law.log_prob(x)


class Laboratory:
    """Where tests get linear-Gaussian models."""

    Affine, Perturbation, LinearGaussians = Affine, Perturbation, LinearGaussians
    gaussian_divergence = staticmethod(gaussian_divergence)

    @staticmethod
    def scalars(models: LinearGaussians, **options) -> si.Model:
        """The first of models in one dimension, with events of shape ()."""
        inner = models.model()
        ends = [
            Scalar(float(mean[0, 0]), float(variance[0, 0, 0]))
            for mean, variance in ((models.m0, models.c0), (models.m1, models.c1))
        ]
        coupling = si.build("coupling", "independent")
        process = si.StochasticInterpolant(models.interpolant, models.latent, coupling, *ends)
        functions = {name: lambda t, x, f=f: f(t, x[:, None])[:, 0] for name, f in inner.fields.functions.items()}
        fields = si.FunctionFields(velocity=functions["velocity"], score=functions["score"], process=process)
        return si.Model(process, fields, inner.integrator, **options)

    @staticmethod
    def random(interpolant, latent, models: int, seed: int, of_v: bool = False, d: int = 2) -> LinearGaussians:
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, dtype=torch.float64, generator=generator)

        def sizes() -> Tensor:
            # From errors that hardly matter to errors that make another law of it.
            exponents = torch.rand(models, dtype=torch.float64, generator=generator) * 2.5 - 2
            return 10**exponents

        return LinearGaussians(
            interpolant,
            latent,
            normal(models, d),
            normal(models, d),
            covariances(models, d, generator),
            covariances(models, d, generator),
            Perturbation.random(models, d, sizes(), generator),
            Perturbation.random(models, d, sizes(), generator),
            of_v,
        )


@pytest.fixture
def laboratory() -> type[Laboratory]:
    return Laboratory
