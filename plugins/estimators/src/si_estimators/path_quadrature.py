"""The change of volume as a quadrature along a path that is computed first.

    ``l = int div b(u, X_u) du ~ (b - a) sum_j w_j div b(u_j, X_{u_j})``

In the clock of the transport the integrand is smooth, so nested rules (:mod:`si_estimators.clenshaw_curtis`) need fewer
divergences than the path needs steps. The error of the rule with n intervals is taken to be

    ``max(d_1 min(1, max(d_1/d_0, 1/16)), d_0/64, D/16)``

with ``d_0, d_1`` the differences of the rules with n/4, n/2 and n intervals, and D the integral of the distance between
the integrand and its polynomial through the nodes of n/2. The first is the next difference, if it falls as the last
did; the others are in the way of a difference that is small by chance. For mixtures whose modes have widths from 0.05
to 1, with four schedules, the root mean square of the true error was below that of this estimate, and at most 3 % of
the points had an error above it.

Each point has its nodes doubled until its own error is below the tolerance; its value is then the same in any batch.
The error that the integrator makes in the path is not in it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import Integrator, Transport
from si_estimators.clenshaw_curtis import between, nodes, weights
from si_estimators.divergence import drift_and_divergence
from si_estimators.known_path import KnownPath
from si_estimators.volume import VolumeChange

__all__ = ["MOST", "quadrature_volume"]

_FIRST, MOST = 8, 256
"""The intervals of the first rule that is judged, and of the last."""

_STEEPEST, _OF_DIFFERENCE, _OF_DISTANCE, _ROUNDINGS = 1 / 16, 1 / 64, 1 / 16, 16.0


def quadrature_volume(
    transport: Transport,
    x: Tensor,
    integrator: Integrator,
    steps: int,
    probes: Tensor | None,
    tolerance: float,
) -> VolumeChange:
    """The paths of points, and then the integral of the divergence along them; can be differentiated in grad mode.

    Args:
        transport: the ODE; its fields may have a condition for each point.
        x: the points, shape (B, *event).
        integrator: the method of the path, one that can be cut at its steps.
        steps: how many equal steps it was asked to make.
        probes: probes of the divergence, shape (K, B, *event); None for the exact one.
        tolerance: the error that a point's integral may have by the quadrature, in nats.
    """
    path = KnownPath(transport, x, integrator, steps)
    integrand = _Integrand(path, probes, transport.fields.conditioned_alike)
    n, rows = _FIRST, torch.arange(len(x), device=x.device)
    values = integrand.at(nodes(n), rows)
    found: list[tuple[Tensor, Tensor, Tensor, int]] = []
    while True:
        integral, error, noise = _judged(values, n, transport.stop - transport.start, torch.finfo(x.dtype).eps)
        # Asked this way round, what is not finite is settled too.
        settled = ~(error > noise.clamp_min(tolerance)) | (n == MOST)
        found.append((rows[settled], integral[settled], error[settled], n + 1))
        rows, values = rows[~settled], values[:, ~settled]
        if not len(rows):
            break
        n *= 2
        between = integrand.at(nodes(n)[1::2], rows)
        doubled = torch.stack([values[:-1], between], 1).flatten(0, 1)
        values = torch.cat([doubled, values[-1:]])
    order = torch.cat([rows for rows, _, _, _ in found]).argsort()
    counts = torch.cat([torch.full_like(rows, count) for rows, _, _, count in found])[order]
    log_volume = torch.cat([integral for _, integral, _, _ in found])[order].to(x.dtype)
    error = torch.cat([error for _, _, error, _ in found])[order]
    return VolumeChange(path.final, log_volume, path.evaluations, counts, error)


def _judged(values: Tensor, n: int, span: float, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """The integrals (R, K) of values (n + 1, R, K) by n intervals, their errors (R,), and what is rounding in these."""
    integral = span * torch.tensordot(weights(n).to(values.device), values, 1)
    with torch.no_grad():
        mean = values.mean(-1)
        known = {m: weights(m).to(values.device) for m in (n // 4, n // 2, n)}
        first, second, last = (abs(span) * (rule @ mean[:: n // m]) for m, rule in known.items())
        before, now = (second - first).abs(), (last - second).abs()
        falls = (now / before).nan_to_num(1.0).clamp(_STEEPEST, 1.0)
        misses = (mean[1::2] - between(n // 2).to(values.device) @ mean[::2]).abs()
        distance = abs(span) * (known[n][1::2] @ misses)
        error = torch.maximum(now * falls, torch.maximum(before * _OF_DIFFERENCE, distance * _OF_DISTANCE))
        noise = _ROUNDINGS * eps * abs(span) * (known[n] @ mean.abs())
    return integral, error, noise


class _Integrand:
    """The divergence along a path.

    Args:
        path: the path.
        probes: of the divergence.
        apart: whether some of the points can be looked at without the others.
    """

    def __init__(self, path: KnownPath, probes: Tensor | None, apart: bool) -> None:
        self.path, self.probes, self.apart = path, probes, apart

    def at(self, fractions: list[float], rows: Tensor) -> Tensor:
        """The divergences of points at fractions of the span, shape (len(fractions), len(rows), K), float64."""
        self.path.transport.prepare([self.path.position(fraction) for fraction in fractions], self.path.final)
        return torch.stack([self._at(fraction, rows) for fraction in fractions])

    def _at(self, fraction: float, rows: Tensor) -> Tensor:
        whole = len(rows) == len(self.path.final)
        asked = None if whole or not self.apart else rows
        probes = self.probes if self.probes is None or asked is None else self.probes[:, asked]
        position, x = self.path.position(fraction), self.path.at(fraction, asked)
        _, divergence = drift_and_divergence(self.path.transport, position, x, probes, torch.is_grad_enabled())
        return (divergence if whole or self.apart else divergence[rows]).double()
