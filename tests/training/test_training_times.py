"""How times are drawn in training: their laws, weights that keep the expected loss, and resuming to the bit."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si
from si_core.models.assembly import assemble
from si_core.storage.checkpoint import load_checkpoint, save_checkpoint
from si_core.training.gradient_sizes import GradientSizes
from si_core.training.importance import ImportanceDensity, draw_from
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

TEXT = """\
    seed: 4
    source: gaussian
    target: eight-gaussians
    latent: brownian
    objectives: [velocity, denoiser]
    network: {use: mlp, width: 16, depth: 2}
    train: {steps: 12, batch: 512, optimizer: {use: adam, lr: 1e-2}}
    """
IMPORTANCE = "train.times={use: importance, bins: 8, warmup: 0}"
PAIRS = ("train.antithetic=true", "train.clock=uniform")
STILL = "train.optimizer={use: sgd, lr: 1e-30}"
PEAK = """
    import torch
    from si_core import Regression
    class Peaked(Regression):
        field = "velocity"
        def loss(self, draw, prediction):
            weight = 1 + 30 * torch.exp(-((draw.t - 0.7) / 0.04) ** 2)
            return super().loss(draw, prediction) * weight
    """


@pytest.fixture
def trainer_of(recipe):
    """``trainer_of(*overrides)``: a trainer that has done no step."""
    return lambda *overrides: Trainer(assemble(recipe(TEXT, *overrides)), si.Runtime())


def positions(trainer, steps: int) -> torch.Tensor:
    return torch.cat([trainer._batches.times.at(step).schedule.u.double() for step in range(steps)])


def gradients(trainer, steps: int) -> torch.Tensor:
    """The loss and the gradient at further steps that change no weight, shape (steps, 1 + parameters), float64."""
    found, trainer.optimizer.step = [], lambda: None
    trainer.record() if trainer._sums.count else None
    for _ in range(steps):
        trainer.advance()
        loss = torch.tensor([trainer.record()["loss"]])
        found.append(torch.cat([loss, *(p.grad.flatten() for p in trainer.parameters)]).double())
    return torch.stack(found)


@pytest.mark.parametrize("clock", ["auto", "uniform"])
def test_uniform_times_are_uniform_in_the_clock(trainer_of, clock):
    u = positions(trainer_of(f"train.clock={clock}", "train.antithetic=false"), 40)
    # 20,480 draws: the Kolmogorov distance exceeds 1.95/sqrt(n) in one of 1000 cases.
    distance = (u.sort().values - (torch.arange(len(u)) + 0.5) / len(u)).abs().max()
    assert float(distance) < 1.95 / math.sqrt(len(u))


@pytest.mark.parametrize("clock", ["auto", "uniform"])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (-1.0, 0.5)])
def test_logit_normal_times_are_normal_in_the_logit(trainer_of, clock, mean, std):
    trainer = trainer_of(f"train.clock={clock}", f"train.times={{use: logit-normal, mean: {mean}, std: {std}}}")
    steps = [trainer._batches.times.at(step) for step in range(40)]
    assert all(step.weights is None for step in steps)
    n = ((torch.cat([step.schedule.t.double() for step in steps]).logit() - mean) / std).sort().values
    places = (torch.arange(len(n)) + 0.5) / len(n)
    # A thousandth of the distance for single precision of t; the rest as above.
    assert float((torch.special.ndtr(n) - places).abs().max()) < 1.95 / math.sqrt(len(n)) + 1e-3


def test_logit_normal_times_stay_within_the_ends(trainer_of):
    trainer = trainer_of("train.times={use: logit-normal, mean: 10, std: 10}", "train.clock=uniform")
    for _ in range(40):
        trainer.advance()
    assert math.isfinite(trainer.record()["loss"])


def test_draws_of_a_density_on_bins():
    """The inverse of the distribution function, against the function itself, and exact weights."""
    density = torch.tensor([0.1, 2.5, 0.4, 1.0], dtype=torch.float64)
    v = torch.rand(1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    v = torch.cat([v, torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)])
    u, bins = draw_from(density, v)
    assert torch.equal(bins, (u * 4).long())
    ends = torch.cat([torch.zeros(1), (density / 4).cumsum(0)])
    torch.testing.assert_close(ends[bins] + density[bins] * (u - bins / 4), v, rtol=0, atol=1e-14)
    assert float(u.max()) < 1


def test_the_density_is_the_root_mean_square_of_what_it_met():
    density = ImportanceDensity(4, 0.1)
    assert torch.equal(density.density(), torch.ones(4))
    size = torch.tensor([1.0, 3.0, 0.5, 4.0], dtype=torch.float64)
    bins = torch.arange(4).repeat(50)
    density.add(bins, size[bins].square())
    torch.testing.assert_close(density.density(), 0.9 * size / size.mean() + 0.1)
    # After many more draws than it remembers it has forgotten the old ones.
    for _ in range(1000):
        density.add(bins, size.flip(0)[bins].square())
    torch.testing.assert_close(density.density(), 0.9 * size.flip(0) / size.mean() + 0.1)
    unmet = ImportanceDensity(4, 0.1)
    unmet.add(bins.clamp(max=2), size[bins])
    assert torch.equal(unmet.density(), torch.ones(4)), "uniform until every bin was drawn from"
    with pytest.raises(si.NumericsError, match=r"not finite[\s\S]*train\.times: uniform"):
        unmet.add(bins, torch.full((200,), math.inf))


@pytest.mark.parametrize("uniform", [0.1, 0.5])
def test_weights_are_one_over_the_density_and_bounded(trainer_of, uniform):
    trainer = trainer_of(f"train.times={{use: importance, bins: 8, warmup: 0, uniform: {uniform}}}", STILL)
    for _ in range(32):
        trainer.advance()
    density, steps = (
        trainer._batches.times._gradients.density(),
        [trainer._batches.times.at(step) for step in range(32, 64)],
    )
    u, weights = (torch.cat(parts).double() for parts in zip(*((s.schedule.u, s.weights) for s in steps), strict=True))
    assert float(density.max() / density.min()) > 1.5
    torch.testing.assert_close(weights, 1 / density[(u * 8).long()], rtol=1e-6, atol=0)
    assert float(weights.max()) <= 1 / uniform * (1 + 1e-6)
    # So each bin has n q_k / 8 of the n draws, with the standard error of a count.
    counts = torch.bincount((u * 8).long(), minlength=8)
    wanted = len(u) * density / 8
    assert bool(((counts - wanted).abs() < 4 * wanted.sqrt()).all())


def test_the_density_follows_the_gradient(trainer_of):
    """A network whose outputs are 0 gets the gradient -target: of the velocity, |a' x0 + b' x1 + g' z| in the clock."""
    overrides = ("objectives=[velocity]", "target=gaussian", "train.precondition=false", STILL, "train.batch=2048")
    trainer = trainer_of(IMPORTANCE, *overrides)
    for parameter in trainer.parameters:
        parameter.data.zero_()
    for _ in range(64):
        trainer.advance()
    # t = sin^2(pi u/2): a' = -t', b' = t' = (pi/2) sin(pi u), g' = (pi/2) cos(pi u), with E|x0|^2 = E|x1|^2 = E|z|^2.
    u = (torch.arange(8000, dtype=torch.float64) + 0.5) / 8000
    square = 2 * torch.sin(math.pi * u).square() + torch.cos(math.pi * u).square()
    size = square.reshape(8, -1).mean(1).sqrt()
    # 1000 draws a bin are remembered, of a square with relative standard deviation about 1.
    torch.testing.assert_close(
        trainer._batches.times._gradients.density(), 0.9 * size / size.mean() + 0.1, rtol=0.08, atol=0
    )


