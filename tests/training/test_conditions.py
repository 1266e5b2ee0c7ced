"""Conditions and weights of pairs: laws given a label and an observation, left out or refused; weighted means.

The toy is ``x1 = y + 2 k + n/2`` in three dimensions, with an observation y ~ N(0, I), a label k = -1 (low) or 1 (high)
and n ~ N(0, I). Given both it is a Gaussian, and its ODE from ``x0 ~ N(0, I)`` ends at ``y + 2 k + x0/2``.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import si_core as si
from si_core.models.assembly import assemble
from si_core.models.missing_conditions import refuse_missing_conditions
from si_core.models.sampling import draw_samples
from si_core.training.trainer import Trainer

for plugin in (
    "si_interpolants",
    "si_distributions",
    "si_integrators",
    "si_objectives",
    "si_networks",
    "si_estimators",
):
    pytest.importorskip(plugin)

TOY = """
import torch
import si_core as si

class Toy(si.Distribution):
    shape = (3,)
    conditions = {"kind": si.ConditionSpec(classes=("low", "high")), "observation": si.ConditionSpec((3,))}

    def draw(self, n, generator=None):
        kind = torch.randint(2, (n,), generator=generator)
        y, noise = (torch.randn(n, 3, generator=generator) for _ in range(2))
        return y + (4 * kind - 2)[:, None] + noise / 2, {"kind": kind, "observation": y}
"""
exec(TOY, namespace := {})
Toy: type[si.Distribution] = namespace["Toy"]

SHIFTS = torch.tensor([-2.0, 2.0])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mean(told: si.Condition) -> Tensor:
    """The mean of x1 given the conditions, (B, 3)."""
    return told["observation"] + SHIFTS[told["kind"]][:, None]


class Exact(nn.Module):
    """``E[x1 - x0 | x_t, y, k]`` on the linear path, with ``v = (1-t)^2 + t^2/4`` the variance of x_t."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, t: Tensor, x: Tensor, condition: si.Condition | None = None) -> Tensor:
        self.calls += 1
        m, t = mean(condition), t.reshape(-1, 1)
        return m + (t / 4 - (1 - t)) / ((1 - t) ** 2 + t**2 / 4) * (x - t * m)


def exact(optional: frozenset[str] = frozenset()) -> si.Model:
    source = si.build("distribution", "gaussian", dim=3)
    parts = (si.build(*part) for part in (("interpolant", "linear"), ("latent", "none"), ("coupling", "independent")))
    process = si.StochasticInterpolant(*parts, source, Toy())
    predictor, outputs = si.Predictor([Exact()], 1), si.Parametrisation(process.clock, False)
    fields = si.LearnedFields(process, ("velocity",), predictor, outputs, optional=optional)
    return si.Model(process, fields, si.build("integrator", "rk4", steps=40))


# Laws given conditions.


def test_each_state_goes_where_its_conditions_say():
    """RK4 of step 1/40 on a drift with poles at a distance of 1/2: below 1e-4."""
    x0, (_, told) = torch.randn(60, 3, generator=seeded()), Toy().draw(60, seeded(1))
    final = exact().sample(60, seeded(), start_from=x0, condition=told).final
    torch.testing.assert_close(final, mean(told) + x0 / 2, rtol=0, atol=1e-4)


def test_conditions_of_several_lengths_go_in_turn():
    """Sample i has the i-th of two labels and of three observations, in turn: six laws, each with its own mean."""
    y = torch.tensor([[0.0, 0.0, 0.0], [4.0, 0.0, -4.0], [0.0, 9.0, 1.0]])
    drawn = draw_samples(exact(), 3000, 0, {"kind": ["high", "low"], "observation": y.tolist()})
    samples, told = drawn.x, drawn.condition
    for i in range(6):
        centre = y[i % 3] + (2 if i % 2 == 0 else -2)
        assert torch.equal(told["observation"][i::6], y[i % 3].expand(500, 3))
        # A standard error of 1/2 over the root of 500; 18 of them are looked at.
        torch.testing.assert_close(samples[i::6].mean(0), centre, rtol=0, atol=4.5 * 0.5 / 500**0.5)
        torch.testing.assert_close(samples[i::6].std(0), torch.full((3,), 0.5), rtol=0, atol=4.5 * 0.5 / 1000**0.5)


