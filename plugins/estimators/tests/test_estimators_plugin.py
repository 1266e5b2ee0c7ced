"""The plugin offers what it says, by the public names."""

import json
import subprocess
import sys

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.plugin import si_components
from si_interpolants.latents import Brownian
from si_interpolants.spatially_linear import Linear

COMPONENTS = si_components()


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_every_component_is_built_by_name(component):
    built = si.build(component.kind, component.name)
    assert f"{type(built).__module__}:{type(built).__name__}" == component.target
    assert built.needs


def test_options_of_a_recipe():
    assert si.build("estimator", "sliced-wasserstein", order=1, projections=8).order == 1
    assert si.build("estimator", "log-likelihood", method="euler", steps=3).integrator.steps == 3
    assert si.build("estimator", "excess-loss", fields=["score"]).fields == ["score"]
    assert si.build("estimator", "kl-bound", span=[0.1, 0.9]).sampling.span == (0.1, 0.9)
    for name, options in (
        ("log-likelihood", {"steps": 0}),
        ("log-likelihood", {"unit": "bans"}),
        ("sliced-wasserstein", {"order": 0.5}),
        ("mmd", {"bandwidth": 0.0}),
        ("energy-distance", {"samples": 3}),
        ("excess-loss", {"n": 1.5}),
        ("sde-log-likelihood", {"form": "feynman-kac"}),
        ("feynman-kac", {"paths": 0}),
        ("cross-entropy", {"epsilon": -1.0}),
        ("kl-bound", {"span": [0.5, 0.1]}),
        ("optimal-epsilon", {"reference": "guess"}),
        ("fisher-divergence", {"time": 2.0}),
        ("wasserstein", {"samples": 1}),
        ("marginal-kl", {"coordinates": 0}),
    ):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            si.build("estimator", name, **options)


def model(dtype="float64"):
    """An exact model of two Gaussians whose score is off, in float64 or float32."""
    target = Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.2], [0.2, 0.9]], dtype=dtype)
    process = si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), Gaussian(dim=2, dtype=dtype), target)
    exact = si.exact_fields(process)
    fields = si.FunctionFields(
        velocity=lambda t, x: exact.velocity(t, x) + 0.1, score=lambda t, x: 1.1 * exact.score(t, x), process=process
    )
    return si.Model(process, fields, si.build("integrator", "stochastic-heun", steps=4), epsilon=0.3)


# Without labels samples can't be told by a classifier, and of independent pairs they have nothing to do with given
# points; test_classifier_accuracy and test_reconstruction_error have other models.
WITHOUT_LABELS = [each for each in COMPONENTS if each.name not in ("classifier-accuracy", "reconstruction-error")]


@pytest.mark.parametrize("component", WITHOUT_LABELS, ids=lambda component: component.name)
def test_an_estimate_has_the_name_of_its_component_also_in_single_precision(component):
    data = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    found = si.estimate(model("float32"), component.name, data)
    assert found.name == component.name
    assert json.loads(json.dumps(found.details, allow_nan=False)) == found.details
    # Only what is computed without points or draws has no error.
    assert type(found.standard_error) is float or (found.bound == "exact" and found.per_sample is None)
    again = si.estimate(model("float32"), component.name, data)
    assert (again.value, again.details) == (found.value, found.details)


@pytest.mark.parametrize("name", ["log-likelihood", "sde-log-likelihood", "feynman-kac", "cross-entropy"])
def test_the_twins_are_given_points_of_the_source(name, monkeypatch):
    """By the public names: draws of N(0, I) for the source, and of N((1, -1), C) for the target."""
    seen = []
    for direction in ("source", "target"):
        estimator = si.build("estimator", name, direction=direction, steps=2)

        def estimate(model, x, generator=None):
            seen.append(x.mean(0))
            return si.Estimate("seen", 0.0, None, "exact", "1")

        monkeypatch.setattr(estimator, "estimate", estimate)
        si.estimate(model(), estimator)
    # 2000 points: five standard errors.
    assert torch.allclose(seen[0], torch.tensor([0.0, 0.0], dtype=torch.float64), atol=0.12)
    assert torch.allclose(seen[1], torch.tensor([1.0, -1.0], dtype=torch.float64), atol=0.12)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_what_si_show_prints_has_a_formula_and_says_what_the_value_is(component):
    text = type(si.build(component.kind, component.name)).__doc__.split("Args:")[0]
    assert "``" in text
    assert any(
        word in text for word in ("*exact*", "*unbiased*", "*consistent*", "*lower*", "*upper*", "*approximate*")
    )


def test_the_entry_module_is_light():
    code = "import sys, si_estimators.plugin; sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