@pytest.mark.parametrize("overrides", [(), (*PAIRS, "objectives=[denoiser]", "sample.freeze=true")])
def test_importance_keeps_the_expected_loss_and_gradient(trainer_of, overrides):
    """The same weights, times drawn either way: the means agree within their standard errors."""
    uniform, importance = trainer_of(STILL, *overrides), trainer_of(STILL, IMPORTANCE, *overrides)
    gradients(importance, 64)
    density = importance._batches.times._gradients.density()
    assert float(density.max() / density.min()) > 1.5
    ours, theirs = gradients(importance, 128), gradients(uniform, 128)
    error = ((ours.var(0) + theirs.var(0)) / 128).sqrt()
    apart = (ours.mean(0) - theirs.mean(0)).abs() / error
    # Some 700 parameters: the largest of as many normal deviates is beyond 5 in one of 2500 cases.
    assert float(apart[error > 0].max()) < 5


def test_logit_normal_losses_are_another_mean(trainer_of):
    uniform, other = trainer_of(STILL), trainer_of(STILL, "train.times={use: logit-normal, mean: 3}")
    a, b = gradients(uniform, 64)[:, 0], gradients(other, 64)[:, 0]
    assert abs(a.mean() - b.mean()) > 10 * ((a.var() + b.var()) / 64).sqrt()


