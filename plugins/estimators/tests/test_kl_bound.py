"""What kl-bound reports: the closed-form integrals for fields with known errors, residuals elsewhere."""

import math
from collections.abc import Mapping

import pytest
import torch

import si_core as si
from si_distributions.checkerboard import Checkerboard
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.field_errors import FieldErrors
from si_estimators.kl_bound import KLBound, kl_rate
from si_estimators.quadrature import SpanIntegral, SpanNodes
from si_interpolants.latents import Brownian, ConstantLatent, NoLatent, Quadratic, Wiener
from si_interpolants.spatially_linear import Linear, Trigonometric

FORMS = ("drift", "velocity", "interpolant-velocity")
PROCESSES = [(Linear(), Brownian(1.0)), (Trigonometric(), Quadratic())]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def closed_form(models, form, epsilon, direction):
    nodes = SpanNodes(models.process().clock, (0.0, 1.0), 32)
    errors = FieldErrors(nodes, models.products(nodes.t), True, "")
    sign = 1.0 if direction == "target" else -1.0
    rate = kl_rate(form, errors, epsilon(nodes.t)[:, None], sign, models.scalars(nodes.t)["gamma_gamma_dot"])
    return float(SpanIntegral(nodes, rate).of(rate)[0])


def model_of(process, fields, **options):
    return si.Model(process, fields, si.build("integrator", "euler", steps=1), **options)


def process_of(latent=None, source=None, target=None):
    source = source or Gaussian(mean=[0.3, -0.2], covariance=[[1.0, 0.2], [0.2, 0.8]], dtype="float64")
    target = target or Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.3], [0.3, 0.9]], dtype="float64")
    return si.StochasticInterpolant(Linear(), latent or Quadratic(), Independent(), source, target)


@pytest.mark.parametrize(
    ("interpolant", "latent", "form", "direction"),
    [
        pytest.param(*process, form, direction, marks=[pytest.mark.slow] * ((i + j + k) % 2))
        for i, process in enumerate(PROCESSES)
        for j, form in enumerate(FORMS)
        for k, direction in enumerate(("target", "source"))
    ],
)
def test_closed_forms_and_the_divergence_below_them(laboratory, interpolant, latent, form, direction):
    models = laboratory.random(interpolant, latent, 1, 4, of_v=form == "interpolant-velocity")

    def epsilon(t):
        return 0.3 + 0.5 * t

    truth = closed_form(models, form, epsilon, direction)
    model = models.model(epsilon=epsilon)
    estimator = KLBound(form=form, direction=direction, n=1500, times=16, batch=1000)
    found = estimator.estimate(model, torch.zeros(1, 2, dtype=torch.float64), generator(1))
    assert (found.bound, found.unit, len(found.per_sample)) == ("upper", "nats", 1500)
    assert abs(found.value - truth) < 4.5 * found.standard_error < truth
    divergence = float(models.divergence(lambda t: epsilon(t)[:, None], direction, steps=400))
    assert divergence < found.value
    details = found.details
    assert details["reference"] == "exact fields"
    assert details["bounded"] == [True, True]
    squares = SpanNodes(model.process.clock, (0.0, 1.0), 32)
    for name in ("velocity", "score"):
        loss = 0.5 * float((squares.panels.sum(0) @ models.products(squares.t)[name, name])[0])
        assert details[f"loss_{name}"] == pytest.approx(loss, rel=0.3)
    if form == "interpolant-velocity":
        t = torch.linspace(0, 1, 2001, dtype=torch.float64)
        sign = 1.0 if direction == "target" else -1.0
        supremum = float(((models.scalars(t)["gamma_gamma_dot"][:, 0] - sign * epsilon(t)) ** 2 / epsilon(t)).max())
        assert details["with_supremum"] >= found.value
        # A constant level in front of the velocity's loss would be another theorem; here it is in the integral.
        of_score = details["loss_score"] * supremum
        assert details["with_supremum"] > of_score


def test_the_theorem_as_it_is_stated_for_a_constant_level(laboratory):
    models = laboratory.random(Linear(), Brownian(2.0), 1, 4, of_v=True)
    found = KLBound(form="interpolant-velocity", epsilon=0.4, n=300).estimate(
        models.model(), torch.zeros(1, 2, dtype=torch.float64), generator(1)
    )
    # gamma gamma_dot = 1 - 2t runs from 1 to -1.
    stated = found.details["loss_interpolant_velocity"] / 0.4 + 1.4**2 / 0.4 * found.details["loss_score"]
    assert found.details["with_supremum"] == pytest.approx(stated, rel=1e-6)
    stated = KLBound(form="velocity", epsilon=0.4, n=300).estimate(
        models.model(), torch.zeros(1, 2, dtype=torch.float64), generator(1)
    )
    of_losses = stated.details["loss_velocity"] / 0.4 + 0.4 * stated.details["loss_score"]
    assert stated.value == pytest.approx(of_losses, rel=1e-9)


