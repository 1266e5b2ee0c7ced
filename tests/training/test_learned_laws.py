"""Training reaches the law: losses fall towards their minimum, and samples are those of the target.

Energy distances are unbiased, so that for equal laws they scatter about 0 by the *floor*, the standard error of two
samples of one law. The source of these recipes is some 200 floors away from the target.
"""

from __future__ import annotations

import textwrap
from functools import cache

import pytest
import torch

import si_core as si

for plugin in (
    "si_interpolants",
    "si_distributions",
    "si_integrators",
    "si_objectives",
    "si_networks",
    "si_recipes",
    "si_estimators",
):
    pytest.importorskip(plugin)

SMALL = ("network.width=64", "network.depth=3", "train.batch=256", "train.ema=0.99", "train.optimizer.lr=5e-3")
STEPS = (50, 200, 800)


@pytest.fixture(scope="module")
def ladder() -> list[si.Model]:
    """The built-in mixture recipe on a small scale, trained for more and more steps."""
    return [si.train(si.load_recipe("gaussian-mixture", [*SMALL, f"train.steps={steps}"])) for steps in STEPS]


def excess(model: si.Model, **options) -> si.Estimate:
    return si.estimate(model, si.build("estimator", "excess-loss", n=8000, **options))


def surplus(model: si.Model, n: int, steps: int) -> tuple[float, float]:
    """``KL(rho_1 | model's ODE) = E[log rho_1 - log model]`` in nats with its standard error, on fresh draws."""
    target = model.process.target
    x = target.sample(n, torch.Generator().manual_seed(11))
    likelihood = si.estimate(model, si.build("estimator", "log-likelihood", steps=steps), x)
    gaps = target.log_prob(x).double() - likelihood.per_sample.double()
    return float(gaps.mean()), float(gaps.std()) / n**0.5


def test_the_excess_loss_is_positive_and_falls(ladder):
    found = [excess(model) for model in ladder]
    values = [estimate.value for estimate in found]
    assert all(estimate.value > 3 * estimate.standard_error for estimate in found)
    assert values[1] < 0.75 * values[0]
    assert values[2] < 0.35 * values[1]
    assert values[2] < 0.2
    for estimate in found:
        for field in estimate.details["fields"].values():
            assert field["excess"] == pytest.approx(field["direct"], abs=5 * field["excess_error"])
            assert field["direct"] > 0


def test_the_held_out_likelihood_nears_the_entropy(ladder):
    """The gap is a Kullback-Leibler divergence: not negative, and here of the size of the excess loss."""
    found = [surplus(model, 1000, 20) for model in ladder]
    for model, (gap, error) in zip(ladder, found, strict=True):
        assert gap > -5 * error
        assert gap < 3 * excess(model).value + 5 * error
    assert found[2][0] < 0.3 * found[1][0]


def test_small_models_sample_the_target(ladder):
    distances = [distance(model) for model in ladder]
    assert distances[2] < 0.2 * distances[0]
    assert distances[2] < 11 * FLOOR


@pytest.mark.slow
def test_the_whole_recipe_is_within_a_tenth_of_a_nat():
    model = si.train(si.load_recipe("gaussian-mixture"))
    gap, error = surplus(model, 4000, 30)
    assert -5 * error < gap < 0.1
    assert excess(model).value < 0.05
    assert distance(model) < 4 * FLOOR


ONE_FIELD = """\
    source: {use: gaussian, dim: 2}
    target:
      use: gaussian-mixture
      weights: [0.4, 0.3, 0.3]
      means: [[0.0, 2.0], [-1.7, -1.0], [1.7, -1.0]]
      covariances: 0.2
    interpolant: linear
    latent: LATENT
    objectives: [OBJECTIVES]
    network: {use: mlp, width: 64, depth: 3}
    train:
      steps: 500
      batch: 256
      optimizer: {use: adam, lr: 5e-3}
      schedule: {use: cosine, final: 0.01}
      ema: 0.99
    """

FLOOR = 1.93e-3
"""The standard error of the energy distance of 2000 samples and 2000 others of the target."""


def distance(model: si.Model) -> float:
    estimates = [si.estimate(model, si.build("estimator", "energy-distance", samples=2000), seed=s) for s in (0, 1)]
    return sum(estimate.value for estimate in estimates) / 2


@cache
def text_of(objectives: str, latent: str) -> str:
    return textwrap.dedent(ONE_FIELD).replace("OBJECTIVES", objectives).replace("LATENT", latent)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """``trained(objectives, latent, *overrides)``; each is trained once."""
    folder = tmp_path_factory.mktemp("recipes")

    @cache
    def train(objectives: str, latent: str, *overrides: str) -> si.Model:
        path = folder / "r.yaml"
        path.write_text(text_of(objectives, latent), encoding="utf-8")
        return si.train(si.load_recipe(path, overrides))

    return train


def sampled(model: si.Model, epsilon) -> float:
    if epsilon == "gamma":
        epsilon = si.build("diffusion", "gamma")
    name, steps = ("rk4", 20) if epsilon == 0.0 else ("stochastic-heun", 40)
    return distance(model.with_sampler(si.build("integrator", name, steps=steps), epsilon))