def test_one_value_is_for_all_samples():
    model, y = exact(), [1.0, 2.0, 3.0]
    one = si.sample(model, 50, condition={"kind": "low", "observation": y})
    many = si.sample(model, 50, condition={"kind": ["low"] * 50, "observation": [y] * 50})
    torch.testing.assert_close(one, many)


def test_estimates_are_of_the_law_given_the_condition():
    """The law given a condition has an energy distance of 0 from itself, and is 4 away from that of the other label."""
    y = torch.tensor([1.0, -1.0, 0.0])
    data = y + 2 + torch.randn(2000, 3, generator=seeded(5)) / 2
    energy = si.build("estimator", "energy-distance", samples=2000)
    own, other = (
        si.estimate(exact(), energy, data, condition={"kind": kind, "observation": y}) for kind in ("high", "low")
    )
    assert abs(own.value) < 5 * own.standard_error
    assert other.value > 1


# Conditions left out.

RECIPE = """\
    source: {use: gaussian, dim: 3}
    target: toy
    latent: {use: brownian}
    objectives: [velocity]
    network: {use: mlp, width: 8, depth: 1}
    train: {steps: 2, batch: 4000}
    """


@pytest.fixture
def trainer(recipe, stranger):
    """``trainer(*overrides)``: a trainer of the toy."""
    stranger("distribution", "toy", "Toy", TOY)
    return lambda *overrides: Trainer(assemble(recipe(RECIPE, *overrides)), si.Runtime())


def left_out(told: si.Condition) -> tuple[Tensor, Tensor]:
    """Which labels and which observations are left out, each (B,)."""
    nan = told["observation"].isnan()
    assert torch.equal(nan.any(1), nan.all(1)), "an observation is left out as a whole"
    return told["kind"] == -1, nan.all(1)


@pytest.mark.parametrize(
    ("dropout", "fractions"), [("0.3", (0.3, 0.3)), ("{observation: 0.9}", (0.0, 0.9)), ("{kind: 0.1}", (0.1, 0.0))]
)
def test_the_fraction_of_what_is_left_out(trainer, dropout, fractions):
    """Binomial over 4000 draws, each condition by itself: both at once have the product."""
    label, observation = left_out(trainer(f"train.condition_dropout={dropout}").batch().draw.condition)
    both = (label & observation, fractions[0] * fractions[1])
    for found, p in ((label, fractions[0]), (observation, fractions[1]), both):
        assert abs(float(found.float().mean()) - p) <= 5 * (p * (1 - p) / len(found)) ** 0.5


def test_steps_leave_out_other_draws_and_always_the_same(trainer):
    one, other = (trainer("train.condition_dropout=0.5") for _ in range(2))
    first = left_out(one.batch().draw.condition)[0]
    assert torch.equal(first, left_out(other.batch().draw.condition)[0])
    one.step = 1
    assert 0.4 < float((left_out(one.batch().draw.condition)[0] == first).float().mean()) < 0.6


def test_antithetic_halves_are_told_the_same(trainer):
    """Singular parts cancel in pairs of one condition alone."""
    draw = trainer("train.condition_dropout=0.5", "train.antithetic=true").batch().draw
    assert draw.antithetic
    for values in draw.condition.values():
        first, second = values.chunk(2)
        assert len(first) == 4000
        assert torch.equal(first.nan_to_num(99), second.nan_to_num(99))


def test_what_is_drawn_does_not_depend_on_what_is_left_out(trainer):
    plain, dropped = trainer().batch().draw, trainer("train.condition_dropout=0.4").batch().draw
    for name in ("t", "x0", "x1", "z", "xt"):
        assert torch.equal(getattr(plain, name), getattr(dropped, name)), name
    label, observation = left_out(dropped.condition)
    assert not any(bool(absent.any()) for absent in left_out(plain.condition))
    assert torch.equal(dropped.condition["kind"][~label], plain.condition["kind"][~label])
    assert torch.equal(dropped.condition["observation"][~observation], plain.condition["observation"][~observation])