@pytest.mark.parametrize(("direction", "sign"), [("target", 1.0), ("source", -1.0)])
def test_the_supremum_knows_the_sign_of_epsilon(laboratory, direction, sign):
    """gamma = sqrt(2) (1-t) sqrt(t) rises faster than it falls: gamma gamma_dot = (1-t)(1-3t) runs from 1 to -1/3.

    A product ``gamma gamma_dot`` that runs from c to -c, as that of a Brownian bridge, has the same supremum for either
    sign.
    """
    models, level = laboratory.random(Linear(), Wiener(math.sqrt(2)), 1, 4, of_v=True), 0.4
    found = KLBound(form="interpolant-velocity", direction=direction, epsilon=level, n=300).estimate(
        models.model(), torch.zeros(1, 2, dtype=torch.float64), generator(1)
    )
    supremum = max((1 - sign * level) ** 2, (1 / 3 + sign * level) ** 2) / level
    stated = found.details["loss_interpolant_velocity"] / level + supremum * found.details["loss_score"]
    # The largest of 257 times lies within 1/256 of t = 2/3, where the product has its minimum.
    assert found.details["with_supremum"] == pytest.approx(stated, rel=1e-3)


@pytest.mark.parametrize("form", FORMS)
def test_exact_fields_have_the_bound_0(form):
    process = process_of(Brownian(1.0))
    found = KLBound(form=form, epsilon=0.5, n=50).estimate(
        model_of(process, si.exact_fields(process)), torch.zeros(1, 2), generator()
    )
    assert found.value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_residuals_are_an_upper_bound_by_the_scatter_of_the_targets(laboratory, form):
    """E|f_hat - target|^2 = E|f_hat - f|^2 + E|f - target|^2, for all that the bound is made of."""
    models = laboratory.random(Linear(), Quadratic(), 1, 4, of_v=form == "interpolant-velocity")
    model, span = models.model(epsilon=0.5), (0.2, 0.8)
    x = model.process.target.sample(3000, generator(3))
    exact = KLBound(form=form, span=span, n=3000).estimate(model, x, generator(1))
    loose = KLBound(form=form, span=span, reference="none").estimate(model, x, generator(1))
    alone = model_of(model.process, si.exact_fields(model.process), epsilon=0.5)
    scatter = KLBound(form=form, span=span, reference="none").estimate(alone, x, generator(2))
    assert loose.value > exact.value + 10 * loose.standard_error
    error = math.hypot(loose.standard_error, exact.standard_error, scatter.standard_error)
    assert loose.value == pytest.approx(exact.value + scatter.value, abs=4.5 * error)
    assert "upper bounds" in loose.details["reference"]
    assert loose.details["draws"] == "3000 held-out points"
    assert len(loose.per_sample) == 3000


def test_a_closed_form_that_is_not_known_falls_back_to_residuals():
    process = process_of(source=Gaussian(dim=2), target=Checkerboard())
    fields = si.FunctionFields(velocity=lambda t, x: 0 * x, score=lambda t, x: -x, process=process)
    model, x = model_of(process, fields, epsilon=0.5), Checkerboard().sample(200, generator())
    found = KLBound().estimate(model, x, generator())
    assert "held-out residuals" in found.details["reference"]
    # The score's target is of size 1/sqrt(alpha^2 + gamma^2), whose square is not integrable up to t = 1: the value
    # must say what it is the integral over.
    assert found.details["span"] == pytest.approx([0.0, 0.99])
    assert "diverges at the stop" in found.details["statement"]
    with pytest.raises(si.UsageError, match="no closed form"):
        KLBound(reference="exact").estimate(model, x, generator())


