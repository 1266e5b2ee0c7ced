"""The law of x_t does not depend on epsilon: exact moments of numerical solutions between Gaussians.

Drifts are affine, so the law of a numerical solution is Gaussian with moments that can be carried exactly, without
Monte Carlo error (arXiv 2303.08797, section 2.3: every epsilon carries the same law). Errors against the law of the
process must fall at the order of the method.
"""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si

for plugin in ("si_interpolants", "si_distributions", "si_integrators"):
    pytest.importorskip(plugin)

ODE = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}
SDE = ("euler-maruyama", "stochastic-heun", "edm-heun")
LEVELS = (0.1, 0.5, 2.0, "gamma", "linear-decay")
SPANS = {"forward": (0.0, 1.0), "backward": (1.0, 0.0), "inner": (0.15, 0.8), "inner backward": (0.8, 0.15)}


def level_of(name):
    return si.build("diffusion", name) if isinstance(name, str) else name


def vanishing_noise(transport: si.Transport) -> bool:
    """Whether there is no noise at either end of the span."""
    return max(transport.noise(transport.start), transport.noise(transport.stop)) < 1e-9


def weak_order(method: str, transport: si.Transport) -> int:
    """The stated order: edm-heun's bias comes from the noise at the ends, and is of second order where it vanishes."""
    if method == "edm-heun":
        return 2 if vanishing_noise(transport) else 1
    return {"euler-maruyama": 1, "stochastic-heun": 2}[method]


def check_order(carried, true, process, method, level, span, order=None, clock=None, grids=None):
    """The error of both moments at the end of the span falls as ``steps^-order``, towards 0."""
    fields = si.exact_fields(process)
    initial, wanted = true(process, span[0]), true(process, span[1])
    transport = si.Transport(fields, level, *span, clock)
    order = order or weak_order(method, transport)
    grids = grids or ((16, 32) if order == 4 else (64, 128))
    found = [carried(transport, si.build("integrator", method, steps=steps), initial) for steps in grids]
    errors = [max(float((a - b).abs().max()) for a, b in zip(each, wanted, strict=True)) for each in found]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)
    # What is left after the leading error is extrapolated away is of a higher order.
    limits = [fine + (fine - coarse) / (2**order - 1) for coarse, fine in zip(*found, strict=True)]
    rest = max(float((a - b).abs().max()) for a, b in zip(limits, wanted, strict=True))
    assert rest < 0.25 * errors[1]


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("latent", ["brownian", "quadratic"])
@pytest.mark.parametrize("method", ODE)
def test_ode_methods(gaussians, true_moments, carried_moments, method, latent, span):
    check_order(carried_moments, true_moments, gaussians(latent), method, 0.0, SPANS[span], ODE[method])


@pytest.mark.parametrize("span", ["forward", "backward"])
@pytest.mark.parametrize("latent", ["brownian", "quadratic"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("method", SDE)
def test_sde_methods(gaussians, true_moments, carried_moments, method, level, latent, span):
    check_order(carried_moments, true_moments, gaussians(latent), method, level_of(level), SPANS[span])


@pytest.mark.parametrize("span", ["inner", "inner backward"])
@pytest.mark.parametrize("latent", ["brownian", "quadratic"])
@pytest.mark.parametrize("method", SDE)
def test_sde_methods_between_two_inner_times(gaussians, true_moments, carried_moments, method, latent, span):
    """At inner times there is noise at both ends, so edm-heun is of order 1 in every clock."""
    check_order(carried_moments, true_moments, gaussians(latent), method, 0.5, SPANS[span])


@pytest.mark.parametrize("span", ["forward", "backward"])
@pytest.mark.parametrize("method", SDE)
def test_a_rough_latent_in_plain_time(gaussians, true_moments, carried_moments, method, span):
    """Exact drifts between Gaussians of full rank are smooth in t, so ``clock="uniform"`` keeps the order."""
    order = 2 if method == "stochastic-heun" else 1
    check_order(
        carried_moments, true_moments, gaussians("brownian"), method, 0.5, SPANS[span], order=order, clock="uniform"
    )


@pytest.mark.parametrize("path", ["trigonometric", "variance-matched-trigonometric", "encoder-decoder"])
@pytest.mark.parametrize(("method", "level"), [("rk4", 0.0), ("stochastic-heun", 0.7)])
def test_other_paths(gaussians, true_moments, carried_moments, method, level, path):
    """The encoder-decoder has a kink at t = 1/2, which an even number of steps meets at a step's end."""
    grids = (128, 256) if path == "encoder-decoder" else None
    order = 4 if level == 0 else 2
    check_order(
        carried_moments, true_moments, gaussians("brownian", path), method, level, (0.0, 1.0), order, grids=grids
    )


def test_the_choice_of_levels_meets_both_cases_of_edm_heun(gaussians):
    """Constant levels vanish with dt/du in the clock of a rough latent, and in plain time they don't."""
    for latent, vanish in (("brownian", True), ("quadratic", False)):
        transport = si.Transport(si.exact_fields(gaussians(latent)), 0.5)
        assert vanishing_noise(transport) is vanish


@pytest.mark.parametrize("latent", ["brownian", "quadratic"])
def test_a_wrong_sign_of_the_score_is_noticed(gaussians, true_moments, carried_moments, latent):
    """The forward drift used backward has another law: the tests above can fail."""
    process = gaussians(latent)
    exact = si.exact_fields(process)
    wrong = si.FunctionFields(velocity=exact.velocity, score=lambda t, x: -exact.score(t, x), process=process)
    initial, wanted = true_moments(process, 0.0), true_moments(process, 1.0)
    heun = si.build("integrator", "stochastic-heun", steps=64)
    covariance = carried_moments(si.Transport(wrong, 0.5), heun, initial)[1]
    assert float((covariance - wanted[1]).abs().max()) > 0.5


@pytest.mark.parametrize("latent", ["brownian", "quadratic", "none"])
@pytest.mark.parametrize("span", SPANS)
def test_volume_of_the_flow_between_gaussians(gaussians, true_moments, latent, span):
    """``log |det dX_t/dX_s| = 1/2 log (det C(t)/det C(s))``, and ``A C(s) A^T = C(t)``."""
    process, (start, stop) = gaussians(latent), SPANS[span]
    transport = si.Transport(si.exact_fields(process), 0.0, start, stop)
    basis = torch.cat([torch.zeros(1, 2), torch.eye(2)]).double()
    final = si.integrate(transport, basis, si.build("integrator", "rk4", steps=100)).final
    slope = (final[1:] - final[0]).T
    before, after = (true_moments(process, t)[1] for t in (start, stop))
    assert float(torch.linalg.slogdet(slope)[1]) == pytest.approx(
        0.5 * float(torch.logdet(after) - torch.logdet(before)), abs=1e-6
    )
    torch.testing.assert_close(slope @ before @ slope.T, after, rtol=1e-6, atol=1e-6)
