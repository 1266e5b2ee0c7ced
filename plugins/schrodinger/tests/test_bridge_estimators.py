"""The estimators of this plugin: right for exact fields, off for fields with a known error, with errors that hold."""

from __future__ import annotations

import json
import math

import pytest
import torch

import si_core as si
from si_authoring.testing import EstimatorConformance
from si_schrodinger.bridge_target import BridgeTarget
from si_schrodinger.bures_wasserstein import BuresWasserstein, bures_wasserstein
from si_schrodinger.coupling_error import CouplingError
from si_schrodinger.cyclic_consistency import CyclicConsistency
from si_schrodinger.drift_error import DriftError
from si_schrodinger.gaussian_bridge import GaussianBridge
from si_schrodinger.pair_distance import energy_distance
from si_schrodinger.path_energy import PathEnergy, PathKL
from si_schrodinger.reference import reference_bridge

EPSILON = 0.5
NO_POINTS = torch.empty(0, 2, dtype=torch.float64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def gaussian(mean, covariance, **options):
    return si.build("distribution", "gaussian", mean=mean, covariance=covariance, dtype="float64", **options)


def process_between(source, target, coupling, epsilon=EPSILON):
    latent = si.build("latent", "brownian", scale=2 * epsilon)
    return si.StochasticInterpolant(si.build("interpolant", "linear"), latent, coupling, source, target)


@pytest.fixture(scope="module")
def process():
    """Between two Gaussians, coupled by the plan of the bridge."""
    source, target = gaussian([0.5, -0.5], [[1.0, 0.3], [0.3, 0.6]]), gaussian([-0.5, 1.0], [[0.5, -0.2], [-0.2, 0.9]])
    bridge = GaussianBridge(source.mean, source.covariances[0], target.mean, target.covariances[0], EPSILON)
    return process_between(source, target, si.build("coupling", "correlated", cross=bridge.cross.tolist()))


@pytest.fixture(scope="module")
def bridge(process):
    return reference_bridge(process, EPSILON)


@pytest.fixture(scope="module")
def model(process):
    """Of exact fields."""
    return si.Model(process, si.exact_fields(process), si.build("integrator", "stochastic-heun", steps=4), EPSILON)


@pytest.fixture(scope="module")
def wrong(process):
    """``wrong(a, c)``: a model whose velocity is off by ``(a, a) - c x``, and its drifts with it, at every time."""
    exact = si.exact_fields(process)

    def make(shift, pull=0.0):
        fields = si.FunctionFields(
            velocity=lambda t, x: exact.velocity(t, x) + shift - pull * x, score=exact.score, process=process
        )
        return si.Model(process, fields, si.build("integrator", "stochastic-heun"), EPSILON)

    return make


@pytest.fixture(scope="module")
def independent(process):
    """Exact fields of the same ends, independent: right at both ends, and no bridge."""
    other = process_between(process.source, process.target, si.build("coupling", "independent"))
    return si.Model(other, si.exact_fields(other), si.build("integrator", "stochastic-heun"), EPSILON)


@pytest.fixture(scope="module")
def curved():
    """The bridge to a target made by a potential of three components, its fields given as functions."""
    target = BridgeTarget(
        [[1.5, 0.0], [-1.0, 1.2], [-0.5, -1.5]], [0.5, 0.3, 0.2], 0.3, EPSILON, 0.0, 0.6, dtype="float64"
    )
    process = process_between(target.source, target, si.build("coupling", "independent"))

    def make(scale=1.0):
        # Only the forward drift is used: with a score of 0 the velocity is all of it.
        fields = si.FunctionFields(
            velocity=lambda t, x: scale * target.bridge.drift(t, x),
            score=lambda t, x: torch.zeros_like(x),
            process=process,
        )
        return si.Model(process, fields, si.build("integrator", "stochastic-heun"), EPSILON)

    return make


def within(found, truth, allowed=0.0, errors=5.0):
    """Whether a value is the truth, to some standard errors and what the steps cost."""
    return abs(found.value - truth) < errors * found.standard_error + allowed


def test_energy_and_divergence_of_exact_fields_are_the_closed_form(model, bridge):
    """4,096 paths of 40 steps: both are of order 2 in the step, which leaves less than 1 %."""
    for estimator, truth in ((PathEnergy(steps=40), bridge.path_energy()), (PathKL(steps=40), bridge.path_kl())):
        found = estimator.estimate(model, NO_POINTS, seeded(1))
        assert within(found, truth, 0.01 * truth)
        assert found.standard_error < 0.03 * truth
        assert found.details["exact"] == pytest.approx(truth)
        assert found.per_sample.shape == (4096,)


def test_energy_of_fields_that_follow(process, bridge):
    """The drift from an interpolant velocity and a denoiser, whose weight in a velocity has no bound at the ends."""
    exact = si.exact_fields(process)
    fields = si.FunctionFields(
        interpolant_velocity=exact.interpolant_velocity, denoiser=exact.denoiser, process=process
    )
    model = si.Model(process, fields, si.build("integrator", "stochastic-heun"), EPSILON)
    found = PathEnergy(steps=40).estimate(model, NO_POINTS, seeded(1))
    assert within(found, bridge.path_energy(), 0.01 * bridge.path_energy())
    assert max(found.details["fraction_at_ends"]) < 0.1
    assert DriftError().estimate(model, NO_POINTS, seeded(1)).value < 1e-8


def test_steps_of_energy_are_of_second_order(model, bridge):
    """The same noise for all: the bias of 4 steps is that of 8 times about four."""
    values = {
        steps: PathEnergy(n=20_000, steps=steps, batch=20_000).estimate(model, NO_POINTS, seeded(2)).value
        for steps in (4, 8, 32)
    }
    coarse, fine = abs(values[4] - bridge.path_energy()), abs(values[32] - bridge.path_energy())
    assert coarse > 5 * fine


def test_energy_of_a_shifted_drift(wrong, bridge):
    """``E|u + a|^2`` along paths that the shift moves by ``a t + ...``: by the moments of a linear SDE."""
    shift, steps = 0.8, 2000
    mean, energy = bridge.mean0.clone(), 0.0
    covariance, identity = bridge.covariance0.clone(), torch.eye(2, dtype=torch.float64)
    for k in range(steps):
        # Midpoint steps of dm/dt = u(m) + a; the covariance is that of the bridge.
        t, h = k / steps, 1 / steps
        half = mean + h / 2 * (bridge.drift(t, mean[None])[0] + shift)
        at = bridge.drift(t + h / 2, half[None])[0]
        gain = (bridge.drift(t + h / 2, half + identity) - at).mT
        covariance = bridge.moments(t + h / 2)[1]
        energy += h * float((at + shift).square().sum() + (gain @ covariance @ gain.mT).trace())
        mean = mean + h * (at + shift)
    found = PathEnergy(steps=40).estimate(wrong(shift), NO_POINTS, seeded(3))
    assert within(found, energy, 0.01 * energy)
    assert not within(found, bridge.path_energy(), 0.01 * energy)


def test_the_bridge_has_the_least_energy(independent, bridge):
    """Independent ends are reached, too, at a higher price."""
    found = PathEnergy(n=20_000, steps=40, batch=20_000).estimate(independent, NO_POINTS, seeded(4))
    assert found.value - 5 * found.standard_error > bridge.path_energy()
    assert found.details["exact"] == pytest.approx(bridge.path_energy())


def test_energy_towards_a_made_target(curved):
    """The energy of exact drifts against the divergence of the plan, both by simulation."""
    found = PathEnergy(steps=60).estimate(curved(), NO_POINTS, seeded(5))
    error = math.hypot(found.standard_error, found.details["exact_error"])
    assert abs(found.value - found.details["exact"]) < 5 * error + 0.01 * found.value
    assert error < 0.1 * found.value
    off = PathEnergy(steps=60).estimate(curved(0.5), NO_POINTS, seeded(5))
    assert abs(off.value - off.details["exact"]) > 10 * error


def test_drifts_of_exact_fields_have_no_error(model, curved):
    """Rounding of two formulas for one drift, the larger for ends that the fields invert."""
    for exact in (model, curved()):
        found = DriftError().estimate(exact, NO_POINTS, seeded(6))
        assert found.value < 1e-10
        assert len(found.details["t"]) == len(found.details["by_t"]) == 24


def test_drift_error_of_known_size(wrong, curved, bridge):
    """A shift by (a, a) has the error ``(2 a^2 / int E|u|^2)^(1/2)``, and a scale its own distance from 1, exactly."""
    found = DriftError(n=20_000).estimate(wrong(0.3), NO_POINTS, seeded(7))
    assert within(found, math.sqrt(2 * 0.3**2 / bridge.path_energy()))
    assert 0 < found.standard_error < 0.02 * found.value
    scaled = DriftError(n=200).estimate(curved(0.7), NO_POINTS, seeded(8))
    assert scaled.value == pytest.approx(0.3, rel=1e-9)
    assert scaled.details["by_t"] == pytest.approx([0.3] * 24, rel=1e-9)


def relative_error_of_pairs(model):
    """``|C_hat - C|/|C|`` of the linear SDE ``dX = (a + L X) dt + ...``: ``C_hat = A F^T`` with ``F' = L F``."""
    bridge = reference_bridge(model.process, EPSILON)
    flow, identity, steps = torch.eye(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64), 1000
    zero = torch.zeros(1, 2, dtype=torch.float64)
    for k in range(steps):
        t = torch.tensor((k + 0.5) / steps, dtype=torch.float64)
        drift = model.fields.forward_drift(t, torch.cat([zero, identity]), EPSILON)
        flow = torch.linalg.matrix_exp((drift[1:] - drift[0]).mT / steps) @ flow
    return float((bridge.covariance0 @ flow.mT - bridge.cross).norm() / bridge.cross.norm())


def test_pairs_of_exact_fields_are_at_the_floor(model):
    """Within three times what as many exact pairs leave."""
    found = CouplingError(steps=40).estimate(model, NO_POINTS, seeded(9))
    details = found.details
    assert details["measure"] == "covariance"
    assert found.bound == "upper"
    assert found.value < 3 * details["floor"] < 0.25
    assert abs(details["energy_distance"]) < 5 * details["energy_distance_error"]
    gap = abs(details["displacement"] - details["exact_displacement"])
    assert gap < 5 * details["displacement_error"] + 0.01 * details["exact_displacement"]
    assert relative_error_of_pairs(model) < 1e-3


@pytest.mark.slow
def test_pairs_of_a_wrong_drift_are_off_by_what_they_are(wrong, independent):
    """A drift that forgets; and independent ends, whose SDE remembers x0 nearly as the bridge does, but not quite."""
    off = CouplingError(steps=40).estimate(wrong(0.0, 2.0), NO_POINTS, seeded(9))
    assert off.value > 10 * off.details["floor"]
    assert off.details["energy_distance"] > 10 * off.details["energy_distance_error"]
    assert within(off, relative_error_of_pairs(wrong(0.0, 2.0)), 0.01)
    near = CouplingError(n=100_000, steps=20, batch=20_000).estimate(independent, NO_POINTS, seeded(9))
    assert near.value > 5 * near.details["floor"]
    assert within(near, relative_error_of_pairs(independent), 0.01)


def test_pairs_towards_a_made_target(curved):
    found = CouplingError(n=4096, steps=40).estimate(curved(), NO_POINTS, seeded(10))
    assert found.details["measure"] == "pairs"
    assert found.bound == "unbiased"
    assert within(found, 0.0)
    off = CouplingError(n=4096, steps=40).estimate(curved(0.0), NO_POINTS, seeded(10))
    assert off.value > 10 * off.standard_error


def test_moments_of_exact_fields_are_at_the_floor(model, wrong):
    found = BuresWasserstein(times=4, steps=40).estimate(model, NO_POINTS, seeded(11))
    assert found.value < 3 * found.details["floor"] < 0.2
    assert found.details["t"][-1] == 1.0
    assert len(found.details["by_t"]) == 4
    off = BuresWasserstein(times=4, steps=40).estimate(wrong(0.5), NO_POINTS, seeded(11))
    assert off.value > 10 * off.details["floor"]
    assert off.value == max(off.details["by_t"])


def test_moments_of_a_shifted_drift(wrong, bridge):
    """All of the distance is that of the means at the time of the largest: ``m' = u(m) + a`` against ``m' = u(m)``."""
    gap, steps, largest = torch.zeros(2, dtype=torch.float64), 4000, 0.0
    for k in range(steps):
        t = (k + 0.5) / steps
        mean = bridge.moments(t)[0]
        gap = gap + (bridge.drift(t, (mean + gap)[None])[0] - bridge.drift(t, mean[None])[0] + 0.5) / steps
        largest = max(largest, float(gap.norm()))
    found = BuresWasserstein(times=40, steps=40).estimate(wrong(0.5), NO_POINTS, seeded(12))
    assert within(found, largest, 0.01)
    assert 0 < found.standard_error < 0.05 * found.value


def test_moments_towards_a_made_target(curved):
    found = BuresWasserstein(times=3, n=4096, steps=40).estimate(curved(), NO_POINTS, seeded(13))
    assert found.value < 3 * found.details["floor"]
    off = BuresWasserstein(times=3, n=4096, steps=40).estimate(curved(0.0), NO_POINTS, seeded(13))
    assert off.value > 5 * off.details["floor"]


def test_the_distance_of_two_gaussians():
    """Commuting covariances: ``|m - m'|^2 + |S^(1/2) - S'^(1/2)|^2``; and 0 for equal ones."""
    m, n = torch.tensor([1.0, 2.0]).double(), torch.tensor([0.0, 2.5]).double()
    s, r = torch.diag(torch.tensor([4.0, 1.0])).double(), torch.diag(torch.tensor([1.0, 9.0])).double()
    assert bures_wasserstein(m, s, n, r) == pytest.approx(math.sqrt(1 + 0.25 + 1 + 4))
    assert bures_wasserstein(m, s, m, s) < 1e-6


def test_forward_and_backward_paths_agree_for_exact_fields_alone(model, independent, wrong):
    for exact in (model, independent):
        found = CyclicConsistency(steps=40).estimate(exact, NO_POINTS, seeded(14))
        assert within(found, 0.0, 1e-3)
        assert found.standard_error < 0.01
    off = CyclicConsistency(steps=40).estimate(wrong(0.5), NO_POINTS, seeded(14))
    assert off.value > 10 * off.standard_error


@pytest.mark.parametrize(("shift", "most"), [(0.0, 2**0.5), (0.5, 1.2)])
def test_the_energy_distance_is_unbiased_and_knows_its_error(shift, most):
    """300 repetitions: the mean to 5 of its errors; stated errors not below the scatter, nor above it by sqrt(2).

    The scatter of 300 is known to 4 % (6 % where tails are those of a quadratic form): 20 % is allowed beside.
    """
    generator = seeded(15)
    pairs = [torch.randn(2, 64, 3, dtype=torch.float64, generator=generator) for _ in range(300)]
    values, errors = torch.tensor([energy_distance(x, y + shift, 8) for x, y in pairs], dtype=torch.float64).T
    long = torch.randn(2, 4000, 3, dtype=torch.float64, generator=generator)
    truth, of_truth = energy_distance(long[0], long[1] + shift, 20) if shift else (0.0, 0.0)
    assert abs(float(values.mean()) - truth) < 5 * math.hypot(float(values.std()) / 300**0.5, of_truth)
    stated, scatter = float(errors.square().mean().sqrt()), float(values.std())
    assert 0.8 * scatter < stated < 1.2 * most * scatter


def test_the_energy_distance_in_one_pass():
    """The same number as means of all pairs, in groups of different sizes."""
    x, y = torch.randn(2, 50, 3, dtype=torch.float64, generator=seeded(18))

    def total(a, b):
        return (a[:, None] - b).norm(dim=-1).sum()

    means = 2 * total(x, y) / 50**2 - sum(total(z, z) / (50 * 49) for z in (x, y))
    assert energy_distance(x, y, 4)[0] == pytest.approx(float(means), abs=1e-12)


ALL = {
    "path-energy": (PathEnergy, {"n": 64, "steps": 8}),
    "path-kl": (PathKL, {"n": 64, "steps": 8}),
    "drift-error": (DriftError, {"n": 64, "times": 6}),
    "coupling-error": (CouplingError, {"n": 64, "steps": 8, "groups": 4}),
    "bures-wasserstein": (BuresWasserstein, {"n": 64, "times": 2, "steps": 8, "groups": 4}),
    "cyclic-consistency": (CyclicConsistency, {"n": 64, "steps": 8, "groups": 4}),
}
REFERRING = ("drift-error", "coupling-error", "bures-wasserstein")


@pytest.fixture(params=ALL, ids=str)
def named(request):
    kind, options = ALL[request.param]
    return request.param, kind(**options)


def test_estimates_are_plain_named_and_reproducible(named, wrong):
    name, estimator = named
    found, again = (estimator.estimate(wrong(0.2), NO_POINTS, seeded(16)) for _ in range(2))
    assert found.name == name
    assert json.loads(json.dumps(found.details, allow_nan=False)) == found.details
    assert (found.value, found.details) == (again.value, again.details)
    text = type(estimator).__doc__.split("Args:")[0]
    assert "``" in text
    assert any(word in text for word in ("*unbiased*", "*Unbiased*", "*upper*"))


def test_an_own_noise_level_takes_the_place_of_the_models(named, wrong):
    name, estimator = named
    ode = wrong(0.2).with_sampler(epsilon=0.0)
    with pytest.raises(si.UsageError, match="constant noise"):
        estimator.estimate(ode, NO_POINTS, seeded())
    kind, options = ALL[name]
    found = kind(epsilon=EPSILON, **options).estimate(ode, NO_POINTS, seeded(17))
    assert found.value == estimator.estimate(wrong(0.2), NO_POINTS, seeded(17)).value
    with pytest.raises(si.UsageError, match="constant noise"):
        estimator.estimate(wrong(0.2).with_sampler(epsilon=lambda t: t), NO_POINTS, seeded())
    with pytest.raises(si.UsageError, match="source of randomness"):
        estimator.estimate(wrong(0.2), NO_POINTS)


@pytest.mark.parametrize("name", REFERRING)
def test_what_has_no_known_bridge_is_refused_with_what_has_one(name, process, curved):
    kind, options = ALL[name]
    mixture = si.build("distribution", "gaussian-mixture", means=[[0.0, 1.0], [1.0, 0.0]], dtype="float64")
    other = process_between(process.source, mixture, si.build("coupling", "independent"))
    model = si.Model(other, si.exact_fields(other), si.build("integrator", "stochastic-heun"), EPSILON)
    with pytest.raises(si.UsageError, match=r"not known(.|\n)*bridge-target with the same epsilon"):
        kind(**options).estimate(model, NO_POINTS, seeded())
    with pytest.raises(si.UsageError, match="not known"):
        kind(epsilon=2 * EPSILON, **options).estimate(curved(), NO_POINTS, seeded())


def test_the_reference_of_a_process(process, curved):
    found = reference_bridge(process, 0.7)
    assert isinstance(found, GaussianBridge)
    assert found.epsilon == 0.7
    made = curved().process
    assert reference_bridge(made, EPSILON) is made.target.bridge
    assert reference_bridge(made, 0.7) is None
    moved = process_between(gaussian([0.1, 0.0], 0.6), made.target, si.build("coupling", "independent"))
    assert reference_bridge(moved, EPSILON) is None


@pytest.mark.parametrize("name", REFERRING)
def test_standard_errors_are_the_scatter_of_runs(name, wrong):
    """24 runs with an error that dominates: by a factor of two at most (chi-square with 23 degrees, 1e-4: 1.7)."""
    kind, options = ALL[name]
    found = [kind(**{**options, "n": 256}).estimate(wrong(0.4), NO_POINTS, seeded(100 + run)) for run in range(24)]
    scatter = float(torch.tensor([each.value for each in found], dtype=torch.float64).std())
    stated = float(torch.tensor([each.standard_error for each in found], dtype=torch.float64).square().mean().sqrt())
    assert scatter / 2 < stated < 2 * scatter


def test_single_precision_and_images():
    """Events of shape (1, 2, 2) in float32: the same estimators, at the floor."""
    source = si.build("distribution", "gaussian", shape=[1, 2, 2])
    target = si.build("distribution", "gaussian", shape=[1, 2, 2], mean=1.0, covariance=0.5)
    identity = torch.eye(4, dtype=torch.float64)
    bridge = GaussianBridge(torch.zeros(4), identity, torch.ones(4), 0.5 * identity, EPSILON)
    process = process_between(source, target, si.build("coupling", "correlated", cross=bridge.cross.tolist()))
    model = si.Model(process, si.exact_fields(process), si.build("integrator", "stochastic-heun"), EPSILON)
    assert DriftError(n=64).estimate(model, NO_POINTS, seeded()).value < 1e-5
    energy = PathEnergy(n=2048, steps=30).estimate(model, NO_POINTS, seeded())
    assert within(energy, bridge.path_energy(), 0.01 * bridge.path_energy())
    for kind in (CouplingError, BuresWasserstein):
        found = kind(n=1024, steps=20).estimate(model, NO_POINTS, seeded())
        assert found.value < 3 * found.details["floor"]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (PathEnergy, {"epsilon": 0.0}),
        (PathKL, {"n": 1}),
        (PathEnergy, {"steps": 0}),
        (DriftError, {"times": 0}),
        (DriftError, {"epsilon": -1.0}),
        (CouplingError, {"n": 64}),
        (BuresWasserstein, {"times": 20, "steps": 10}),
        (CyclicConsistency, {"groups": 1}),
    ],
)
def test_options_out_of_range_are_refused(kind, options):
    with pytest.raises(si.UsageError):
        kind(**options)


class TestEstimators(EstimatorConformance):
    """Those that need no reference: the kit's Gaussians are laws of its own, between which no bridge is known here."""

    @pytest.fixture(
        params=[
            PathEnergy(n=256, steps=10),
            PathKL(n=256, steps=10),
            CyclicConsistency(n=256, steps=20, groups=8),
        ],
        ids=["path-energy", "path-kl", "cyclic-consistency"],
    )
    def component(self, request):
        return request.param
