"""Fields made of fields, over kinds of fields: steered from the law of a mixture to a component's, and combined."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import si_core as si

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")
pytest.importorskip("si_integrators")

MEANS, COVARIANCES, WEIGHTS = (
    [[2.0, 0.0], [-1.0, 1.0]],
    [[[0.3, 0.1], [0.1, 0.2]], [[0.1, 0.0], [0.0, 0.4]]],
    [0.3, 0.7],
)


def process(target: si.Distribution, latent: str = "brownian", path: str = "linear") -> si.StochasticInterpolant:
    gamma = si.build("latent", latent)
    interpolant = si.build("interpolant", path, context={"latent": gamma})
    source = si.build("distribution", "gaussian", dim=2, dtype="float64")
    return si.StochasticInterpolant(interpolant, gamma, si.build("coupling", "independent"), source, target)


def mixture() -> si.Distribution:
    options = {"weights": WEIGHTS, "means": MEANS, "covariances": COVARIANCES}
    return si.build("distribution", "gaussian-mixture", **options, dtype="float64")


def component(k: int) -> si.Distribution:
    return si.build("distribution", "gaussian", mean=MEANS[k], covariance=COVARIANCES[k], dtype="float64")


def exact(p: si.StochasticInterpolant) -> si.Fields:
    return si.exact_fields(p)


def given(p: si.StochasticInterpolant) -> si.Fields:
    """By completion, from two functions."""
    known = si.exact_fields(p)
    return si.FunctionFields(velocity=known.velocity, score=known.score, process=p)


def rescheduled(p: si.StochasticInterpolant) -> si.Fields:
    old = process(p.target, "none", "trigonometric")
    known = si.exact_fields(old)
    return si.RescheduledFields(si.FunctionFields(velocity=known.velocity, score=known.score, process=old), p)


FIELDS = pytest.mark.parametrize("made", [exact, given, rescheduled], ids=lambda made: made.__name__)
SPANS = pytest.mark.parametrize(("epsilon", "start", "stop"), [(0.0, 0.0, 1.0), (0.3, 0.05, 1.0), (0.3, 0.95, 0.0)])


class ToComponent(si.SteeredFields):
    """Classifier guidance of weight 1 by the exact classifier: what it adds to a mixture's score is
    ``grad log p(k | x_t) = s_k - s``, and to the velocity accordingly."""

    def __init__(self, fields: si.Fields, of_component: si.Fields, of_mixture: si.Fields) -> None:
        super().__init__(fields)
        self.pair = of_component, of_mixture

    def added(self, name: str, s: si.Schedule, x: Tensor) -> Tensor | None:
        t = s.t if len(s.t) > 1 else s.t[0]
        one, whole = (getattr(fields, name.replace("-", "_"))(t, x) for fields in self.pair)
        return one - whole


@FIELDS
@SPANS
def test_an_exact_classifier_steers_a_mixture_to_its_component(made, epsilon, start, stop):
    whole, one = process(mixture()), process(component(0))
    steered = ToComponent(made(whole), si.exact_fields(one), si.exact_fields(whole))
    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t = torch.linspace(0.2, 0.8, 20, dtype=torch.float64)
    for name in ("velocity", "score"):
        truth = getattr(si.exact_fields(one), name)(t, x)
        torch.testing.assert_close(getattr(steered, name)(t, x), truth, rtol=1e-7, atol=1e-7)
    # Both in the clock of the process, so that the same noise goes to the same steps.
    method = si.build("integrator", "stochastic-heun", steps=40)
    found, truth = (
        si.integrate(si.Transport(fields, epsilon, start, stop), x, method, torch.Generator().manual_seed(1)).final
        for fields in (steered, si.exact_fields(one))
    )
    torch.testing.assert_close(found, truth, rtol=1e-5, atol=1e-5)


@FIELDS
@SPANS
def test_fields_combined_with_themselves_are_themselves(made, epsilon, start, stop):
    fields = made(process(mixture()))
    combined = si.CombinedFields(fields, (3.0, -2.0), lambda condition: (condition, condition))
    x = torch.randn(9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t = torch.linspace(0.2, 0.8, 9, dtype=torch.float64)
    torch.testing.assert_close(combined.denoiser(t, x), fields.denoiser(t, x), rtol=1e-9, atol=1e-9)
    for time in (0.1, 0.5, 0.9):
        here, there = (si.Transport(each, epsilon, start, stop).drift(time, x) for each in (combined, fields))
        torch.testing.assert_close(here, there, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5,), (float("nan"), 1.0), (float("inf"), -float("inf"))])
def test_weights_that_do_not_add_up_to_one_are_refused(weights):
    with pytest.raises(si.UsageError, match="weights"):
        si.CombinedFields(exact(process(mixture())), weights, lambda condition: [condition] * len(weights))


def test_what_is_steered_stays_as_it_is():
    fields = exact(process(mixture()))
    x, t = torch.ones(3, 2, dtype=torch.float64), torch.tensor(0.4)
    before = fields.velocity(t, x)
    ToComponent(fields, exact(process(component(1))), fields).velocity(t, x)
    assert torch.equal(fields.velocity(t, x), before)
