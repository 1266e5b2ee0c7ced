"""Weighted states: their order, their direction, their conditions, and what is refused."""

from __future__ import annotations

import logging
import math

import pytest
import torch
from torch import Tensor

import si_core as si

for plugin in ("si_authoring", "si_integrators"):
    pytest.importorskip(plugin)

from si_authoring.testing.conditional_normals import ConditionalNormals  # noqa: E402
from si_authoring.testing.doubles import Heun, Normal, Silent, process_between  # noqa: E402
from si_authoring.testing.exact import NormalFields  # noqa: E402

NULL, GIVEN = (0.0, 1.0), (1.0, 0.5)
"""Means and deviations of the laws that are mixed."""

EXACT_MEAN, EXACT_VARIANCE = 8 / 7, 1 / 7
"""Of ``N(1, 1/4)^2 / N(0, 1)``, normalised: precision 2 * 4 - 1, mean 2 * 4 * 1 over it."""

EXACT_LOG_Z = math.log(4 / math.sqrt(7)) + 4 / 7


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal_fields(mean: float, deviation: float, process: si.StochasticInterpolant | None = None) -> si.Fields:
    fields = NormalFields(process_between(Normal((1,)), Normal((1,), mean, deviation), Silent()))
    fields.process = process or fields.process
    return fields


def guided(weighted: bool = True) -> si.Fields:
    null = normal_fields(*NULL)
    return si.MixedFields(null, [normal_fields(*GIVEN, null.process)], (-1.0, 2.0), weighted)


def moments(n: int, epsilon: float, weighted: bool = True, steps: int = 40) -> tuple[float, float, float]:
    x = torch.randn(n, 1, generator=seeded(1), dtype=torch.float64)
    with torch.inference_mode():
        path = si.integrate(si.Transport(guided(weighted), epsilon), x, Heun(steps), seeded(2))
    logs = torch.zeros(n, dtype=torch.float64) if path.log_weights is None else path.log_weights
    p, final = torch.softmax(logs, 0), path.final[:, 0]
    mean = float(p @ final)
    return mean, float(p @ (final - mean).square()), float(logs.logsumexp(0)) - math.log(n)


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_a_closed_form(epsilon):
    mean, variance, log_z = moments(6000, epsilon)
    # Effective sizes of some 1,000 and more: 3 standard errors, and the error of 40 steps.
    assert mean == pytest.approx(EXACT_MEAN, abs=0.03)
    assert variance == pytest.approx(EXACT_VARIANCE, abs=0.02)
    assert log_z == pytest.approx(EXACT_LOG_Z, abs=0.06)


PLAIN = {0.0: (1.3802, 0.0625), 0.5: (1.2033, 0.1315)}
"""Mean and variance without weights: ``m' = A m + c``, ``v' = 2 A v + 2 epsilon`` of the guided drift ``A x + c``."""


@pytest.mark.parametrize("epsilon", PLAIN)
def test_without_weights_it_is_another_law_for_each_noise_level(epsilon):
    mean, variance, _ = moments(6000, epsilon, weighted=False)
    assert (mean, variance) == pytest.approx(PLAIN[epsilon], abs=0.02)
    assert abs(mean - EXACT_MEAN) > 0.04


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_a_closed_form_to_a_hundredth(epsilon):
    mean, variance, log_z = moments(200_000, epsilon, steps=200)
    assert mean == pytest.approx(EXACT_MEAN, abs=1e-2)
    assert variance == pytest.approx(EXACT_VARIANCE, abs=1e-2)
    assert log_z == pytest.approx(EXACT_LOG_Z, abs=1e-2)


def slope(fields: si.Fields, t: Tensor, x: Tensor) -> Tensor:
    return 0.8 * t**2 * x.reshape(len(x), -1).sum(1)


def squared(fields: si.Fields, t: Tensor, x: Tensor) -> Tensor:
    return -0.4 * t * x.square().reshape(len(x), -1).sum(1)


def tilted(*tilts, steer: float | None = None, below: float = 0.5) -> si.Fields:
    fields: si.Fields = normal_fields(*GIVEN)
    for tilt in tilts:
        fields = si.TiltedFields(fields, tilt, steer=steer, resample_below=below)
    return fields


@pytest.mark.parametrize("steer", [0.0, 1.0])
def test_log_weights_are_of_second_order(steer):
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    fields = tilted(slope, squared, steer=steer, below=0.0)
    fine, *others = (
        si.integrate(si.Transport(fields), x, si.build("integrator", "rk4", steps=steps)).log_weights
        for steps in (60, 6, 12)
    )
    errors = [float((each - fine).abs().max()) for each in others]
    assert errors[0] / errors[1] > 3.5


def test_without_noise_and_steering_the_weight_is_the_change_of_the_tilt():
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    path = si.integrate(si.Transport(tilted(slope, squared, steer=0.0, below=0.0)), x, Heun(50))
    last = torch.tensor(1.0, dtype=torch.float64)
    expected = slope(guided(), last, path.final) + squared(guided(), last, path.final)
    torch.testing.assert_close(path.log_weights, expected, rtol=1e-3, atol=1e-3)


