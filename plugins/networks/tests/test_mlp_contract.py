"""What the multilayer perceptron promises beyond its interface: batches of no rows, labels, smoothness, and errors."""

import copy
import itertools
import math
import pickle

import pytest
import torch

import si_core as si
from si_networks.mlp import Mlp


def network(shape=(2,), seed=0, **options):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Mlp(shape, **{"width": 16, "depth": 3, **options}).double()


SPECIES = {"species": si.ConditionSpec(classes=("a", "b", "c"))}
OBSERVATION = {"observation": si.ConditionSpec((3, 2), mean=2.0, scale=4.0)}


def labels(*places):
    return {"species": torch.tensor(places)}


def states(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(1,), (2,), (1, 2, 3)])
@pytest.mark.parametrize("heads", [None, 1, 3])
@pytest.mark.parametrize("n", [0, 1])
def test_batches_of_no_rows_and_of_one(shape, heads, n):
    for dtype in (torch.float32, torch.float64):
        net, x = network(shape, heads=heads).to(dtype), states(n, *shape).to(dtype)
        out = net(torch.full((n,), 0.3), x)
        assert out.shape == (n, *(() if heads is None else (heads,)), *shape)
        assert out.dtype == dtype


@pytest.mark.parametrize(
    ("conditions", "told"), [(None, None), (SPECIES, labels(1)), (SPECIES, labels(*range(-1, 3), 0, 1))]
)
def test_a_plain_number_and_one_row_of_time_are_that_time_for_each_state(conditions, told):
    net, x = network(conditions=conditions), states(6, 2)
    expected = net(torch.full((6,), 0.37, dtype=torch.float64), x, told)
    for t in (0.37, torch.tensor([0.37], dtype=torch.float64)):
        assert torch.allclose(net(t, x, told), expected, atol=1e-13)


def test_heads_share_the_trunk_and_differ():
    out = network(heads=2)(0.5, states(4, 2))
    assert not torch.allclose(out[:, 0], out[:, 1])


def test_labels():
    net, x = network(conditions=SPECIES), states(5, 2)
    per_label = [net(0.5, x, labels(label)) for label in (0, 1, 2, -1)]
    assert torch.allclose(net(0.5, x, labels(*[1] * 5)), per_label[1], atol=1e-13)
    for i, j in itertools.combinations(range(4), 2):
        assert not torch.allclose(per_label[i], per_label[j])
    # Before it has learned anything, what is left out is as if there were no condition.
    plain = network()
    plain.load_state_dict({name: v for name, v in net.state_dict().items() if not name.startswith("of_conditions")})
    assert torch.allclose(per_label[3], plain(0.5, x), atol=1e-13)


def test_values_of_another_shape_than_x():
    net, x = network(conditions=OBSERVATION), states(5, 2)
    told = 2.0 + 4.0 * states(5, 3, 2, seed=1)
    out = net(0.5, x, {"observation": told})
    for row in range(5):
        alone = net(0.5, x[row : row + 1], {"observation": told[row : row + 1]})
        assert torch.allclose(alone, out[row : row + 1], atol=1e-13)
        assert torch.allclose(net(0.5, x, {"observation": told[row : row + 1]})[row], out[row], atol=1e-13)
    for entry in range(6):
        other = told.clone()
        other.view(5, 6)[:, entry] += 1.0
        assert not torch.allclose(net(0.5, x, {"observation": other}), out), "each entry is heard"
    # NaN stands for what is left out, in whole or in part, and never reaches the result.
    partly = told.clone()
    partly[1, 0, 0] = torch.nan
    partly[3] = torch.nan
    found = net(0.5, x, {"observation": partly})
    left_out = net(0.5, x, {"observation": OBSERVATION["observation"].absent(x)})
    assert torch.allclose(found[[1, 3]], left_out[[1, 3]], atol=1e-13)
    assert torch.allclose(found[[0, 2, 4]], out[[0, 2, 4]], atol=1e-13)


def test_values_are_told_in_their_mean_and_scale():
    """A network told y of mean m and scale s is the one told (y - m)/s of mean 0 and scale 1."""
    scaled, plain = network(conditions=OBSERVATION), network(conditions={"observation": si.ConditionSpec((3, 2))})
    x, y = states(5, 2), states(5, 3, 2, seed=1)
    one, other = scaled(0.5, x, {"observation": 2.0 + 4.0 * y}), plain(0.5, x, {"observation": y})
    assert torch.allclose(one, other, atol=1e-12)


def test_the_order_of_what_is_told_does_not_matter():
    net, x = network(conditions=SPECIES | OBSERVATION), states(3, 2)
    told = labels(0, -1, 2) | {"observation": states(3, 3, 2, seed=1)}
    assert torch.equal(net(0.5, x, told), net(0.5, x, dict(reversed(told.items()))))


