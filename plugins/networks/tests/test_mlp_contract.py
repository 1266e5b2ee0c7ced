"""What the multilayer perceptron promises beyond its interface: batches of no rows, labels, smoothness, and errors."""

import copy
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


@pytest.mark.parametrize("classes", [None, 4])
def test_a_plain_number_and_one_row_of_time_are_that_time_for_each_state(classes):
    net, x = network(classes=classes), states(6, 2)
    expected = net(torch.full((6,), 0.37, dtype=torch.float64), x)
    for t in (0.37, torch.tensor([0.37], dtype=torch.float64)):
        assert torch.allclose(net(t, x), expected, atol=1e-13)


def test_heads_share_the_trunk_and_differ():
    out = network(heads=2)(0.5, states(4, 2))
    assert not torch.allclose(out[:, 0], out[:, 1])


def test_labels():
    net, x = network(classes=3), states(5, 2)
    per_label = [net(0.5, x, torch.tensor(label)) for label in range(3)]
    assert torch.allclose(net(0.5, x, torch.full((5,), 1)), per_label[1], atol=1e-13)
    assert not torch.allclose(per_label[0], per_label[1])
    assert torch.allclose(net(0.5, x), net(0.5, x, torch.full((5,), 3)), atol=1e-13)
    with torch.no_grad():
        plain = copy.deepcopy(net)
        plain.of_class.weight.zero_()
        assert torch.allclose(net(0.5, x), plain(0.5, x, torch.tensor(0)), atol=1e-13)


@pytest.mark.parametrize("activation", ["silu", "gelu", "tanh"])
def test_smooth_in_time_and_state(activation):
    net, x = network(activation=activation), states(3, 2)
    t = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    x.requires_grad_()
    assert torch.autograd.gradcheck(net, (t, x))
    slope = torch.autograd.grad(net(t, x).sum(), t)[0]
    step = 1e-6
    difference = (net(t + step, x) - net(t - step, x)).sum() / (2 * step)
    assert float(slope.detach()) == pytest.approx(float(difference.detach()), rel=1e-5)


def test_time_is_told_apart_over_the_whole_interval():
    net, x = network(), states(1, 2).expand(41, 2)
    out = net(torch.linspace(0, 1, 41, dtype=torch.float64), x)
    assert float(torch.pdist(out.detach()).min()) > 1e-6


def test_it_starts_small_and_every_parameter_learns():
    net, x = network(width=256, depth=4, heads=2, classes=3), states(200, 2)
    t, labels = torch.rand(200, generator=torch.Generator().manual_seed(1)), torch.arange(200) % 4
    out = net(t, x, labels)
    assert 0 < float(out.std()) < 0.2
    out.square().sum().backward()
    assert all(bool(parameter.grad.any()) for parameter in net.parameters())


def test_other_random_numbers_give_another_network():
    assert not torch.equal(network(seed=3).of_state.weight, network(seed=4).of_state.weight)


def test_copies_and_state():
    net, x = network(classes=2), states(3, 2)
    for twin in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert torch.equal(twin(0.2, x), net(0.2, x))
    assert all(value.is_floating_point() for value in net.state_dict().values())
    assert set(net.state_dict()) == {name for name, _ in net.named_parameters()}


def test_it_compiles_in_one_graph():
    net, x = network(), states(3, 2)
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
        (lambda: network()(0.5, states(3, 2), torch.zeros(3, dtype=torch.int64)), ["without classes"]),
        (lambda: network(classes=2)(0.5, states(3, 2), torch.zeros(2, dtype=torch.int64)), ["int64", r"\(3,\)"]),
        (lambda: network(classes=2)(0.5, states(3, 2), torch.zeros(3)), ["float32"]),
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
