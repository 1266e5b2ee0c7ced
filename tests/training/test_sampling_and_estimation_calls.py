"""The entry points of sampling and estimation: prefixes, seeds, blocks, conditions, directions, precision."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import si_core as si
from si_core.models import blocks
from si_core.models.sampling import draw_samples

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

TINY = ("network.width=16", "network.depth=1", "train.steps=3", "train.batch=32")


@pytest.fixture(scope="module")
def mixture() -> si.Model:
    """Two-sided, sampled by an SDE."""
    return si.train(si.load_recipe("gaussian-mixture", [*TINY, "sample.integrator.steps=4"]))


@pytest.fixture(scope="module")
def digits() -> si.Model:
    """With ten classes, sampled by an ODE."""
    return si.train(si.load_recipe("digits", [*TINY, "sample.integrator.steps=2", "sample.batch=16"]))


@pytest.fixture(params=["mixture", "digits"])
def model(request) -> si.Model:
    return request.getfixturevalue(request.param)


def test_fewer_samples_are_the_first_of_more(model):
    many = si.sample(model, 3000 if model.process.shape == (2,) else 40)
    for k in (1, 7, len(many) // 2, len(many) - 1):
        assert torch.equal(si.sample(model, k), many[:k])
    assert len(torch.unique(many, dim=0)) == len(many), "no sample comes twice"


def test_a_block_is_the_same_wherever_it_ends(mixture):
    assert torch.equal(si.sample(mixture, blocks.BLOCK + 5)[: blocks.BLOCK], si.sample(mixture, blocks.BLOCK))


def test_seeds_decide_and_global_generators_do_not(model):
    one = si.sample(model, 5, seed=3)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(si.sample(model, 5, seed=3), one)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(si.sample(model, 5, seed=4), one)


@pytest.mark.parametrize("n", [0, -1])
def test_no_samples_are_refused(mixture, n):
    with pytest.raises(si.UsageError, match="number of samples"):
        si.sample(mixture, n)


def test_another_method_and_level_for_one_call(mixture):
    ode = si.sample(mixture, 5, integrator=si.build("integrator", "rk4", steps=4), epsilon=0.0)
    assert not torch.equal(ode, si.sample(mixture, 5))
    assert mixture.epsilon == 0.5
    with pytest.raises(si.UsageError, match="solves ODEs"):
        si.sample(mixture, 5, integrator=si.build("integrator", "rk4"))
    with pytest.raises(si.UsageError, match=r"can't be had|stand in the way|noise level"):
        si.sample(mixture, 5, epsilon=-1.0)


def test_samples_can_be_differentiated_through(mixture):
    """They are ordinary tensors, though they come from inference mode."""
    x = si.sample(mixture, 5)
    assert not x.is_inference()
    (gradient,) = torch.autograd.grad(mixture.process.target.log_prob(x.requires_grad_()).sum(), x)
    assert bool(torch.isfinite(gradient).all())


def test_conditions_go_in_turn_through_all_samples(digits):
    """Also where a block of samples is no multiple of the list: sample i has the class ``list[i % length]``."""
    for classes in ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], ["3", "8", "5"], [7], 4):
        drawn = draw_samples(digits, 50, 0, classes)
        samples, told = drawn.x, drawn.condition
        turn = torch.as_tensor([int(k) for k in classes] if isinstance(classes, list) else [classes])
        assert told["digit"].tolist() == [int(turn[i % len(turn)]) for i in range(50)]
        assert samples.shape == (50, 1, 8, 8)
        fewer = draw_samples(digits, 21, 0, classes)
        shorter, some = fewer.x, fewer.condition
        assert torch.equal(shorter, samples[:21])
        assert torch.equal(some["digit"], told["digit"][:21])


def test_conditions_reach_the_network(digits):
    """The same noise with another class gives another sample; the same class gives the same."""
    zero, one = (si.sample(digits, 6, condition=k) for k in (0, 1))
    assert not torch.equal(zero, one)
    both = si.sample(digits, 6, condition=[0, 1])
    assert torch.equal(both[0], zero[0])
    torch.testing.assert_close(both[1::2], one[1::2], rtol=1e-5, atol=1e-5)


def test_conditions_are_drawn_as_the_target_has_them(digits):
    labels = draw_samples(digits, 400, 0).condition["digit"]
    # Ten classes of nearly equal size: each has 40 +- 6.
    assert bool(((torch.bincount(labels, minlength=10) - 40).abs() < 5 * 6).all())


@pytest.mark.parametrize("condition", [10, -1, [0, 10], "ten", {"digit": 10}, []])
def test_classes_that_there_are_not(digits, condition):
    with pytest.raises(si.UsageError, match=r"no class|has no values"):
        si.sample(digits, 3, condition=condition)


def test_conditions_by_other_names(digits):
    with pytest.raises(si.UsageError, match=r"unknown condition 'species'[\s\S]*digit: one of 0, 1"):
        si.sample(digits, 3, condition={"species": "setosa"})


def test_conditions_of_a_target_without_classes(mixture):
    with pytest.raises(si.UsageError, match="takes no condition"):
        si.sample(mixture, 3, condition=0)


def test_backward_from_data_with_their_own_classes(digits, monkeypatch):
    """Draws of the target carry their labels along: none are drawn beside them, and none can be asked for."""
    backward = replace(digits, start=1.0, stop=0.0)
    x, own = backward.initial(20, torch.Generator().manual_seed(1))
    rows, truth = digits.process.target.draw(20, torch.Generator().manual_seed(1))
    assert torch.equal(x, rows.to(x))
    assert torch.equal(own["digit"], truth["digit"])
    told = []
    conditioned = type(digits.fields).conditioned
    monkeypatch.setattr(
        type(digits.fields),
        "conditioned",
        lambda self, condition: told.append(condition) or conditioned(self, condition),
    )
    path = backward.sample(20, torch.Generator().manual_seed(1))
    assert torch.equal(path.x[0], x)
    assert torch.equal(told[-1]["digit"], own["digit"])
    with pytest.raises(si.UsageError, match="their own conditions"):
        si.sample(backward, 3, condition=1)
    with pytest.raises(si.UsageError, match="'digit' is missing"):
        backward.sample(20, torch.Generator(), start_from=x)
    assert backward.sample(20, torch.Generator(), start_from=x, condition=own).final.shape == x.shape


def test_given_states_are_as_many_as_asked_for(mixture):
    with pytest.raises(si.UsageError, match="3 states"):
        mixture.sample(4, torch.Generator(), start_from=torch.zeros(3, 2))


def test_both_directions_compare_with_the_end_that_is_reached(recipe):
    """An exact model run backward samples its source, and is measured against it."""
    text = """\
        source: {use: gaussian-mixture, means: [[-3.0, 0.0]]}
        target: {use: gaussian-mixture, means: [[3.0, 0.0]]}
        latent: brownian
        network: {use: mlp, width: 8, depth: 1}
        train: {steps: 1, batch: 8}
        """
    process = si.train(recipe(text)).process
    forward = si.Model(process, si.exact_fields(process), si.build("integrator", "rk4", steps=20))
    backward = replace(forward, start=1.0, stop=0.0)
    assert (forward.origin, forward.end) == (backward.end, backward.origin) == (process.source, process.target)
    for model in (forward, backward):
        for name in ("energy-distance", "sliced-wasserstein"):
            options = {"projections": 32} if name == "sliced-wasserstein" else {}
            estimate = si.estimate(model, si.build("estimator", name, samples=500, **options))
            assert estimate.value < 0.3, "the two ends are 6 apart"


LIKELIHOOD = {"divergence": "hutchinson", "steps": 2}


def test_points_of_a_conditional_model_need_their_classes(digits):
    estimator, x = si.build("estimator", "log-likelihood", **LIKELIHOOD), torch.rand(6, 1, 8, 8)
    labels = torch.tensor([0, 1, 2, 3, 4, 5])
    with pytest.raises(si.UsageError, match=r"'digit' is missing[\s\S]*one of 0, 1"):
        si.estimate(digits, estimator, x)
    for wrong, word in ((labels[:5], "another shape"), (labels + 5, "out of range")):
        with pytest.raises(si.UsageError, match=word):
            si.estimate(digits, estimator, x, condition=wrong)
    found = si.estimate(digits, estimator, x, condition=labels).per_sample
    other = si.estimate(digits, estimator, x, condition=labels.flip(0)).per_sample
    assert not torch.equal(found, other)
    told = replace(digits, fields=digits.fields.conditioned({"digit": labels}))
    assert torch.equal(si.estimate(told, estimator, x).per_sample, found)


def test_classes_of_a_model_without_are_refused(mixture):
    with pytest.raises(si.UsageError, match="takes no condition"):
        si.estimate(
            mixture, si.build("estimator", "log-likelihood", steps=2), torch.rand(3, 2), condition=torch.zeros(3).long()
        )


def test_points_take_the_precision_of_the_model(mixture):
    """Arrays are often of double precision; the networks are not."""
    estimator, x = si.build("estimator", "log-likelihood", steps=2), torch.rand(5, 2)
    single = si.estimate(mixture, estimator, x)
    for points in (x.double(), x.half().float().double()):
        assert si.estimate(mixture, estimator, points).value == pytest.approx(single.value, abs=1e-2)
    whole = si.estimate(mixture, estimator, torch.ones(5, 2, dtype=torch.int64))
    assert whole.value == si.estimate(mixture, estimator, torch.ones(5, 2)).value


@pytest.mark.parametrize(
    ("points", "word"),
    [
        (torch.rand(5, 3), r"\(5, 3\)[\s\S]*\(B, 2\)"),
        (torch.rand(0, 2), "another shape"),
        (torch.tensor([[0.0, 1.0], [0.0, float("nan")]]), "row 1"),
    ],
)
def test_points_that_are_none(mixture, points, word):
    with pytest.raises(si.DataError, match=word):
        si.estimate(mixture, "log-likelihood", points)


def test_estimates_depend_on_their_seed_alone(mixture):
    energy = si.build("estimator", "energy-distance", samples=200)
    one = si.estimate(mixture, energy, seed=1)
    torch.manual_seed(3)
    assert si.estimate(mixture, energy, seed=1).value == one.value
    assert si.estimate(mixture, energy, seed=2).value != one.value


def test_exact_fields_are_asked_for_only_where_they_are_known(recipe):
    text = """\
        source: two-moons
        target: checkerboard
        latent: brownian
        network: {use: mlp, width: 8, depth: 1}
        train: {steps: 1, batch: 8}
        """
    model = si.train(recipe(text))
    with pytest.raises(si.UsageError, match="not known for this process"):
        si.estimate(model, "excess-loss")
    with pytest.raises(si.UsageError, match="not an estimator"):
        si.estimate(model, 3)
