"""The perceptron's own divergence is the trace of the Jacobian that automatic differentiation finds."""

import functools

import pytest
import torch

import si_core as si
import si_networks.mlp_divergence as divergence_module
from si_networks.mlp import Mlp
from si_networks.mlp_divergence import Layers

# From the states (d = 2, 6 or one probe), and from the units where d is large beside the width.
SHAPES = [(1,), (2,), (1, 2, 3), (40,)]


def network(shape=(2,), seed=0, **options):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Mlp(shape, **{"width": 12, "depth": 3, **options}).double()
        with torch.no_grad():
            net.output.weight.mul_(10)
        return net


def states(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def jacobians(net, t, x, condition=None):
    """Shape (B, h, d, d), one row at a time."""
    d, found = x[0].numel(), []
    for row in range(len(x)):
        told = condition and {name: v if len(v) == 1 else v[row : row + 1] for name, v in condition.items()}
        time = t if t.ndim == 0 else t[row : row + 1]

        def output(y, row=row, told=told, time=time):
            return net(time, y.reshape(1, *x.shape[1:]), told).reshape(-1, d)

        found.append(torch.autograd.functional.jacobian(output, x[row].flatten()))
    return torch.stack(found)


def check(net, t, x, condition=None):
    heads = () if net.heads is None else (net.heads,)
    jacobian = jacobians(net, t, x, condition)
    trace = jacobian.diagonal(dim1=-2, dim2=-1).sum(-1).reshape(len(x), *heads)
    probes = states(3, *x.shape, seed=5)
    v = probes.flatten(2)
    forms = torch.einsum("kbi,bhij,kbj->bhk", v, jacobian, v).reshape(len(x), *heads, 3)
    for mode in (torch.no_grad, torch.enable_grad, torch.inference_mode):
        with mode():
            value, divergence = net.with_divergence(t, x, condition)
            _, products = net.with_divergence(t, x, condition, probes)
            assert torch.allclose(value, net(t, x, condition), atol=1e-13)
        assert torch.allclose(divergence, trace, atol=1e-12)
        assert torch.allclose(products, forms, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ["silu", "relu", "gelu", "tanh"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_every_activation_and_depth(activation, depth, shape):
    check(network(shape, activation=activation, depth=depth), torch.tensor(0.3, dtype=torch.float64), states(4, *shape))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_heads(heads, depth, shape):
    check(network(shape, heads=heads, depth=depth), states(4).sigmoid(), states(4, *shape))


@pytest.mark.parametrize("heads", [None, 2])
def test_labels_and_values(heads):
    t, x = states(4).sigmoid(), states(4, 2)
    label = {"species": si.ConditionSpec(classes=("a", "b", "c"))}
    values = {"y": si.ConditionSpec((2, 2), mean=1.0, scale=3.0), "x0": si.ConditionSpec((2,))}
    labels = {"species": torch.tensor([0, 2, -1, 1])}
    told = {"y": states(4, 2, 2, seed=3), "x0": states(1, 2, seed=4)}
    check(network(conditions=label, heads=heads), t, x, labels)
    check(network(conditions=values, heads=heads), t, x, told)
    both = network(conditions=label | values, heads=heads)
    check(both, t, x, labels | told)
    check(both, t, x, {name: spec.absent(x) for name, spec in both.conditions.items()})


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("d", [2, 40])
@pytest.mark.parametrize("numbers", [1, 100, 2000])
def test_portions_of_any_size_give_the_same(monkeypatch, d, depth, numbers):
    net, t, x = network((d,), depth=depth, heads=2), states(23).sigmoid(), states(23, d)
    probes = states(2, 23, d, seed=4)
    with torch.no_grad():
        whole = (*net.with_divergence(t, x), *net.with_divergence(t, x, None, probes))
        monkeypatch.setattr(divergence_module, "_ON_CPU", numbers)
        parts = (*net.with_divergence(t, x), *net.with_divergence(t, x, None, probes))
        assert net.with_divergence(t[:0], x[:0])[1].shape == (0, 2)
        assert net.with_divergence(t[:0], x[:0], None, probes[:, :0])[1].shape == (0, 2, 2)
    for one, other in zip(whole, parts, strict=True):
        assert torch.allclose(one, other, atol=1e-13)


@pytest.mark.parametrize("activation", ["silu", "gelu", "tanh"])
@pytest.mark.parametrize(("d", "depth"), [(2, 1), (2, 3), (40, 2), (40, 4)])
def test_gradients_of_the_divergence(activation, d, depth):
    net, t = network((d,), activation=activation, depth=depth), torch.tensor(0.4, dtype=torch.float64)
    x = states(3, d).requires_grad_()
    parameters = [net.of_state.weight, net.of_time.bias, net.output.weight]
    units = torch.eye(d, dtype=torch.float64)
    output = net(t, x)
    rows = [
        torch.autograd.grad(output @ unit, x, torch.ones(3).double(), create_graph=True)[0] @ unit for unit in units
    ]
    expected = torch.autograd.grad((sum(rows) * torch.tensor([1.0, -2.0, 0.5])).sum(), [x, *parameters])
    found = torch.autograd.grad(
        (net.with_divergence(t, x)[1] * torch.tensor([1.0, -2.0, 0.5])).sum(), [x, *parameters], allow_unused=True
    )
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-11)


def test_the_cheaper_way_is_taken():
    weight, one = functools.partial(torch.zeros, dtype=torch.float64), torch.zeros(1)

    def layers(d, w, depth):
        hidden = tuple((weight(w, w), weight(w)) for _ in range(depth - 1))
        return Layers(weight(w, d), hidden, weight(d, w), one, "silu")

    # d (L - 1) rows against w (L - 2).
    assert [layers(d, 256, 4).from_units for d in (2, 170, 171, 3072)] == [False, False, True, True]
    assert [layers(d, 256, 3).from_units for d in (128, 129)] == [False, True]
    # One or two layers need no tangents at all.
    for depth, tangents in ((4, 256), (2, 1), (1, 1)):
        assert layers(1000, 256, depth).from_units
        assert layers(1000, 256, depth).tangents == tangents
    assert layers(1, 256, 2).from_units
    assert layers(2, 256, 4).tangents == 2


def test_states_of_another_shape_are_refused():
    with pytest.raises(si.UsageError, match=r"\(3, 4\)"):
        network().with_divergence(0.5, states(3, 4))