def test_only_what_training_left_out_may_be_left_out(recipe, stranger):
    stranger("distribution", "toy", "Toy", TOY)
    both, one, none = (
        si.train(recipe(RECIPE, "train.batch=32", f"train.condition_dropout={chosen}"))
        for chosen in ("0.5", "{kind: 0.5}", "0")
    )
    y, x = torch.zeros(3), torch.randn(4, 3, generator=seeded())
    for model in (both, one):
        assert si.sample(model, 4, condition={"observation": y}).shape == (4, 3)
        told = {"observation": y[None]}
        implicit = model.fields.conditioned(told).velocity(0.5, x)
        said = model.fields.conditioned({**told, "kind": torch.tensor([-1])}).velocity(0.5, x)
        assert torch.equal(implicit, said)
    assert both.fields.velocity(0.5, x).shape == (4, 3), "the fields of the mixture over all"
    for model, told, name in (
        (one, {"kind": "low"}, "observation"),
        (none, {"kind": "low"}, "observation"),
        (none, {"observation": y}, "kind"),
    ):
        with pytest.raises(si.UsageError, match=rf"condition '{name}' is missing[\s\S]*train\.condition_dropout"):
            si.sample(model, 4, condition=told)
    with pytest.raises(si.UsageError, match=r"'observation' is missing"):
        one.fields.velocity(0.5, x)


def test_conditions_that_there_are_not_cannot_be_left_out(trainer):
    with pytest.raises(si.RecipeError, match=r"condition_dropout[\s\S]*no condition 'dose'[\s\S]*kind, observation"):
        trainer("train.condition_dropout={dose: 0.5}")


MEANS = """
import torch
from torch import nn

class Means(nn.Module):
    '''A vector for each label, and one where it is left out.'''

    def __init__(self, shape, conditions=None):
        super().__init__()
        self.means = nn.Parameter(torch.zeros(3, *shape))

    def forward(self, t, x, condition=None):
        label = torch.full((1,), -1) if condition is None else condition["kind"]
        return self.means[label + 1].expand_as(x)
"""
PLAIN = (
    "network=means",
    "train.precondition=false",
    "train.batch=1024",
    "train.steps=400",
    "train.ema=null",
)
"""The minimiser over vectors is the mean of x1 - x0, found by plain descent."""


def test_what_is_left_out_is_learned_as_the_mixture(recipe, stranger):
    """Means of x1 - x0: -2 and 2 by label, 0 over both.

    A vector with a fraction s of the draws approaches its mean by ``lr s = 0.05`` or more a step and scatters about it
    by ``sqrt(lr/2 var/batch)``, below 0.026 for variances up to 7.
    """
    stranger("distribution", "toy", "Toy", TOY)
    stranger("network", "means", "Means", MEANS)
    sgd = "train.optimizer={use: sgd, lr: 0.2}"
    model = si.train(recipe(RECIPE, *PLAIN, "latent=none", sgd, "train.condition_dropout={kind: 0.5}"))
    found = model.fields.predictor.networks[0].means
    torch.testing.assert_close(found, torch.tensor([[0.0], [-2.0], [2.0]]).expand(3, 3), rtol=0, atol=0.13)


PARTLY = """
import torch
import si_core as si

class Partly(si.Distribution):
    '''Rows -2 (low) and 2 (high): of the high ones three quarters have no label.'''

    shape = (3,)
    conditions = {"kind": si.ConditionSpec(classes=("low", "high"))}
    SIZE

    def rows(self, index):
        high = index % 2
        return (4.0 * high - 2)[:, None].expand(-1, 3), {"kind": torch.where((high == 1) & (index % 8 > 1), -1, high)}

    def draw(self, n, generator=None):
        return self.rows(torch.randint(1000, (n,), generator=generator))
"""


@pytest.mark.parametrize("size", ["", "size = 1000"])
def test_rows_without_a_condition_teach_the_mixture_and_nothing_else(recipe, stranger, size):
    """-2 and 2 by label, and 0 over all rows: not 0.55, the mean of what is told no label.

    One draw in 16 is told `high`, so that ``lr s = 0.05`` again; five times the scatter, below 0.053.
    """
    stranger("distribution", "partly", "Partly", PARTLY.replace("SIZE", size))
    stranger("network", "means", "Means", MEANS)
    sgd = "train.optimizer={use: sgd, lr: 0.8}"
    made = (RECIPE.replace("target: toy", "target: partly"), *PLAIN, "latent=none", sgd)
    model = si.train(recipe(*made, "train.condition_dropout=0.5"))
    found = model.fields.predictor.networks[0].means
    torch.testing.assert_close(found, torch.tensor([[0.0], [-2.0], [2.0]]).expand(3, 3), rtol=0, atol=0.26)
    count = "375 of 1000 training rows" if size else "of 256 draws of the target"
    missing = rf"'kind' is missing[\s\S]*{count} without it[\s\S]*condition_dropout: {{kind: 0.1}}"
    with pytest.raises(si.DataError, match=missing):
        si.train(recipe(*made))


