"""The bridge between two Gaussians: against exact fields, against other formulas, in its limits, and against itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import si_core as si
import si_schrodinger.exact  # noqa: F401 - adds its methods, as the hook of the plugin does
from si_schrodinger.entropic import Entropic
from si_schrodinger.gaussian_bridge import GaussianBridge, entropic_map
from si_schrodinger.markovian import Markovian
from si_schrodinger.optimal_transport import OptimalTransport

DIMENSIONS = (1, 2, 5)
LEVELS = (0.03, 0.4, 2.5)


def ends(d, seed=0, correlated=True):
    generator = torch.Generator().manual_seed(100 * d + seed)
    means = torch.randn(2, d, dtype=torch.float64, generator=generator)
    roots = torch.randn(2, d, d, dtype=torch.float64, generator=generator)
    matrices = roots @ roots.mT / d + 0.2 * torch.eye(d, dtype=torch.float64)
    if not correlated:
        matrices = torch.diag_embed(matrices.diagonal(dim1=1, dim2=2))
    return means[0], matrices[0], means[1], matrices[1]


def square_root(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.sqrt()) @ vectors.mT


def points(n, d, seed=1):
    return 2 * torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def gauss_legendre(n):
    """Nodes t and weights of int_0^1 dt, in the clock that resolves both ends."""
    nodes, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(n))
    u = (nodes + 1) / 2
    return torch.sin(torch.pi * u / 2).square(), weights / 2 * torch.pi / 2 * torch.sin(torch.pi * u)


@pytest.fixture(params=[(d, epsilon) for d in DIMENSIONS for epsilon in LEVELS], ids=str)
def bridge(request):
    d, epsilon = request.param
    return GaussianBridge(*ends(d), epsilon)


@pytest.fixture
def joined(bridge):
    """``joined(coupling)``: the linear process between the ends with gamma^2 = 2 epsilon t(1-t)."""

    def make(coupling):
        moments = ((bridge.mean0, bridge.covariance0), (bridge.mean1, bridge.covariance1))
        laws = [
            si.build("distribution", "gaussian", mean=m.tolist(), covariance=c.tolist(), dtype="float64")
            for m, c in moments
        ]
        latent = si.build("latent", "brownian", scale=2 * bridge.epsilon)
        return si.StochasticInterpolant(si.build("interpolant", "linear"), latent, coupling, *laws)

    return make


@pytest.fixture
def exact(bridge, joined):
    """The exact fields of the process that is coupled by the bridge's plan, by what is known of Gaussians."""
    return si.exact_fields(joined(si.build("coupling", "correlated", cross=bridge.cross.tolist())))


@pytest.mark.parametrize("t", [0.0, 1e-9, 0.2, 0.5, 0.93, 1 - 1e-9, 1.0])
def test_drifts_are_those_of_the_exact_fields(bridge, exact, t):
    """Rounding, enlarged by the inverse of S_t: the fields invert it, the bridge does not."""
    x = points(20, len(bridge.mean0))
    time = torch.tensor(t, dtype=torch.float64)
    size = 1e-10 * (1 + 2 * bridge.epsilon)
    for found, field in ((bridge.drift, exact.forward_drift), (bridge.backward_drift, exact.backward_drift)):
        torch.testing.assert_close(found(time, x), field(time, x, bridge.epsilon), rtol=1e-9, atol=size)


@pytest.mark.parametrize("t", [0.0, 0.125, 0.5, 0.9375, 1.0])
def test_moments_are_those_of_the_exact_fields(bridge, exact, t):
    for found, known in zip(bridge.moments(t), exact.moments(t), strict=True):
        torch.testing.assert_close(found, known, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [Entropic, Markovian])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_couplings_of_bridges_have_its_drift(bridge, joined, kind, t):
    """By the open function of exact fields, whose process is the one that was asked about."""
    process = joined(kind(epsilon=bridge.epsilon))
    fields = si.exact_fields(process)
    assert fields.process is process
    x, time = points(20, len(bridge.mean0)), torch.tensor(t, dtype=torch.float64)
    size = 1e-10 * (1 + 2 * bridge.epsilon)
    found = fields.forward_drift(time, x, bridge.epsilon)
    torch.testing.assert_close(found, bridge.drift(t, x), rtol=1e-9, atol=size)