@pytest.mark.parametrize("activation", ["silu", "gelu", "tanh"])
def test_smooth_in_time_and_state(activation):
    net, x = network(activation=activation), states(3, 2)
    t = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    x.requires_grad_()
    assert torch.autograd.gradcheck(net, (t, x))
    derivative = torch.autograd.grad(net(t, x).sum(), t)[0]
    step = 1e-6
    difference = (net(t + step, x) - net(t - step, x)).sum() / (2 * step)
    assert float(derivative.detach()) == pytest.approx(float(difference.detach()), rel=1e-5)


def test_time_is_told_apart_over_the_whole_interval():
    net, x = network(), states(1, 2).expand(41, 2)
    out = net(torch.linspace(0, 1, 41, dtype=torch.float64), x)
    assert float(torch.pdist(out.detach()).min()) > 1e-6


def test_it_starts_small_and_every_parameter_learns():
    net, x = network(width=256, depth=4, heads=2, conditions=SPECIES | OBSERVATION), states(200, 2)
    t, values = torch.rand(200, generator=torch.Generator().manual_seed(1)), states(200, 3, 2, seed=2)
    values[::5] = torch.nan
    out = net(t, x, {"species": torch.arange(200) % 4 - 1, "observation": values})
    assert 0 < float(out.std()) < 0.2
    out.square().sum().backward()
    assert all(bool(parameter.grad.any()) for parameter in net.parameters())


def test_other_random_numbers_give_another_network():
    assert not torch.equal(network(seed=3).of_state.weight, network(seed=4).of_state.weight)


def test_copies_and_state():
    net, x, told = network(conditions=SPECIES), states(3, 2), labels(2, 0, -1)
    for twin in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert torch.equal(twin(0.2, x, told), net(0.2, x, told))
    assert all(value.is_floating_point() for value in net.state_dict().values())
    assert set(net.state_dict()) == {name for name, _ in net.named_parameters()}


def test_it_compiles_in_one_graph():
    net, x = network(), states(3, 2)
    torch._dynamo.reset()  # networks share a method, and each compiled one counts against its limit
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    for t in (torch.tensor(0.2, dtype=torch.float64), torch.rand(3, dtype=torch.float64)):
        assert torch.allclose(compiled(t, x), net(t, x), atol=1e-13)


def test_forward_mode_and_batches_of_gradients():
    net, x = network(), states(4, 2)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda y: net(0.3, y[None])[0]))(x)
    _, tangent = torch.func.jvp(lambda y: net(0.3, y), (x,), (torch.ones_like(x),))
    assert torch.allclose(jacobian.sum(-1), tangent, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: network()(0.5, states(3, 4)), [r"\(3, 4\)", r"\(B, 2\)"]),
        (lambda: network((1, 2))(0.5, states(3, 2)), [r"\(3, 2\)", r"\(B, 1, 2\)"]),
        (lambda: network()(torch.rand(2), states(3, 2)), [r"t \(2,\)", r"x \(3, 2\)"]),
        (lambda: network()(0.5, states(3, 2), labels(0, 1, 2)), ["unknown condition 'species'", "takes no condition"]),
        (lambda: network(conditions=SPECIES)(0.5, states(3, 2)), ["'species' is missing", "one of a, b, c"]),
        (lambda: network(conditions=SPECIES)(0.5, states(3, 2), labels(0, 1)), [r"\(2,\)", r"\(3,\)"]),
        (lambda: network(conditions=SPECIES)(0.5, states(3, 2), {"species": torch.zeros(3)}), ["float32", "int64"]),
        (
            lambda: network(conditions=OBSERVATION)(0.5, states(3, 2), {"observation": states(3, 2, 3)}),
            [r"\(3, 2, 3\)", r"\(3, 3, 2\)"],
        ),
        (
            lambda: network(conditions=OBSERVATION)(
                0.5, states(3, 2), {"observation": torch.zeros(3, 3, 2, dtype=torch.int64)}
            ),
            ["int64", "floating-point"],
        ),
        (lambda: network(width=0), ["width", "0"]),
        (lambda: network(depth=1.5), ["depth"]),
        (lambda: network(time_features=3), ["time_features", "even"]),
        (lambda: network(activation="sine"), ["activation", "silu"]),
    ],
)
def test_errors_name_both_sides(call, words):
    for word in words:
        with pytest.raises(si.UsageError, match=word):
            call()


def test_depth_and_width_count_what_they_say():
    net = network(width=7, depth=1)
    assert len(net.hidden) == 0
    assert net.output.in_features == 7
    assert math.isclose(sum(p.numel() for p in net.parameters()), 2 * 7 + 16 * 7 + 7 + 7 * 2 + 2)