def test_a_stack_of_tilts_is_the_tilt_by_their_sum():
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    stacked = tilted(slope, squared)
    at_once = tilted(lambda fields, t, x: slope(fields, t, x) + squared(fields, t, x))
    s = stacked.schedule(si.UniformClock(), torch.tensor([0.6], dtype=torch.float64))
    for name in ("velocity", "score"):
        torch.testing.assert_close(stacked.field(name, s, x), at_once.field(name, s, x))
    torch.testing.assert_close(stacked.log_weight_rate(s, x), at_once.log_weight_rate(s, x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("epsilon", [0.0, 0.5])
def test_backward_the_start_is_weighted_by_the_tilt(epsilon):
    """From draws of the target to the source, where there is no tilt: mean 0, variance 1, and no normaliser is left."""
    x = 1.0 + 0.5 * torch.randn(6000, 1, generator=seeded(), dtype=torch.float64)
    path = si.integrate(si.Transport(tilted(slope, squared), epsilon, 1.0, 0.0), x, Heun(40), seeded(1))
    p, final = torch.softmax(path.log_weights, 0), path.final[:, 0]
    mean = float(p @ final)
    found = (mean, float(p @ (final - mean).square()), float(path.log_weights.logsumexp(0)) - math.log(len(x)))
    assert found == pytest.approx((0.0, 1.0, 0.0), abs=0.08)


def test_conditions_stay_with_their_states_and_rows_are_paths():
    kind = torch.arange(200) % 2
    observation = torch.zeros(1, dtype=torch.float64)
    fields = si.TiltedFields(ConditionalNormals((1,)), lambda f, t, x: 6 * t * x[:, 0], steer=0.0)
    x = torch.randn(200, 1, generator=seeded(), dtype=torch.float64)
    transport = si.Transport(fields.conditioned({"kind": kind, "observation": observation}))
    path = si.integrate(transport, x, Heun(20), seeded(1), times=[0.5])
    starts = path.x[0][:, 0]
    assert path.x.shape == (3, 200, 1)
    assert len(starts.unique()) < 200  # some were resampled
    for k in (0, 1):
        assert set(starts[kind == k].tolist()) <= set(x[kind == k, 0].tolist())
    # Without noise a path is a function of where it starts.
    order = starts[kind == 0].argsort()
    for later in path.x[1:, kind == 0, 0]:
        assert bool((later[order].diff() >= 0).all())


def test_blocks_are_alike_in_scale_with_and_without_resampling():
    x = torch.randn(4000, 1, generator=seeded(), dtype=torch.float64)
    logs = [
        si.integrate(si.Transport(tilted(slope, steer=0.0, below=below), 0.3), x, Heun(30), seeded(1)).log_weights
        for below in (0.0, 0.9)
    ]
    exact = 0.8 * 1.0 + 0.5 * 0.8**2 * 0.25
    assert [float(each.logsumexp(0)) - math.log(4000) for each in logs] == pytest.approx([exact, exact], abs=0.05)


@pytest.mark.parametrize("name", ["dopri5", "adams-bashforth"])
def test_methods_that_choose_their_steps_or_remember_them(name, caplog):
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    transport = si.Transport(tilted(slope, squared, steer=0.0, below=0.0))
    with caplog.at_level(logging.WARNING):
        found = si.integrate(transport, x, si.build("integrator", name))
    expected = si.integrate(transport, x, si.build("integrator", "rk4", steps=100))
    torch.testing.assert_close(found.log_weights, expected.log_weights, rtol=0.05, atol=0.05)
    assert ("begins anew" in caplog.text) == (name == "adams-bashforth")


class Plain(si.Guidance):
    def guided(self, fields: si.Fields) -> si.Fields:
        return si.TiltedFields(fields, squared, weighted=False)


class Weighted(si.Guidance):
    weights = True

    def guided(self, fields: si.Fields) -> si.Fields:
        return si.TiltedFields(fields, slope)


def test_weights_go_with_a_law_alone():
    fields = normal_fields(*GIVEN)
    model = si.Model(fields.process, fields, Heun(10))
    assert model.with_guidance([Weighted(), Weighted()]).told_of_law is None
    assert "do not follow the tilted law" in (model.with_guidance([Plain()]).told_of_law or "")
    for order in ([Plain(), Weighted()], [Weighted(), Plain()]):
        with pytest.raises(si.UsageError, match="weights"):
            model.with_guidance(order)


def test_a_model_samples_by_weights_without_touching_modes():
    fields = normal_fields(*GIVEN)
    model = si.Model(fields.process, fields, Heun(10), 0.2).with_guidance([Weighted()])
    with torch.no_grad():
        path = model.sample(50, seeded())
    assert path.log_weights is not None
    assert not path.final.requires_grad
    again = model.sample(50, seeded())
    assert torch.equal(path.final, again.final)


def test_what_is_refused():
    x = torch.zeros(3, 1, dtype=torch.float64)
    with pytest.raises(si.UsageError, match="source of randomness"):
        si.integrate(si.Transport(tilted(slope)), x, Heun(4))
    with pytest.raises(si.UsageError, match="agree at t = 0 alone"):
        si.integrate(si.Transport(guided(), 0.0, 1.0, 0.0), x, Heun(4), seeded())
    with pytest.raises(si.UsageError, match="one number for each state"):
        si.integrate(si.Transport(tilted(lambda f, t, x: t * x)), x, Heun(4), seeded())
    with pytest.raises(si.UsageError, match="can't be differentiated"):
        si.integrate(si.Transport(tilted(lambda f, t, x: x.detach()[:, 0])), x, Heun(4), seeded())
    with pytest.raises(si.UsageError, match="nothing would steer"):
        si.Transport(si.TiltedFields(normal_fields(*GIVEN), slope, weighted=False, steer=0.0))