def test_learned_denoisers_make_the_bound_infinite_at_the_ends_and_it_says_so():
    """An error of eta at t = 0 makes eps |deta|^2/(4 gamma^2) grow like 1/t."""
    process = process_of(Brownian(1.0))
    exact = si.exact_fields(process)
    fields = si.FunctionFields(
        velocity=exact.velocity, denoiser=lambda t, x: exact.denoiser(t, x) + 0.1, process=process
    )
    found = KLBound(epsilon=1.0, n=20).estimate(model_of(process, fields), torch.zeros(1, 2), generator())
    assert found.details["growth"] == pytest.approx([1, 1], abs=0.05)
    # int eps |0.1 (1, 1)|^2/(4 t(1-t)) dt over what is left, t = sin^2(pi u/2) from u = 0.01.
    start = math.sin(math.pi * 0.005) ** 2
    assert found.details["span"] == pytest.approx([start, 1 - start])
    assert found.value == pytest.approx(0.02 / 4 * 2 * math.log((1 - start) / start), rel=1e-5)
    bounded = KLBound(n=20).estimate(
        model_of(process, fields, epsilon=si.build("diffusion", "gamma")), torch.zeros(1, 2), generator()
    )
    # eps = gamma: int |..|^2/(4 gamma) dt = 0.005 pi, finite, and smooth in the clock.
    assert bounded.details["bounded"] == [True, True]
    assert bounded.value == pytest.approx(0.02 / 4 * math.pi, rel=1e-6)


def test_labels_and_single_numbers(laboratory):
    models = laboratory.random(Linear(), Quadratic(), 1, 8, d=1)
    model = laboratory.scalars(models, epsilon=0.5)
    found = KLBound(span=(0.2, 0.8)).estimate(model, model.process.target.sample(50, generator()), generator(1))
    inner = models.model(epsilon=0.5)
    x = inner.process.target.sample(50, generator())
    expected = KLBound(span=(0.2, 0.8), reference="none").estimate(inner, x, generator(1))
    assert found.value == pytest.approx(expected.value, rel=0.5)

    class Labelled(Gaussian):
        conditions: Mapping[str, si.ConditionSpec] = {"species": si.ConditionSpec(classes=("a", "b"))}

        def draw(self, n, generator=None):
            return self.sample(n, generator), {"species": torch.randint(2, (n,), generator=generator)}

    class Both(torch.nn.Module):
        def forward(self, t, x, condition=None):
            return torch.stack([x * condition["species"][:, None], 0 * x], 1)

    process = process_of(target=Labelled(dim=2, dtype="float64"))
    parametrisation = si.Parametrisation(process.clock, precondition=False)
    names, predictor = ["velocity", "denoiser"], si.Predictor([Both()], 2)
    fields = si.LearnedFields(process, names, predictor, parametrisation)
    conditional = model_of(process, fields, epsilon=si.build("diffusion", "gamma"))
    found = si.estimate(conditional, KLBound(span=(0.2, 0.8)))
    assert "held-out residuals" in found.details["reference"]
    with pytest.raises(si.UsageError, match="species: one of a, b"):
        si.estimate(conditional, KLBound(reference="exact"))


def test_errors_say_what_to_do():
    process, x = process_of(), torch.zeros(3, 2, dtype=torch.float64)
    exact = si.exact_fields(process)
    with pytest.raises(si.UsageError, match="ODE"):
        KLBound().estimate(model_of(process, exact), x, generator())
    with pytest.raises(si.UsageError, match="no noise"):
        KLBound().estimate(model_of(process, exact, epsilon=lambda t: (t > 0.5).double()), x, generator())
    with pytest.raises(si.UsageError, match="generator"):
        KLBound(epsilon=1.0).estimate(model_of(process, exact), x)
    alone = si.FunctionFields(velocity=lambda t, y: y, process=process_of(NoLatent()))
    with pytest.raises(si.UsageError, match="score"):
        KLBound(epsilon=1.0).estimate(model_of(alone.process, alone), x, generator())
    for options in (
        {"form": "speed"},
        {"direction": "up"},
        {"epsilon": 0.0},
        {"reference": "known"},
        {"span": (0.5, 0.2)},
        {"n": 1},
        {"times": 1},
        {"batch": 0},
    ):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            KLBound(**options)


def test_ends_that_are_not_met_make_it_approximate():
    """Source and target smeared by the latent are not those that samples start from and are compared with."""
    for latent, bound in ((ConstantLatent(0.5), "approximate"), (Quadratic(), "upper")):
        process = process_of(latent)
        exact = si.exact_fields(process)
        fields = si.FunctionFields(
            velocity=lambda t, x, b=exact: b.velocity(t, x) + 0.1, score=exact.score, process=process
        )
        model = model_of(process, fields, epsilon=lambda t: 0.5 * t * (1 - t) + 0.1)
        found = KLBound(n=50, times=8, span=(0.1, 0.9)).estimate(
            model, torch.zeros(1, 2, dtype=torch.float64), generator()
        )
        assert found.bound == bound
        assert ("beside its source" in found.details.get("approximate", "")) == (bound == "approximate")