def test_importance_lowers_the_variance_of_the_gradient(trainer_of, stranger):
    """A loss with a peak over a twentieth of the clock; the weights are those of the same trained network."""
    stranger("objective", "peaked", "Peaked", PEAK)
    overrides = ("objectives=[peaked]", "latent=none", "train.ema=null")
    times = "train.times={use: importance, warmup: 0}"
    uniform, importance = trainer_of(*overrides), trainer_of(*overrides, times)
    for _ in range(300):
        importance.advance()
    uniform.predictor.load_state_dict(importance.predictor.state_dict())
    ours, theirs = (float(gradients(one, 150)[:, 1:].var(0).sum()) for one in (importance, uniform))
    assert ours < 0.5 * theirs


def test_warmup_steps_are_uniform(trainer_of):
    trainer = trainer_of("train.times={use: importance, bins: 8, warmup: 40}")
    for step in range(96):
        weights = trainer._batches.times.at(step).weights
        # Whole blocks of 32 steps share a density.
        assert bool((weights == 1).all()) is (step < 64)
        trainer.advance()


@pytest.mark.parametrize("overrides", [(), PAIRS, ("network.shared=false",)])
def test_the_gradient_of_each_draw_is_that_of_its_own_loss(trainer_of, overrides):
    """Against a backward pass for each draw, or for each antithetic pair."""
    trainer = trainer_of(IMPORTANCE, *overrides, "train.batch=8", STILL)
    draw, preconditioning = trainer.batch().draw, trainer._batches.times.at(0).preconditioning

    def losses():
        predictions = trainer.assembly.fields.predictions(draw, preconditioning)
        each = [o.loss(draw, p) for o, p in zip(trainer.assembly.objectives, predictions, strict=True)]
        return sum(each), predictions

    sizes = trainer._gradients.sizes
    with sizes.watching(len(draw.t)):
        total, predictions = losses()
    sizes.outputs(draw.xt, predictions)
    total.sum().backward()
    total = sum(losses()[0].chunk(2)) if overrides is PAIRS else losses()[0]
    for i, loss in enumerate(total):
        own = torch.autograd.grad(loss, trainer.parameters, retain_graph=True)
        # Single precision, and cancellation within a pair.
        assert float(sizes.squares[i]) == pytest.approx(sum(float(g.square().sum()) for g in own), rel=1e-3)
    assert not any(layer._forward_hooks for layer in trainer.predictor.modules())


def test_networks_without_layers_to_watch_count_as_linear():
    """``f = W x + b`` by hand, and the same from torch's layer."""
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    layer, found = torch.nn.Linear(3, 3), []
    for module, call in ((layer, layer), (None, lambda y: torch.nn.functional.linear(y, layer.weight, layer.bias))):
        with GradientSizes(module, False).watching(6) as sizes:
            prediction = call(x)
        sizes.outputs(x, [prediction])
        prediction.square().sum().backward()
        found.append(sizes.squares)
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], ((2 * prediction).square().sum(1) * (x.square().sum(1) + 1)).double())


