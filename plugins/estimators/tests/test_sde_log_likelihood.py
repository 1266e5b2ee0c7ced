"""The likelihood of the SDE: what the estimators report, for laws that are known."""

import math
from collections.abc import Mapping

import pytest
import torch

import si_core as si
from si_distributions.checkerboard import Checkerboard
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.feynman_kac import FeynmanKac
from si_estimators.sde_log_likelihood import SDELogLikelihood
from si_interpolants.latents import Brownian
from si_interpolants.spatially_linear import Linear

ESTIMATORS = {"sde-log-likelihood": SDELogLikelihood, "feynman-kac": FeynmanKac}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def exact_model(target=None, source=None, epsilon=0.5, **options):
    source = source or Gaussian(dim=2, dtype="float64")
    target = target or Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.2], [0.2, 0.9]], dtype="float64")
    process = si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), source, target)
    fields = si.exact_fields(process)
    return si.Model(process, fields, si.build("integrator", "euler", steps=1), epsilon=epsilon, **options)


@pytest.mark.parametrize("direction", ["target", "source"])
@pytest.mark.parametrize("form", ["transition", "ito"])
def test_a_lower_bound_that_more_paths_tighten(laboratory, form, direction):
    """E log w <= E log-mean-exp <= log rho of the model, for wrong fields; the last is known by its moments."""
    models = laboratory.random(Linear(), Brownian(1.0), 1, 5)
    mean, covariance = models.model_law(lambda t: torch.full((len(t), 1), 0.4, dtype=torch.float64), direction)
    law = Gaussian(mean=mean[0].tolist(), covariance=covariance[0].tolist(), dtype="float64")
    model = models.model(epsilon=0.4)
    x = getattr(model.process, direction).sample(40, generator())
    truth, found = float(law.log_prob(x).mean()), {}
    for paths in (4, 64):
        estimator = SDELogLikelihood(form=form, direction=direction, steps=80, paths=paths)
        found[paths] = estimator.estimate(model, x, generator(1))
        assert found[paths].bound == "lower"
        assert len(found[paths].per_sample) == 40
        assert found[paths].value == pytest.approx(float(found[paths].per_sample.mean()))
        assert found[paths].value < found[paths].details["log_mean_exp"]
        assert 1 <= found[paths].details["effective_sample_size"] <= paths
    # Both runs share their points, so what they differ by is the noise of paths: Var log w over all of them.
    spread = math.sqrt(found[64].details["log_weight_variance"] / (40 * 4))
    assert abs(found[4].value - found[64].value) < 5 * spread
    tight = found[64].details["log_mean_exp"]
    assert found[64].value < truth - 5 * spread / 4
    assert found[4].details["log_mean_exp"] < tight + 5 * spread
    # With 64 paths a bias of about Var w/(2 64), and that of the step, are left.
    assert tight == pytest.approx(truth, abs=0.15)


@pytest.mark.parametrize("direction", ["target", "source"])
def test_exact_fields_make_girsanov_tight_and_not_feynman_kac(direction):
    model = exact_model()
    end = getattr(model.process, direction)
    x = end.sample(30, generator())
    girsanov, kac = (
        estimator(direction=direction, steps=100, paths=8).estimate(model, x, generator(1))
        for estimator in (SDELogLikelihood, FeynmanKac)
    )
    truth = float(end.log_prob(x).mean())
    assert girsanov.value == pytest.approx(truth, abs=0.05)
    assert girsanov.details["effective_sample_size"] > 7.5
    assert kac.value < truth - 1
    assert kac.details["log_weight_variance"] > 100 * girsanov.details["log_weight_variance"]


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_units_and_volumes(estimator):
    class Scaled(Gaussian):
        frame = si.Frame((2,), scale=math.exp(1.5 / 2))

    model = exact_model(Scaled(dim=2, mean=0.5, dtype="float64"))
    plain = exact_model(Gaussian(dim=2, mean=0.5, dtype="float64"))
    x = plain.process.target.sample(6, generator())
    nats, bits = (
        estimator(unit=unit, steps=9, paths=3).estimate(model, x, generator(1)) for unit in ("nats", "bits/dim")
    )
    reference = estimator(steps=9, paths=3).estimate(plain, x, generator(1))
    scale = 1 / (2 * math.log(2))
    assert nats.value == pytest.approx(reference.value - 1.5)
    assert bits.value == pytest.approx(nats.value * scale)
    assert bits.standard_error == pytest.approx(nats.standard_error * scale)
    assert bits.details["log_mean_exp"] == pytest.approx(nats.details["log_mean_exp"] * scale)
    assert bits.details["log_weight_variance"] == pytest.approx(nats.details["log_weight_variance"] * scale**2)
    assert (nats.unit, bits.unit) == ("nats", "bits/dim")