def test_the_floor_and_the_distance_of_the_source(trained):
    """What the limits below mean: the stated floor is right, and a model that learned nothing is far above them."""
    process = trained("velocity", "none").process
    still = si.FunctionFields(velocity=lambda t, x: torch.zeros_like(x), process=process)
    model = si.Model(process, still, si.build("integrator", "euler", steps=1))
    assert distance(model) > 110 * FLOOR
    perfect = si.Model(process, si.exact_fields(process), si.build("integrator", "rk4", steps=20))
    energy = si.build("estimator", "energy-distance", samples=2000)
    found = [si.estimate(perfect, energy, seed=seed) for seed in range(4)]
    # The part of the standard error that unequal laws would have scatters about 0 and is kept from being negative.
    assert min(estimate.standard_error for estimate in found) == pytest.approx(FLOOR, rel=0.1)
    assert all(abs(estimate.value) < 5 * FLOOR for estimate in found)


# Unweighted, the denoisers' losses leave early or late times to chance, which an ODE does not mend as an SDE does.
LIMITS = {
    ("velocity", "none"): (7.5, 7.5),
    ("denoiser", "none"): (26, 11),
    ("target-denoiser", "none"): (15, 15),
    ("score", "none"): (26, 11),
    ("velocity", "brownian"): (7.5, 7.5),
    ("denoiser", "brownian"): (26, 11),
    ("target-denoiser", "brownian"): (15, 15),
    ("score", "brownian"): (26, 11),
}


@pytest.mark.parametrize(
    ("objective", "latent"),
    # Every objective and both latents, which meet in turn.
    [
        pytest.param(*case, marks=[pytest.mark.slow] * ((k + k // 4) % 2), id=" ".join(case))
        for k, case in enumerate(LIMITS)
    ],
)
def test_one_field_suffices_with_a_gaussian_source(trained, objective, latent):
    """Every field follows from any one of them, so each samples by ODE and by SDE; limits in floors."""
    model = trained(objective, latent)
    of_ode, of_sde = LIMITS[objective, latent]
    assert sampled(model, 0.0) < of_ode * FLOOR
    assert sampled(model, "gamma") < of_sde * FLOOR


@pytest.mark.parametrize("source", [pytest.param("gaussian", marks=pytest.mark.slow), "two-moons"])
@pytest.mark.parametrize("objectives", ["velocity, score", "interpolant-velocity, score"])
def test_antithetic_pairs_in_plain_time(trained, objectives, source):
    """``train.clock: uniform``: targets are singular at the ends, and pairs with opposite noise cancel it."""
    model = trained(objectives, "brownian", "train.clock=uniform", f"source={source}")
    assert model.fields.parametrisation.clock == si.UniformClock()
    assert not model.fields.parametrisation.precondition
    assert sampled(model, 0.0) < 15 * FLOOR
    assert sampled(model, 0.5) < 7.5 * FLOOR
    assert sampled(model, "gamma") < 10 * FLOOR


def test_a_velocity_alone_in_plain_time(trained):
    model = trained("velocity", "brownian", "train.clock=uniform")
    assert not model.fields.parametrisation.precondition
    assert sampled(model, 0.0) < 10 * FLOOR


def test_a_score_alone_in_plain_time_says_that_its_velocity_is_singular(trained):
    """The velocity needs ``(s + x)/t`` at t = 0, where a network's error stays; in the clock its remainder does not."""
    for clock, unbounded in (("uniform", (True, False)), ("auto", (False, False))):
        model = trained("score", "brownian", f"train.clock={clock}", "train.steps=1", "sample.freeze=true")
        assert model.transport().flow.unbounded == unbounded


def test_antithetic_pairs_bound_the_gradients_of_singular_targets(trained, tmp_path):
    """Without pairs the target ``-z/gamma`` of the score in plain time has no finite variance."""
    from si_core.models.assembly import assemble
    from si_core.training.trainer import Trainer

    norms = {}
    path = tmp_path / "r.yaml"
    path.write_text(text_of("velocity", "brownian"), encoding="utf-8")
    for pairs in ("auto", "false"):
        recipe = si.load_recipe(path, ["train.clock=uniform", f"train.antithetic={pairs}", "train.precondition=false"])
        trainer = Trainer(assemble(recipe), si.Runtime())
        assert trainer.assembly.antithetic is (pairs == "auto")
        draws = []
        for trainer.step in range(20):
            draw = trainer.batch().draw
            target = draw.target("velocity")
            if draw.antithetic:
                target = 0.5 * (target[: len(target) // 2] + target[len(target) // 2 :])
            draws.append(float(target.norm(dim=1).max()))
        norms[pairs] = max(draws)
    assert norms["auto"] < 20
    assert norms["false"] > 3 * norms["auto"]


def test_excess_of_every_learned_field_is_small(trained):
    """The velocity that follows from another learned field is near the exact one, per unit of clock."""
    for (objective, latent), limit in {
        ("velocity", "none"): 0.05,
        ("velocity", "brownian"): 0.1,
        ("denoiser", "brownian"): 0.2,
        ("target-denoiser", "none"): 0.2,
    }.items():
        found = excess(trained(objective, latent), fields=["velocity"]).details["fields"]["velocity"]
        assert 0 < found["direct"] < limit
