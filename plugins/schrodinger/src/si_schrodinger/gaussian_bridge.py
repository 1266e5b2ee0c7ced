"""The Schrödinger bridge between two Gaussians, in closed form.

With reference ``dX = sqrt(2 epsilon) dW``, from ``N(m0, A)`` to ``N(m1, B)``, all of it follows from one matrix,

    ``H = B^(1/2) ((L + epsilon^2 I)^(1/2) + epsilon I)^-1 B^(1/2)``,      ``L = B^(1/2) A B^(1/2)``,

the positive definite solution of ``H A H + 2 epsilon H = B``:

================  ============================================================================
plan              ``x1 | x0 ~ N(m1 + H (x0 - m0), 2 epsilon H)``,   ``C = Cov(x0, x1) = A H``
law of x_t        ``m_t = (1-t) m0 + t m1``,
                  ``S_t = (1-t)^2 A + t^2 B + t(1-t) (C + C^T + 2 epsilon I)``
drift             ``u(t, x) = m1 - m0 + (H - I) ((1-t) I + t H)^-1 (x - m_t)``
================  ============================================================================

These are McCann's formulas with H in place of the optimal map, which it becomes as epsilon goes to 0; for large epsilon
``H ~ B/(2 epsilon)`` and the ends are independent. Nothing here cancels at either end. The same expressions in the
literature: ``C = A^(1/2) (A^(1/2) B A^(1/2) + epsilon^2 I)^(1/2) A^(-1/2) - epsilon I`` (Janati et al., arXiv
2006.02572; Mallasto et al., arXiv 2006.03416) and ``u = m1 - m0 + (K_t - epsilon I) S_t^-1 (x - m_t)``,
``K_t = -(1-t) A + t B - t C + (1-t) C^T + epsilon (1-2t) I`` (Bunne et al., arXiv 2202.05722).
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import UsageError
from si_distributions.randomness import normal
from si_schrodinger.bridge import Bridge

__all__ = ["GaussianBridge", "entropic_map"]


def entropic_map(first: Tensor, second: Tensor, epsilon: float) -> Tensor:
    """H of two covariances (d, d), float64: the gradient of the map ``x0 -> E[x1|x0]``, symmetric, shape (d, d).

    Args:
        first: A, positive definite.
        second: B, positive definite.
        epsilon: of the reference; 0 for the optimal map.
    """
    values, vectors = _spectrum(second)
    root = (vectors * values.sqrt()) @ vectors.mT
    product = root @ first @ root
    spectrum, basis = _spectrum((product + product.mT) / 2)
    half: Tensor = root @ (basis / ((spectrum + epsilon**2).sqrt() + epsilon).sqrt())
    return half @ half.mT


def _spectrum(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, kept positive, and eigenvectors of a positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    # Below the rounding of the largest there is no telling a small eigenvalue from none, and none has no inverse.
    return values.clamp_min(torch.finfo(values.dtype).eps * float(values[-1])), vectors


class GaussianBridge(Bridge):
    """The bridge from ``N(mean0, covariance0)`` to ``N(mean1, covariance1)``.

    Args:
        mean0: shape (d,).
        covariance0: A, shape (d, d).
        mean1: shape (d,).
        covariance1: B, shape (d, d).
        epsilon: of the reference ``dX = sqrt(2 epsilon) dW``.

    Attributes:
        mean0, covariance0, mean1, covariance1: as given, in float64.
        map: H, shape (d, d).
        cross: ``Cov(x0, x1)``, shape (d, d), rows by x0 and columns by x1.

    Raises:
        UsageError: shapes that don't fit together, a covariance that is not positive definite, or epsilon <= 0.
    """

    def __init__(self, mean0: Tensor, covariance0: Tensor, mean1: Tensor, covariance1: Tensor, epsilon: float) -> None:
        super().__init__(epsilon)
        self.mean0, self.mean1 = (torch.as_tensor(mean).double() for mean in (mean0, mean1))
        d = len(self.mean0)
        self.covariance0 = _positive_definite(covariance0, d, "covariance0")
        self.covariance1 = _positive_definite(covariance1, d, "covariance1")
        if self.mean1.shape != (d,):
            raise UsageError("ends of different sizes", where=_WHERE, got=f"{d} and {tuple(self.mean1.shape)}")
        self.map = entropic_map(self.covariance0, self.covariance1, self.epsilon)
        self.cross = self.covariance0 @ self.map
        self._forward = _spectrum(self.map)
        self._backward = _spectrum(entropic_map(self.covariance1, self.covariance0, self.epsilon))

    def moments(self, t: Tensor | float) -> tuple[Tensor, Tensor]:
        """``m_t`` (*N, d) and ``S_t`` (*N, d, d), float64, at times t of shape (*N,)."""
        s = torch.as_tensor(t, dtype=torch.float64, device=self.mean0.device)[..., None]
        mean = (1 - s) * self.mean0 + s * self.mean1
        s = s[..., None]
        joined = self.cross + self.cross.mT + 2 * self.epsilon * torch.eye(len(self.mean0)).to(self.cross)
        return mean, (1 - s) ** 2 * self.covariance0 + s**2 * self.covariance1 + s * (1 - s) * joined

    def drift(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``u(t, x)``, shape of x; t in [0, 1] of shape (B,) or (), x of shape (B, *event) with d numbers each."""
        times = self._times(t, x)
        h, vectors = (part.to(x.device) for part in self._forward)
        return self._affine(times, x, (h - 1) / ((1 - times) + times * h), vectors)

    def backward_drift(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``u(t, x) - 2 epsilon grad log rho(t, x)``, shape of x: the drift of the same paths run from 1 to 0.

        In reversed time ``tau = 1 - t`` they solve ``dZ = -backward_drift(1 - tau, Z) dtau + sqrt(2 epsilon) dW``.
        """
        times = self._times(t, x)
        h, vectors = (part.to(x.device) for part in self._backward)
        return self._affine(times, x, (1 - h) / (times + (1 - times) * h), vectors)

    def sample_end(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``m1 + H (x - m0) + (2 epsilon H)^(1/2) z``, shape of x."""
        rows = x.flatten(1).double()
        h, vectors = (part.to(x.device) for part in self._forward)
        mean0, mean1 = self.mean0.to(rows), self.mean1.to(rows)
        noise = normal(tuple(rows.shape), torch.float64, generator)
        along = h * ((rows - mean0) @ vectors) + (2 * self.epsilon * h).sqrt() * noise
        end: Tensor = mean1 + along @ vectors.mT
        return end.to(x.dtype).reshape(x.shape)

    def path_kl(self) -> float:
        """``KL(bridge || reference from N(m0, A))`` in nats.

        It is that of the plan and ``rho0(x) N(y|x, 2 epsilon I)``:
        ``1/2 (tr(H - I - log H) + (|m1-m0|^2 + tr((H-I) A (H-I)))/(2 epsilon))``.
        """
        stretch = self._forward[0] - 1
        shift = self.map - torch.eye(len(self.map)).to(self.map)
        moved = (self.mean1 - self.mean0).square().sum() + ((shift @ self.covariance0) * shift).sum()
        return float((stretch - self._forward[0].log()).sum() + moved / (2 * self.epsilon)) / 2

    def path_energy(self) -> float:
        """``int E|u(t, x_t)|^2 dt``, which is ``4 epsilon path_kl()``."""
        return 4 * self.epsilon * self.path_kl()

    @staticmethod
    def _times(t: Tensor | float, x: Tensor) -> Tensor:
        return torch.as_tensor(t, dtype=torch.float64, device=x.device).reshape(-1, 1)

    def _affine(self, times: Tensor, x: Tensor, gains: Tensor, vectors: Tensor) -> Tensor:
        """``m1 - m0 + V diag(gains) V^T (x - m_t)`` in the form of x; times (B or 1, 1), gains (B or 1, d)."""
        rows = x.flatten(1).double()
        mean0, mean1 = self.mean0.to(rows), self.mean1.to(rows)
        centred = rows - ((1 - times) * mean0 + times * mean1)
        drift = mean1 - mean0 + (centred @ vectors * gains) @ vectors.mT
        return drift.to(x.dtype).reshape(x.shape)


_WHERE = "GaussianBridge"


def _positive_definite(value: Tensor, d: int, name: str) -> Tensor:
    matrix = torch.as_tensor(value).double()
    if matrix.shape != (d, d):
        got = f"shape {tuple(matrix.shape)}"
        raise UsageError("a covariance of another shape", where=f"{_WHERE}: {name}", got=got, allowed=f"({d}, {d})")
    least = float(torch.linalg.eigvalsh(matrix)[0])
    if not least > 0:
        raise UsageError(
            "a covariance must be positive definite", where=f"{_WHERE}: {name}", got=f"smallest eigenvalue {least:.3g}"
        )
    return (matrix + matrix.mT) / 2