def test_optimal_transport_goes_along_straight_lines(bridge):
    """Without noise the velocity at ``(1-t) x0 + t T(x0)`` is ``T(x0) - x0``, T the optimal map."""
    ends = (bridge.mean0, bridge.covariance0, bridge.mean1, bridge.covariance1)
    laws = [
        si.build("distribution", "gaussian", mean=m.tolist(), covariance=c.tolist(), dtype="float64")
        for m, c in (ends[:2], ends[2:])
    ]
    interpolant, latent = si.build("interpolant", "linear"), si.build("latent", "none")
    fields = si.exact_fields(si.StochasticInterpolant(interpolant, latent, OptimalTransport(), *laws))
    root, inverse = square_root(ends[1]), torch.linalg.inv(square_root(ends[1]))
    optimal = inverse @ square_root(root @ ends[3] @ root) @ inverse
    x0 = points(20, len(ends[0]))
    x1 = bridge.mean1 + (x0 - bridge.mean0) @ optimal
    for t in (0.0, 0.4, 1.0):
        velocity = fields.velocity(torch.tensor(t, dtype=torch.float64), (1 - t) * x0 + t * x1)
        torch.testing.assert_close(velocity, x1 - x0, rtol=1e-8, atol=1e-8)


def test_the_forms_of_the_literature(bridge):
    """C by the square root of A^(1/2) B A^(1/2), and u by K_t; both lose digits where epsilon is large."""
    a, b, c, epsilon = bridge.covariance0, bridge.covariance1, bridge.cross, bridge.epsilon
    root, identity = square_root(a), torch.eye(len(a), dtype=a.dtype)
    middle = square_root(root @ b @ root + epsilon**2 * identity)
    torch.testing.assert_close(c, root @ middle @ torch.linalg.inv(root) - epsilon * identity, rtol=1e-9, atol=1e-10)
    x = points(20, len(a))
    for t in (0.0, 0.3, 0.8, 1.0):
        mean, covariance = bridge.moments(t)
        k = -(1 - t) * a + t * b - t * c + (1 - t) * c.mT + epsilon * (1 - 2 * t) * identity
        gain = (k - epsilon * identity) @ torch.linalg.inv(covariance)
        known = bridge.mean1 - bridge.mean0 + (x - mean) @ gain.mT
        torch.testing.assert_close(bridge.drift(t, x), known, rtol=1e-9, atol=1e-9)


def test_the_map_solves_its_equation(bridge):
    h = bridge.map
    solved = h @ bridge.covariance0 @ h + 2 * bridge.epsilon * h
    torch.testing.assert_close(solved, bridge.covariance1, rtol=1e-11, atol=1e-11)


