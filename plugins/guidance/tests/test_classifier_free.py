"""Classifier-free guidance between Gaussians, where the guided ODE has a closed form; in recipes and commands.

Given an observation y the target is ``y + s n`` with n ~ N(0, I); over y ~ N(0, I) it is ``N(0, (1 + s^2) I)``. From
``x0 ~ N(0, I)`` both ODEs at y = 0 stretch states by the ratio of standard deviations at the ends, so the logarithm of
what the guided one stretches by is the weighted sum of the two: ``x1 = s^w (1 + s^2)^((1-w)/2) x0``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy
import pytest
import torch
from torch import Tensor, nn

import si_core as si
from si_core.cli.main import main

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_estimators", "si_networks"):
    pytest.importorskip(plugin)

SPREAD = 0.5
WEIGHTS = (-0.5, 0.0, 1.0, 2.0, 3.5)


class Observed(si.Distribution):
    shape = (2,)
    conditions = {"y": si.ConditionSpec((2,))}  # noqa: RUF012

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, si.Condition]:
        y, noise = (torch.randn(n, 2, generator=generator, dtype=torch.float64) for _ in range(2))
        return y + SPREAD * noise, {"y": y}


class Exact(nn.Module):
    """Velocity ``E[x1 - x0 | x_t]`` or score on the linear path, given y or not; it counts the states that it sees."""

    states = 0

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, t: Tensor, x: Tensor, condition: si.Condition | None = None) -> Tensor:
        self.states += len(x)
        y = condition["y"]  # type: ignore[index]
        absent, mean, t = y.isnan(), y.nan_to_num(0.0), t.reshape(-1, 1)
        variance = torch.where(absent, 1 + SPREAD**2, SPREAD**2)
        whole = (1 - t) ** 2 + t**2 * variance
        if self.name == "score":
            return -(x - t * mean) / whole
        return mean + (t * variance - (1 - t)) / whole * (x - t * mean)


def model(epsilon: float = 0.0, optional: frozenset[str] = frozenset({"y"})) -> si.Model:
    source = si.build("distribution", "gaussian", dim=2, dtype="float64")
    path, latent, coupling = (
        si.build(kind, name)
        for kind, name in (("interpolant", "linear"), ("latent", "none"), ("coupling", "independent"))
    )
    process = si.StochasticInterpolant(path, latent, coupling, source, Observed())
    form = si.Parametrisation(process.clock, False)
    names = ["velocity", "score"]
    fields = si.LearnedFields(process, names, si.Predictor([Exact(name) for name in names], 2), form, optional=optional)
    method = si.build("integrator", *(("stochastic-heun",) if epsilon else ("rk4",)), steps=200)
    return si.Model(process, fields, method, epsilon)


def guided(weight: float, epsilon: float = 0.0) -> si.Model:
    return model(epsilon).with_guidance([si.build("guidance", "classifier-free", weight=weight)])


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def stretch(weight: float) -> float:
    return SPREAD**weight * (1 + SPREAD**2) ** ((1 - weight) / 2)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_guided_ode_stretches_by_the_weighted_logarithms(weight):
    x0 = torch.randn(50, 2, generator=seeded(), dtype=torch.float64)
    path = guided(weight).sample(50, seeded(), condition={"y": [0.0, 0.0]}, start_from=x0)
    torch.testing.assert_close(path.final, stretch(weight) * x0, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_every_field_is_the_same_combination_by_one_call(weight):
    learned, combined = model(0.3).fields, guided(weight, 0.3).fields
    x, y = (torch.randn(7, 2, generator=torch.Generator().manual_seed(k), dtype=torch.float64) for k in (1, 2))
    given = {"y": y}
    t = torch.linspace(0.1, 0.9, 7, dtype=torch.float64)
    for name in ("velocity", "score", "source_denoiser", "target_denoiser"):
        found, with_y, without = (
            getattr(fields, name)(t, x) for fields in (combined.conditioned(given), learned.conditioned(given), learned)
        )
        torch.testing.assert_close(found, torch.lerp(without, with_y, weight), rtol=1e-10, atol=1e-10)
    combined.predictor.networks[0].states = 0
    for start, stop in ((0.0, 1.0), (1.0, 0.0)):
        parts = [si.Transport(fields, 0.3, start, stop) for fields in (learned.conditioned(given), learned)]
        whole = si.Transport(combined.conditioned(given), 0.3, start, stop)
        drift = whole.drift(0.4, x)
        with_y, without = (part.drift(0.4, x) for part in parts)
        torch.testing.assert_close(drift, torch.lerp(without, with_y, weight), rtol=1e-10, atol=1e-10)
        seen = combined.predictor.networks[0].states
        assert seen == (7 if weight in (0.0, 1.0) else 14)
        combined.predictor.networks[0].states = 0


@pytest.mark.parametrize(("weight", "given"), [(1.0, True), (0.0, False)])
def test_weight_one_is_the_conditional_law_and_zero_the_mixture_bit_for_bit(weight, given):
    plain, x = model(0.3), torch.randn(9, 2, generator=seeded(), dtype=torch.float64)
    y = {"y": torch.ones(9, 2, dtype=torch.float64)}
    fields = plain.fields.conditioned(y) if given else plain.fields
    expected = si.integrate(si.Transport(fields, 0.3), x, plain.integrator, seeded()).final
    found = guided(weight, 0.3).sample(9, seeded(), condition=y, start_from=x).final
    assert torch.equal(found, expected)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_density_of_the_guided_ode_is_that_of_its_samples(weight):
    x = torch.randn(40, 2, generator=seeded(), dtype=torch.float64)
    found = si.estimate(guided(weight), "log-likelihood", x, condition={"y": [0.0, 0.0]})
    deviation = stretch(weight)
    law = torch.distributions.Normal(0.0, deviation)
    assert found.bound == "exact"
    # The estimator's own method and quadrature, with the steps that it takes by default.
    torch.testing.assert_close(found.per_sample, law.log_prob(x).sum(1), rtol=1e-4, atol=1e-4)


def test_a_density_at_another_noise_level_is_approximate():
    x, given = torch.zeros(4, 2, dtype=torch.float64), {"y": [0.0, 0.0]}
    lower = si.build("estimator", "sde-log-likelihood", steps=20, paths=2)
    other = si.build("estimator", "sde-log-likelihood", steps=20, paths=2, epsilon=0.7)
    for guidance, bounds in (([], ("exact", "lower", "lower")), ([2.0], ("approximate", "lower", "approximate"))):
        parts = [si.build("guidance", "classifier-free", weight=weight) for weight in guidance]
        each = model(0.3).with_guidance(parts)
        found = [si.estimate(each, one, x, condition=given).bound for one in ("log-likelihood", lower, other)]
        assert tuple(found) == bounds


def test_guidance_is_applied_in_order_and_taken_off_again():
    plain = model()
    twice = plain.with_guidance([si.build("guidance", "classifier-free", weight=w) for w in (2.0, 3.0)])
    x, given = torch.ones(3, 2, dtype=torch.float64), {"y": torch.zeros(3, 2, dtype=torch.float64)}
    # Of two in order, what the first makes is what the second combines: w = 2 * 3.
    torch.testing.assert_close(
        twice.fields.conditioned(given).velocity(0.4, x), guided(6.0).fields.conditioned(given).velocity(0.4, x)
    )
    assert twice.with_guidance([]).fields is plain.fields


@pytest.mark.parametrize(
    ("options", "optional", "words"),
    [
        ({}, frozenset(), "train.condition_dropout"),
        ({"conditions": ["y"]}, frozenset(), "never learned"),
        ({"conditions": ["z"]}, frozenset({"y"}), "no condition 'z'"),
    ],
)
def test_fields_that_were_never_learned_are_refused(options, optional, words):
    with pytest.raises(si.UsageError, match=words):
        model(optional=optional).with_guidance([si.build("guidance", "classifier-free", **options)])


def test_a_model_without_conditions_is_refused():
    fields = si.FunctionFields(velocity=lambda t, x: -x)
    with pytest.raises(si.UsageError, match="no condition to guide by"):
        si.build("guidance", "classifier-free").guided(fields)


RECIPE = """\
source: {use: gaussian, dim: 2}
target: {use: array, path: x.csv, label: kind, held_out: 0}
network: {use: mlp, width: 8, depth: 1}
train: {steps: 4, batch: 16, condition_dropout: 0.2}
sample: {number: 8, integrator: {use: euler, steps: 2}, condition: low, guidance: {use: classifier-free, weight: 3}}
estimators: [{use: energy-distance, samples: 8}]
report: false
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rows = numpy.random.default_rng(0).normal(size=(40, 2))
    lines = [f"{a},{b},{'low' if a < 0 else 'high'}" for a, b in rows]
    Path("x.csv").write_text("a,b,kind\n" + "\n".join(lines) + "\n")
    Path("r.yaml").write_text(RECIPE)
    return "r.yaml"