@pytest.mark.parametrize("missing", ["rows", "held_out"])
def test_every_row_is_looked_at_those_held_out_as_well(missing):
    class OneLacks(Toy):
        size = 5000

        def rows(self, index):
            x, told = Toy.draw(self, len(index), seeded())
            lacking = index == 4321 if missing == "rows" else torch.zeros(len(index), dtype=torch.bool)
            return x, {**told, "observation": told["observation"].masked_fill(lacking[:, None], torch.nan)}

        def held_out(self):
            x, told = Toy.draw(self, 7, seeded())
            return x, {**told, "kind": torch.where(torch.arange(7) == 3, -1 if missing == "held_out" else 0, 1)}

    process = si.StochasticInterpolant(
        *(si.build(*part) for part in (("interpolant", "linear"), ("latent", "none"), ("coupling", "independent"))),
        si.build("distribution", "gaussian", dim=3),
        OneLacks(),
    )
    name, count = ("observation", "1 of 5000 training rows") if missing == "rows" else ("kind", "1 of 7 held-out rows")
    with pytest.raises(si.DataError, match=rf"'{name}' is missing[\s\S]*{count}"):
        refuse_missing_conditions(process, ())
    refuse_missing_conditions(process, (name,))


# Weights of pairs.

TILTED = """
import torch
import si_core as si

class Tilted(si.Coupling):
    '''Weights ``exp(a x1 - a^2/2)`` in the first coordinate, of mean 1 for a standard normal target.'''

    def __init__(self, a: float = 1.0):
        self.a = a

    def pair(self, x0, x1, generator=None):
        return x0, x1

    def draw(self, source, target, n, generator=None):
        x0, x1 = source.sample(n, generator), target.sample(n, generator)
        return si.Pairs(x0, x1, weight=torch.exp(self.a * x1[:, 0] - self.a**2 / 2))
"""


@pytest.mark.parametrize("antithetic", [False, True])
@pytest.mark.parametrize("a", [0.0, 0.5, 1.0])
def test_weights_of_pairs_tilt_the_mean(recipe, stranger, a, antithetic):
    """``E[w (x1 - x0)] = (a, 0, 0)``: the tilted Gaussian is that with mean a.

    Descent scatters about it by ``sqrt(lr/2 E[w^2 |x1 - x0 - a|^2]/batch)``, where ``E[w^2 ...] <= (2 + a^2) e^{a^2}``.
    """
    stranger("coupling", "tilted", "Tilted", TILTED)
    stranger("network", "means", "Means", MEANS)
    overrides = (
        "target={use: gaussian, dim: 3}",
        f"coupling={{use: tilted, a: {a}}}",
        "train.optimizer={use: sgd, lr: 0.05}",
        *(("latent=quadratic", "train.antithetic=true") if antithetic else ("latent=none",)),
    )
    # The means of an antithetic pair are those of one draw: gamma' z and -gamma' z cancel.
    model = si.train(recipe(RECIPE, *PLAIN, *overrides))
    scatter = (0.025 * (2 + a * a) * 2.72 ** (a * a) / 1024) ** 0.5
    found = model.fields.predictor.networks[0].means[0]
    torch.testing.assert_close(found, torch.tensor([a, 0.0, 0.0]), rtol=0, atol=5 * scatter)


# What is refused at every entry point, before work begins.