def test_a_convolution_is_bounded_by_its_norms():
    """``|sum_p d_p w_p^T|^2 <= |d|^2 sum_p |w_p|^2``; an input is in 9 windows w_p at most, the bias in all 25."""
    layer = torch.nn.Conv2d(2, 3, 3, padding=1)
    x = torch.randn(4, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    with GradientSizes(layer, False).watching(4) as sizes:
        y = layer(x)
    y.square().sum().backward()
    for i, own in enumerate(layer(x).square().flatten(1).sum(1)):
        gradients = torch.autograd.grad(own, tuple(layer.parameters()), retain_graph=True)
        square = sum(float(g.square().sum()) for g in gradients)
        assert 0 < square <= 25 * float(sizes.squares[i])


@pytest.mark.parametrize("overrides", [(), PAIRS, ("train.precondition=false",)])
@pytest.mark.parametrize("stops", [(40,), (32, 64), (1, 33, 50, 64)])
def test_importance_resumes_to_the_bit(trainer_of, tmp_path, overrides, stops):
    """Within a block of steps and between two, with however many interruptions."""
    whole = trainer_of(IMPORTANCE, *overrides)
    for _ in range(70):
        whole.advance()
    trainer = trainer_of(IMPORTANCE, *overrides)
    for stop in (*stops, 70):
        while trainer.step < stop:
            trainer.advance()
        path = save_checkpoint(tmp_path, trainer.step, *trainer.state())
        checkpoint, trainer = load_checkpoint(path), trainer_of(IMPORTANCE, *overrides)
        trainer.restore(checkpoint.step, checkpoint.tensors, checkpoint.state, str(path))
    mine, theirs = trainer.state(), whole.state()
    assert set(mine[0]) == {"weights", "average", "optimizer", "times"}
    for group, tensors in mine[0].items():
        assert all(torch.equal(value, theirs[0][group][name]) for name, value in tensors.items()), group
    assert mine[1] == theirs[1]


def test_other_times_leave_nothing_to_save(trainer_of):
    for times in ("uniform", "logit-normal"):
        assert "times" not in trainer_of(f"train.times={times}").state()[0]


def test_a_checkpoint_of_other_times_is_refused(trainer_of):
    trainer = trainer_of(IMPORTANCE)
    trainer.advance()
    tensors, state = trainer.state()
    with pytest.raises(si.StorageError, match=r"other bins[\s\S]*8[\s\S]*of 16 bins"):
        trainer_of("train.times={use: importance, bins: 16}").restore(1, tensors, state, "step-1")
    del tensors["times"]
    with pytest.raises(si.StorageError, match="no times"):
        trainer_of(IMPORTANCE).restore(1, tensors, state, "step-1")


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        ("sobol", r"train\.times[\s\S]*uniform, logit-normal, importance"),
        ("{use: logit-normal, std: 0}", r"std[\s\S]*> 0"),
        ("{use: logit-normal, bins: 8}", "bins"),
        ("{use: importance, bins: 1}", r"bins[\s\S]*2"),
        ("{use: importance, uniform: 0}", r"uniform[\s\S]*> 0"),
        ("{use: importance, warmup: -1}", "warmup"),
    ],
)
def test_wrong_times_are_refused(recipe, times, problem):
    with pytest.raises(si.RecipeError, match=problem):
        recipe(TEXT, f"train.times={times}")


def test_the_recipe_says_how_times_are_drawn(recipe):
    assert recipe(TEXT).resolved()["train"]["times"] == {"use": "uniform"}
    bare = recipe(TEXT, "train.times=importance").resolved()["train"]["times"]
    assert bare == {"use": "importance", "bins": 64, "warmup": 500, "uniform": 0.1}