def test_a_recipe_samples_with_guidance(recipe, capsys):
    assert main(["run", recipe, "--out", "run"]) == 0
    resolved = si.load_recipe("run/resolved.yaml").resolved()["sample"]["guidance"]
    left = {"conditions": None, "interval": [0.0, 1.0], "weights": False, "resample_below": 0.5}
    assert resolved == [{"use": "si-guidance/classifier-free", "weight": 3.0, **left}]
    trained = si.load_model("run")
    assert [each.weight for each in trained.guidance] == [3.0]
    # Told alike, samples differ by the guidance alone.
    drawn = {}
    weighted = '{{"use": "classifier-free", "weight": {}}}'.format
    for name, chosen in (("own", None), ("none", "none"), ("one", weighted(1)), ("three", weighted(3))):
        words = [] if chosen is None else ["--guidance", chosen]
        assert main(["sample", "run", "-n", "8", "--condition", "low", "--out", f"{name}.npy", *words]) == 0
        drawn[name] = numpy.load(f"{name}.npy")
    assert numpy.array_equal(drawn["own"], drawn["three"])
    assert numpy.array_equal(drawn["none"], drawn["one"])
    assert not numpy.array_equal(drawn["own"], drawn["none"])
    assert json.loads(Path("run/estimates.json").read_bytes())
    assert (
        main(["estimate", "run", "log-likelihood", "--data", "own.npy", "--condition", "low", "--guidance", "none"])
        == 0
    )
    assert "exact" in capsys.readouterr().out