GOOD = {"kind": torch.tensor([0, 1, 1, 0]), "observation": torch.zeros(4, 3)}
STATES = torch.zeros(4, 3)
ENTRY_POINTS = {
    "fields": lambda model, told: model.fields.conditioned(told).velocity(0.5, STATES),
    "drift": lambda model, told: model.fields.conditioned(told).forward_drift(0.5, STATES, 0.0),
    "integrate": lambda model, told: si.integrate(model.transport(condition=told), STATES, model.integrator),
    "model.sample": lambda model, told: model.sample(4, seeded(), condition=told),
    "states": lambda model, told: model.sample(4, seeded(), condition=told, start_from=STATES),
    "si.sample": lambda model, told: si.sample(model, 4, condition=told),
    "si.estimate": lambda model, told: si.estimate(
        model, si.build("estimator", "log-likelihood", steps=2), STATES, condition=told
    ),
}
FAULTS = {
    "missing": ({"kind": GOOD["kind"]}, r"'observation' is missing[\s\S]*observation: numbers of shape \(3,\)"),
    "unknown": ({**GOOD, "dose": torch.zeros(4)}, r"unknown condition 'dose'[\s\S]*kind: one of low, high"),
    "misshaped": ({**GOOD, "observation": torch.zeros(4, 2)}, r"'observation' has another shape[\s\S]*\(4, 2\)"),
    "no label": ({**GOOD, "kind": torch.zeros(4)}, "'kind' is a label"),
    "out of range": ({**GOOD, "kind": torch.tensor([0, 1, 2, 0])}, r"'kind' is out of range[\s\S]*2 at entry 2"),
    "label left out": ({**GOOD, "kind": torch.tensor([0, -1, 1, 0])}, r"'kind' is left out[\s\S]*-1 at entry 1"),
    "values left out": ({**GOOD, "observation": torch.full((1, 3), torch.nan)}, r"'observation' is left out[\s\S]*NaN"),
    "infinite": ({**GOOD, "observation": torch.full((1, 3), torch.inf)}, r"'observation' is infinite[\s\S]*entry 0"),
    "complex": ({**GOOD, "observation": torch.zeros(4, 3) * 1j}, r"'observation' has values[\s\S]*complex64"),
    "no name": ({0: GOOD["kind"], **GOOD}, r"unknown condition 0[\s\S]*kind: one of low, high"),
}
NO_TENSORS = {
    "names": {"kind": ["low"], "observation": GOOD["observation"]},
    "lists": {"kind": GOOD["kind"], "observation": [[0.0, 0.0, 0.0]]},
    "nothing": {"kind": None, "observation": GOOD["observation"]},
    "bytes": {"kind": GOOD["kind"].to(torch.uint8), "observation": GOOD["observation"]},
    "text": "low",
}


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_every_entry_point_takes_conditions_of_all_states_and_one_for_all(entry_point):
    for told in (GOOD, {name: values[:1] for name, values in GOOD.items()}):
        ENTRY_POINTS[entry_point](exact(), told)


@pytest.mark.fault(27)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_every_entry_point_refuses_before_any_network_is_called(entry_point, fault):
    model, (told, message) = exact(), FAULTS[fault]
    with pytest.raises(si.UsageError, match=message):
        ENTRY_POINTS[entry_point](model, told)
    assert model.fields.predictor.networks[0].calls == 0


@pytest.mark.parametrize("told", NO_TENSORS.values(), ids=NO_TENSORS)
@pytest.mark.parametrize("entry_point", ["fields", "drift", "integrate"])
def test_fields_are_given_a_mapping_to_tensors(entry_point, told):
    with pytest.raises(si.UsageError, match=r"(is a tensor|is a label|is a mapping)[\s\S]*got"):
        ENTRY_POINTS[entry_point](exact(), told)


@pytest.mark.parametrize("entry_point", ["fields", "drift", "integrate", "si.estimate"])
@pytest.mark.parametrize("told", [None, {}], ids=["none", "empty"])
def test_points_and_problems_have_no_conditions_of_their_own(entry_point, told):
    """Samples without a word take the data's; a point or a problem without one is refused."""
    with pytest.raises(si.UsageError, match="'kind' is missing"):
        ENTRY_POINTS[entry_point](exact(), told)


@pytest.mark.parametrize("entry_point", ["fields", "drift", "integrate", "si.estimate"])
def test_conditions_are_one_for_all_states_or_one_for_each(entry_point):
    with pytest.raises(si.UsageError, match=r"another shape[\s\S]*\(3"):
        ENTRY_POINTS[entry_point](exact(), {name: values[:3] for name, values in GOOD.items()})
