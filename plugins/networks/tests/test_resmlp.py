"""What the residual perceptron promises beyond its interface."""

import itertools

import pytest
import torch

import si_core as si
from si_networks.resmlp import ResMlp

SPECIES = {"species": si.ConditionSpec(classes=("a", "b", "c"))}
OBSERVATION = {"observation": si.ConditionSpec((3, 2), mean=2.0, scale=4.0)}


def network(shape=(2,), seed=0, moved=True, **options):
    """A network in double precision, away from its first weights: some of them are zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = ResMlp(shape, **{"width": 16, "depth": 2, **options}).double()
        if moved:
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def states(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(1,), (2,), (1, 2, 3)])
@pytest.mark.parametrize("heads", [None, 1, 3])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_events_of_any_shape(shape, heads, n):
    for dtype in (torch.float32, torch.float64):
        out = network(shape, heads=heads).to(dtype)(torch.full((n,), 0.3), states(n, *shape).to(dtype))
        assert out.shape == (n, *(() if heads is None else (heads,)), *shape)
        assert out.dtype == dtype


def test_conditions():
    net, x = network(heads=2, conditions=SPECIES | OBSERVATION), states(5, 2)
    told = {"observation": 2.0 + 4.0 * states(5, 3, 2, seed=1)}
    per_label = [net(0.5, x, {**told, "species": torch.tensor([label])}) for label in (0, 1, 2, -1)]
    assert not torch.allclose(per_label[0][:, 0], per_label[0][:, 1])
    for i, j in itertools.combinations(range(4), 2):
        assert not torch.allclose(per_label[i], per_label[j])
    absent = net(0.5, x, {"species": torch.tensor([0]), "observation": OBSERVATION["observation"].absent(x)})
    assert bool(absent.isfinite().all())
    assert not torch.allclose(absent, per_label[0])


def test_a_block_starts_as_the_identity():
    """Whatever the vector of times and conditions is; and the output is small."""
    net, x = network(moved=False), states(4, 2)
    h = net.of_state(x)
    for block in net.blocks:
        assert torch.equal(block(h, states(4, 16, seed=1)), h)
    out = network((20,), moved=False, heads=2)(0.5, states(50, 20))
    assert 0 < float(out.detach().std()) < 0.2


def test_every_parameter_learns():
    net = network(heads=2, two_times=True, conditions=SPECIES | OBSERVATION)
    values = states(20, 3, 2, seed=2)
    values[::5] = torch.nan
    t = torch.linspace(0, 1, 20, dtype=torch.float64)
    told = {"species": torch.arange(20) % 4 - 1, "observation": values}
    net(t, states(20, 2), told, s=t.flip(0)).square().sum().backward()
    assert [name for name, parameter in net.named_parameters() if not bool(parameter.grad.any())] == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: network()(0.5, states(3, 4)), [r"\(3, 4\)", r"\(B, 2\)"]),
        (lambda: network()(torch.rand(2), states(3, 2)), [r"t \(2,\)", r"x \(3, 2\)"]),
        (lambda: network(conditions=SPECIES)(0.5, states(3, 2)), ["'species' is missing"]),
        (lambda: network(width=1), ["width", "1"]),
        (lambda: network(depth=1.5), ["depth"]),
        (lambda: network(expansion=0), ["expansion"]),
        (lambda: network(dropout=-0.1), ["dropout"]),
    ],
)
def test_errors_name_both_sides(call, words):
    for word in words:
        with pytest.raises(si.UsageError, match=word):
            call()


def test_it_learns_what_the_known_part_does_not_know():
    """Two points: the velocity between Gaussians of equal moments leaves far more than the network does."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = ResMlp((1,), width=32, depth=2)
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        losses, known = [], []
        for _ in range(200):
            x0, t = torch.randn(256, 1), torch.rand(256, 1)
            x1 = torch.randint(0, 2, (256, 1)) * 4.0 - 2.0
            x, target = (1 - t) * x0 + t * x1, x1 - x0
            linear = (4 * t - (1 - t)) / ((1 - t) ** 2 + 4 * t**2) * x
            known.append(float((target - linear).square().mean()))
            loss = (linear + net(t.flatten(), x) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    assert sum(losses[-20:]) < 0.8 * sum(known[-20:]), (sum(losses[-20:]), sum(known[-20:]))
