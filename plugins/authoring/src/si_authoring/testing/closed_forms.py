"""The quantities of estimators between isotropic Gaussians, in closed form or by an integral over time.

For ``N(m, v I)`` of the data and ``N(m_hat, v_hat I)`` of the model in d dimensions, with ``w = v + (m - m_hat)^2``:

=========================  =====================================================================
``E log rho_hat``          ``-d/2 (log(2 pi v_hat) + w/v_hat)``
``KL(rho | rho_hat)``      ``d/2 (w/v_hat - 1 + log(v_hat/v))``
``W_2^2``                  ``d ((m - m_hat)^2 + (v^(1/2) - v_hat^(1/2))^2)``, sliced: without the d
``E|X - Y|``               ``(2 s)^(1/2) Gamma((d+1)/2)/Gamma(d/2) M(-1/2, d/2, -d (m - m_hat)^2/(2 s))``
=========================  =====================================================================

with ``s = v + v_hat`` and Kummer's function M. Quantities: :mod:`si_core.contract.estimator`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from si_authoring.testing.known_models import KnownModel, Law

__all__ = ["CLOSED_FORMS", "closed_form"]

_TIMES = 2001
_TERMS = 200


def closed_form(quantity: str, known: KnownModel, end: str) -> float | None:
    """The value of a quantity for a model; None where it has none, such as a likelihood of the SDE without noise.

    Args:
        quantity: one of :data:`CLOSED_FORMS`.
        known: the model.
        end: whose points are measured on, ``target`` or ``source``.
    """
    return CLOSED_FORMS[quantity](known, end)


def _log_likelihood(known: KnownModel, end: str, epsilon: float) -> float:
    law, found = known.end(end), known.carried(epsilon, end)
    return -0.5 * known.dimensions * (math.log(2 * math.pi * found.variance) + _about(law, found) / found.variance)


def _about(law: Law, other: Law) -> float:
    """``E(x - m_hat)^2`` of a coordinate."""
    return law.variance + (law.mean - other.mean) ** 2


def _of_ode(known: KnownModel, end: str) -> float | None:
    return _log_likelihood(known, end, 0.0)


def _of_sde(known: KnownModel, end: str) -> float | None:
    return _log_likelihood(known, end, known.epsilon) if known.epsilon > 0 else None


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _kl_divergence(known: KnownModel, end: str) -> float | None:
    law, found = _both(known)
    ratio = found.variance / law.variance
    return 0.5 * known.dimensions * (_about(law, found) / found.variance - 1 + math.log(ratio))


def _both(known: KnownModel) -> tuple[Law, Law]:
    """The law of the target and that of samples."""
    return known.end("target"), known.carried(known.epsilon, "target")


def _squared_error(known: KnownModel, name: str, t: Tensor) -> Tensor:
    return known.error(name, t).mean_square(*known.process_moments(t), known.dimensions)


def _over_time(known: KnownModel, name: str) -> float:
    t = torch.linspace(0, 1, _TIMES, dtype=torch.float64)
    return float(torch.trapezoid(_squared_error(known, name, t), t))


def _fisher_divergence(known: KnownModel, end: str) -> float | None:
    return _over_time(known, "score")


def _optimal_epsilon(known: KnownModel, end: str) -> float | None:
    return math.sqrt(_over_time(known, "velocity") / _over_time(known, "score")) if known.errors else None


def _excess_loss(known: KnownModel, end: str) -> float | None:
    clock = known.model.process.clock
    u = torch.linspace(0, 1, _TIMES, dtype=torch.float64)
    t, rate = clock.time(u), clock.rate(u)
    errors = _squared_error(known, "velocity", t) * rate.square() + _squared_error(known, "score", t)
    return float(torch.trapezoid(errors, u)) / 2


def _sliced_wasserstein(known: KnownModel, end: str) -> float | None:
    law, found = _both(known)
    return math.hypot(law.mean - found.mean, math.sqrt(law.variance) - math.sqrt(found.variance))


def _wasserstein(known: KnownModel, end: str) -> float | None:
    sliced = _sliced_wasserstein(known, end)
    return None if sliced is None else math.sqrt(known.dimensions) * sliced


def _mean_distance(known: KnownModel, one: Law, other: Law) -> float:
    d, s = known.dimensions, one.variance + other.variance
    a, b, z = (d + 1) / 2, d / 2, d * (one.mean - other.mean) ** 2 / (2 * s)
    # M(-1/2, b, -z) = exp(-z) M(a, b, z), whose terms are all positive.
    term, total = 1.0, 1.0
    for k in range(_TERMS):
        term *= (a + k) * z / ((b + k) * (k + 1))
        total += term
    return math.sqrt(2 * s) * math.exp(math.lgamma(a) - math.lgamma(b) - z) * total


def _energy_distance(known: KnownModel, end: str) -> float | None:
    law, found = _both(known)
    between, of_law, of_found = (_mean_distance(known, *pair) for pair in ((law, found), (law, law), (found, found)))
    return 2 * between - of_law - of_found


def _distance(known: KnownModel, end: str) -> float | None:
    return None if known.errors else 0.0


def _accuracy(known: KnownModel, end: str) -> float | None:
    return None if known.errors else 0.5


CLOSED_FORMS: dict[str, Callable[[KnownModel, str], float | None]] = {
    "ode-log-likelihood": _of_ode,
    "sde-log-likelihood": _of_sde,
    "ode-cross-entropy": lambda known, end: _minus(_of_ode(known, end)),
    "sde-cross-entropy": lambda known, end: _minus(_of_sde(known, end)),
    "kl-divergence": _kl_divergence,
    "optimal-epsilon": _optimal_epsilon,
    "fisher-divergence": _fisher_divergence,
    "excess-loss": _excess_loss,
    "wasserstein": _wasserstein,
    "sliced-wasserstein": _sliced_wasserstein,
    "energy-distance": _energy_distance,
    "distance": _distance,
    "accuracy": _accuracy,
}
"""The closed form of each quantity, for a model and the end whose points are measured on."""