def test_a_recipe_that_never_leaves_the_condition_out_is_refused_before_training(recipe):
    with pytest.raises(si.RecipeError, match="condition_dropout") as caught:
        si.train(si.load_recipe(recipe, ["train.condition_dropout=0"]))
    assert "r.yaml:5" in str(caught.value.where)


def test_a_weight_is_finite():
    with pytest.raises(si.UsageError, match="weight"):
        si.build("guidance", "classifier-free", weight=math.nan)


@pytest.mark.parametrize(
    ("written", "weights"),
    [
        ("null", []),
        ("[]", []),
        ("classifier-free", [{"weight": 3}]),  # the name that is there already keeps its options
        ("{use: classifier-free, weight: 4.0}", [{"weight": 4.0}]),
        ("[classifier-free, {use: classifier-free, weight: 4.0}]", [{}, {"weight": 4.0}]),
    ],
)
def test_one_guidance_needs_no_list(recipe, written, weights):
    found = si.load_recipe(recipe, [f"sample.guidance={written}"]).sample.guidance
    assert [each.options for each in found] == weights
    assert {each.qualified for each in found} <= {"si-guidance/classifier-free"}


def test_a_wrong_option_is_pointed_at(recipe):
    with pytest.raises(si.RecipeError, match="did you mean 'weight'"):
        si.load_recipe(recipe, ["sample.guidance.wieght=2"])