def test_events_that_are_single_numbers(laboratory):
    models = laboratory.random(Linear(), Brownian(1.0), 1, 8, d=1)
    inner, model = models.model(epsilon=0.5), laboratory.scalars(models, epsilon=0.5)
    x = model.process.target.sample(7, generator())
    for estimator in ESTIMATORS.values():
        scalars = estimator(steps=20, paths=4).estimate(model, x, generator(1))
        vectors = estimator(steps=20, paths=4).estimate(inner, x[:, None], generator(1))
        assert torch.allclose(scalars.per_sample, vectors.per_sample, atol=1e-10)
        assert scalars.details["dimensions"] == 1


def test_labels_go_with_their_points_and_paths():
    class Shift(torch.nn.Module):
        def forward(self, t, x, condition=None):
            return torch.stack([x - condition["species"][:, None], 0.5 * x], 1)

    class Labelled(Gaussian):
        conditions: Mapping[str, si.ConditionSpec] = {"species": si.ConditionSpec(classes=("a", "b", "c"))}

        def draw(self, n, generator=None):
            return self.sample(n, generator), {"species": torch.randint(3, (n,), generator=generator)}

    process = si.StochasticInterpolant(
        Linear(), Brownian(1.0), Independent(), Gaussian(dim=2, dtype="float64"), Labelled(dim=2, dtype="float64")
    )
    parametrisation = si.Parametrisation(process.clock, precondition=False)
    labels = torch.tensor([0, 2, 1, 2])

    def measured(x, condition, seed):
        told, predictor = {"species": condition}, si.Predictor([Shift()], 2)
        fields = si.LearnedFields(process, ["velocity", "denoiser"], predictor, parametrisation, told)
        model = si.Model(process, fields, si.build("integrator", "euler", steps=1), epsilon=0.3)
        estimator = SDELogLikelihood(steps=10, paths=2000, batch=3000)
        return estimator.estimate(model, x, generator(seed))

    x = process.target.sample(4, generator())
    together = measured(x, labels, 1)
    for row in range(4):
        alone = measured(x[row : row + 1], labels[row : row + 1], 2)
        # The error of one point is that of its paths.
        assert float(together.per_sample[row]) == pytest.approx(alone.value, abs=7 * alone.standard_error)
        assert alone.standard_error < 0.15
    with pytest.raises(si.UsageError, match=r"'species' has another shape[\s\S]*\(4,\)[\s\S]*\(3,\)"):
        measured(x[:3], labels, 1)
    assert float(together.per_sample.std()) > 1


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_probes_report_their_variance(estimator):
    options = {"form": "ito"} if estimator is SDELogLikelihood else {}
    model = exact_model()
    x = model.process.target.sample(5, generator())
    one, two = (
        estimator(divergence="hutchinson", probes=probes, noise="gaussian", steps=5, paths=2, **options).estimate(
            model, x, generator(1)
        )
        for probes in (1, 2)
    )
    assert "probe_variance" not in one.details
    assert two.details["probe_variance"] > 0


def test_the_span_of_the_model_and_its_own_noise():
    model = exact_model(start=0.0, stop=0.6, epsilon=si.build("diffusion", "gamma", scale=1.5))
    x = model.process.target.sample(20, generator())
    found = SDELogLikelihood(steps=100, paths=4).estimate(model, x, generator(1))
    truth = float(model.fields.log_density(0.6, x).mean())
    assert found.value == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_errors_say_what_to_do(estimator):
    x = torch.zeros(3, 2, dtype=torch.float64)
    with pytest.raises(si.UsageError, match="ODE"):
        estimator().estimate(exact_model(epsilon=0.0), x, generator())
    with pytest.raises(si.UsageError, match="generator"):
        estimator().estimate(exact_model(), x)
    with pytest.raises(si.DataError, match=r"\(3, 1\)"):
        estimator().estimate(exact_model(), x[:, :1], generator())
    with pytest.raises(si.UsageError, match="vanishes over a step"):
        estimator(steps=4).estimate(exact_model(epsilon=lambda t: (t > 0.6).double()), x, generator())
    process = si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), Checkerboard(), Gaussian(dim=2))
    fields = si.FunctionFields(velocity=lambda t, y: 0 * y, score=lambda t, y: -y, process=process)
    model = si.Model(process, fields, si.build("integrator", "euler", steps=1), epsilon=0.5)
    with pytest.raises(si.NumericsError, match="off the support of the other end"):
        estimator(steps=4).estimate(model, x.float() + 9, generator())
    broken = si.FunctionFields(velocity=lambda t, y: y / 0, score=lambda t, y: -y, process=process)
    with pytest.raises(si.NumericsError, match="left the finite numbers"):
        estimator(steps=4).estimate(si.Model(process, broken, model.integrator, epsilon=0.5), x.float(), generator())
    for options in (
        {"paths": 0},
        {"steps": 0},
        {"epsilon": -1.0},
        {"direction": "up"},
        {"unit": "bans"},
        {"divergence": "none"},
        {"noise": "pink"},
        {"probes": 0},
    ):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            estimator(**options)
    with pytest.raises(si.UsageError, match="form"):
        SDELogLikelihood(form="feynman-kac")