def test_reversal_swaps_the_roles(bridge):
    """The bridge of the ends in the other order: its cross-covariance is the transpose, its drifts are exchanged."""
    back = GaussianBridge(bridge.mean1, bridge.covariance1, bridge.mean0, bridge.covariance0, bridge.epsilon)
    torch.testing.assert_close(back.cross, bridge.cross.mT, rtol=1e-10, atol=1e-11)
    x = points(20, len(bridge.mean0))
    for t in (0.0, 0.25, 1.0):
        torch.testing.assert_close(back.drift(1 - t, x), -bridge.backward_drift(t, x))
        for one, other in zip(bridge.moments(t), back.moments(1 - t), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_times_may_differ_from_row_to_row_and_events_may_have_axes(bridge):
    d = len(bridge.mean0)
    x, t = points(6, d), torch.linspace(0, 1, 6, dtype=torch.float64)
    for drift in (bridge.drift, bridge.backward_drift):
        rows = torch.cat([drift(time, row[None]) for time, row in zip(t, x, strict=True)])
        torch.testing.assert_close(drift(t, x), rows)
        assert torch.equal(drift(t, x.reshape(6, 1, d)), drift(t, x).reshape(6, 1, d))
    mean, covariance = bridge.moments(t)
    assert mean.shape == (6, d)
    torch.testing.assert_close(covariance[2], bridge.moments(float(t[2]))[1])


def test_moments_solve_their_differential_equations(bridge):
    """``dm/dt = E u`` and ``dS/dt = L S + S L^T + 2 epsilon I``; central differences of quadratics are exact."""
    d, h = len(bridge.mean0), 1e-3
    identity = torch.eye(d, dtype=torch.float64)
    for t in (0.1, 0.5, 0.9):
        mean, covariance = bridge.moments(t)
        mean_rate, rate = (
            (after - before) / (2 * h)
            for after, before in zip(bridge.moments(t + h), bridge.moments(t - h), strict=True)
        )
        at_mean = bridge.drift(t, mean[None])[0]
        gain = (bridge.drift(t, mean + identity) - at_mean).mT
        torch.testing.assert_close(at_mean, mean_rate, rtol=1e-10, atol=1e-10)
        flow = gain @ covariance + covariance @ gain.mT + 2 * bridge.epsilon * identity
        torch.testing.assert_close(flow, rate, rtol=1e-8, atol=1e-9)


def test_energy_is_four_epsilon_times_the_divergence(bridge):
    """``1/(4 epsilon) int E|u|^2 dt`` by 400 nodes equals the divergence of the plan, to 1e-10."""
    d = len(bridge.mean0)
    t, weights = gauss_legendre(400)
    identity = torch.eye(d, dtype=torch.float64)
    energy = 0.0
    for time, weight in zip(t, weights, strict=True):
        mean, covariance = bridge.moments(time)
        at_mean = bridge.drift(time, mean[None])[0]
        gain = (bridge.drift(time, mean + identity) - at_mean).mT
        energy += float(weight * (at_mean.square().sum() + (gain @ covariance @ gain.mT).trace()))
    assert bridge.path_energy() == pytest.approx(energy, rel=1e-10)
    assert bridge.path_kl() == pytest.approx(energy / (4 * bridge.epsilon), rel=1e-10)


def test_divergence_is_that_of_the_joint_gaussians(bridge):
    """``KL(plan || rho0(x) N(y|x, 2 epsilon I))`` of two Gaussians in 2d dimensions, without the structure used."""
    a, c, d = bridge.covariance0, bridge.cross, len(bridge.mean0)
    noise = 2 * bridge.epsilon * torch.eye(d, dtype=torch.float64)
    plan = torch.cat([torch.cat([a, c], 1), torch.cat([c.mT, bridge.covariance1], 1)])
    reference = torch.cat([torch.cat([a, a], 1), torch.cat([a, a + noise], 1)])
    gap = torch.cat([torch.zeros(d, dtype=torch.float64), bridge.mean1 - bridge.mean0])
    inverse = torch.linalg.inv(reference)
    known = 0.5 * ((inverse @ plan).trace() - 2 * d + gap @ inverse @ gap + reference.logdet() - plan.logdet())
    assert bridge.path_kl() == pytest.approx(float(known), rel=1e-9)


def test_draws_of_the_plan_have_its_moments(bridge):
    """40,000 draws: five standard errors of each entry of mean, cross-covariance, and covariance of either end."""
    n, d = 40_000, len(bridge.mean0)
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(n, d, dtype=torch.float64, generator=generator)
    x0 = bridge.mean0 + noise @ torch.linalg.cholesky(bridge.covariance0).mT
    x1 = bridge.sample_end(x0, generator)
    variance0, variance1 = bridge.covariance0.diagonal(), bridge.covariance1.diagonal()
    assert bool(((x1.mean(0) - bridge.mean1).abs() <= 5 * (variance1 / n).sqrt()).all())
    found = (x0 - x0.mean(0)).mT @ (x1 - x1.mean(0)) / n
    allowed = 5 * ((variance0[:, None] * variance1 + bridge.cross.square()) / n).sqrt()
    assert bool(((found - bridge.cross).abs() <= allowed).all())
    for x, law in ((x0, bridge.covariance0), (x1, bridge.covariance1)):
        allowed = 5 * ((law.diagonal()[:, None] * law.diagonal() + law.square()) / n).sqrt()
        assert bool(((torch.cov(x.mT).reshape(d, d) - law).abs() <= allowed).all())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_limits_of_little_and_of_much_noise_over_ten_decades(dtype, scale):
    """Nothing overflows; the map goes to the optimal one like epsilon, and to ``B/(2 epsilon)`` like 1/epsilon."""
    m0, a, m1, b = ends(3)
    m0, m1, a, b = m0 * scale**0.5, m1 * scale**0.5, a * scale, b * scale
    optimal = entropic_map(a, b, 0.0)
    torch.testing.assert_close(optimal @ a @ optimal, b, rtol=1e-10, atol=1e-10 * scale)
    x = (scale**0.5 * points(10, 3)).to(dtype)
    sizes = {"A": float(a.norm()), "B": float(b.norm())}
    least = float(torch.linalg.eigvalsh(square_root(b) @ a @ square_root(b))[0])
    largest = float(torch.linalg.eigvalsh(square_root(b) @ a @ square_root(b))[-1])
    for exponent in range(-5, 6):
        epsilon = scale * 10.0**exponent
        bridge = GaussianBridge(m0.to(dtype), a.to(dtype), m1.to(dtype), b.to(dtype), epsilon)
        rounding = 1e-12 if dtype == torch.float64 else 1e-5
        for t in (0.0, 0.5, 1.0):
            for found in (bridge.drift(t, x), bridge.backward_drift(t, x)):
                assert found.dtype == dtype
                assert bool(torch.isfinite(found).all())
        assert np.isfinite(bridge.path_kl())
        assert bridge.path_kl() > 0
        # 1/(sqrt(L + e^2) + e) is below 1/sqrt(L) by e/L at most, and below 1/(2 e) by L/(8 e^3) at most.
        small = sizes["B"] * epsilon / least + rounding * float(optimal.norm())
        assert float((bridge.map - optimal).norm()) <= small
        large = sizes["B"] * largest / (8 * epsilon**3) + rounding * sizes["B"] / epsilon
        assert float((bridge.map - b / (2 * epsilon)).norm()) <= large
    # The last is of much noise: correlations of the order of the scale over epsilon.
    assert float(bridge.cross.norm()) <= 1.01 * sizes["A"] * sizes["B"] / (2 * epsilon)


def test_large_noise_keeps_the_digits_that_the_textbook_form_loses():
    """In one dimension C = ab/(sqrt(ab + e^2) + e) to all digits; sqrt(ab + e^2) - e has none left at 1e9."""
    for exponent in range(-5, 10):
        epsilon = 10.0**exponent
        one, a, b = (torch.tensor([[value]], dtype=torch.float64) for value in (1.0, 0.7, 1.9))
        bridge = GaussianBridge(one[0], a, -one[0], b, epsilon)
        known = 0.7 * 1.9 / ((0.7 * 1.9 + epsilon**2) ** 0.5 + epsilon)
        assert float(bridge.cross) == pytest.approx(known, rel=1e-13)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"covariance0": -torch.eye(2)}, "positive definite"),
        ({"covariance1": torch.eye(3)}, "another shape"),
        ({"mean1": torch.zeros(3)}, "different sizes"),
        ({"epsilon": 0.0}, "positive number"),
        ({"epsilon": float("inf")}, "positive number"),
    ],
)
def test_what_has_no_bridge_is_refused(change, words):
    given = {
        "mean0": torch.zeros(2),
        "covariance0": torch.eye(2),
        "mean1": torch.ones(2),
        "covariance1": torch.eye(2),
        "epsilon": 1.0,
    }
    GaussianBridge(**given)
    with pytest.raises(si.UsageError, match=words):
        GaussianBridge(**{**given, **change})
