"""What the networks of blocks have in common: precision, times, derivatives, copies, graphs, dropout."""

import copy
import pickle
import weakref

import pytest
import torch

import si_core as si
from si_networks.resmlp import ResMlp
from si_networks.transformer import Transformer
from si_networks.unet import UNet

SPECIES = {"species": si.ConditionSpec(classes=("a", "b", "c"))}
SHAPE = (2, 4, 6)
SMALL = {
    "resmlp": (ResMlp, {"width": 16, "depth": 2}),
    "unet": (UNet, {"width": 8, "multipliers": [1, 2], "attention": [1], "attention_heads": 2}),
    "transformer": (Transformer, {"width": 16, "depth": 2, "attention_heads": 2, "patch": 2}),
    "rotary": (Transformer, {"width": 16, "depth": 1, "attention_heads": 2, "patch": 2, "positions": "rotary"}),
}


@pytest.fixture(params=SMALL)
def network(request):
    """``network(**options)``: one in double precision, away from its first weights, some of which are zero."""
    kind, small = SMALL[request.param]

    def made(**options):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = kind(SHAPE, **{**small, **options}).double()
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
        return net

    return made


def states(n, *shape, seed=0):
    return torch.randn(n, *(shape or SHAPE), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("heads", [None, 1, 3])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_fields_of_every_head(network, heads, n):
    for dtype in (torch.float32, torch.float64):
        out = network(heads=heads).to(dtype)(torch.full((n,), 0.3), states(n).to(dtype))
        assert out.shape == (n, *(() if heads is None else (heads,)), *SHAPE)
        assert out.dtype == dtype


def test_single_precision_is_double_precision_rounded(network):
    net, x = network(), states(4)
    exact = net(0.3, x).detach()
    single = copy.deepcopy(net).float()(0.3, x.float()).double()
    torch.testing.assert_close(single, exact, rtol=0, atol=1e-4 * float(exact.abs().max()))


@pytest.mark.parametrize("n", [0, 1, 4])
def test_one_time_is_that_time_for_each_state(network, n):
    net, x, told = network(conditions=SPECIES), states(n), {"species": torch.arange(n) % 4 - 1}
    expected = net(torch.full((n,), 0.37, dtype=torch.float64), x, told)
    for t in (0.37, torch.tensor([0.37], dtype=torch.float64)):
        torch.testing.assert_close(net(t, x, told), expected, rtol=0, atol=1e-12)


def test_derivatives_of_any_order_and_mode(network):
    """Fused kernels have a first derivative in reverse mode alone; who differentiates in the inputs may need others."""
    net, x, v, t = network(), states(2), states(2, seed=1), torch.tensor(0.3, dtype=torch.float64)
    value, along = torch.func.jvp(lambda y: net(t, y), (x,), (v,))
    torch.testing.assert_close(value, net(t, x), rtol=0, atol=1e-12)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda y: net(t, y[None])[0].flatten()))(x).flatten(2)
    expected = torch.einsum("bij,bj->bi", jacobian, v.flatten(1))
    torch.testing.assert_close(along.flatten(1), expected, rtol=0, atol=1e-10)
    _, in_time = torch.func.jvp(lambda u: net(u, x), (t,), (torch.ones_like(t),))
    # Frequencies reach 1000: differences of values would be coarse.
    leaf = t.clone().requires_grad_()
    (backward,) = torch.autograd.grad((net(leaf, x) * v).sum(), leaf)
    torch.testing.assert_close((in_time * v).sum(), backward, rtol=1e-9, atol=1e-9)
    # As objectives of two times learn: through a derivative carried forward, back to the weights.
    in_time.square().sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in net.parameters() if p.grad is not None)
    assert torch.autograd.gradgradcheck(
        lambda y: (net(t, y) * v).sum(), (x.requires_grad_(),), atol=1e-6, fast_mode=True
    )


def test_copies_have_the_state_and_no_more(network):
    net, x, told = network(conditions=SPECIES), states(3), {"species": torch.tensor([2, 0, -1])}
    for twin in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert torch.equal(twin(0.2, x, told), net(0.2, x, told))
    assert set(net.state_dict()) == {name for name, _ in net.named_parameters()}


def test_it_compiles_in_one_graph(network):
    net, x = network(), states(3)
    torch._dynamo.reset()  # networks share a method, and each compiled one counts against its limit
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    for t in (torch.tensor(0.2, dtype=torch.float64), torch.rand(3, dtype=torch.float64)):
        torch.testing.assert_close(compiled(t, x), net(t, x), rtol=0, atol=1e-12)


def test_dropout_draws_from_the_global_generator_in_training_alone(network):
    net, plain, x = network(dropout=0.5), network(), states(3)
    assert not torch.equal(net(0.5, x), net(0.5, x))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        one = net(0.5, x)
        torch.manual_seed(3)
        assert torch.equal(net(0.5, x), one)
    assert torch.equal(net.eval()(0.5, x), plain(0.5, x))


BLOCKS = pytest.mark.parametrize("network", ["unet", "transformer", "rotary"], indirect=True)


@BLOCKS
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_checkpointing_changes_no_bit_of_a_gradient(network, dropout):
    told, found = {"species": torch.tensor([2, 0, -1])}, []
    for checkpointing in (False, True):
        net = network(conditions=SPECIES, heads=2, dropout=dropout, checkpointing=checkpointing)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            out = net(0.4, states(3), told)
            torch.manual_seed(4)  # what is computed again draws as it did
            before = torch.get_rng_state()
            out.square().sum().backward()
            assert torch.equal(torch.get_rng_state(), before)
        found.append([out.detach(), *(p.grad for p in net.parameters())])
    assert all(a is b is None or torch.equal(a, b) for a, b in zip(*found, strict=True))


@BLOCKS
def test_checkpointing_keeps_fewer_tensors_and_leaves_other_derivatives_alone(network):
    kept = []
    for checkpointing in (False, True):
        net, seen = network(checkpointing=checkpointing), weakref.WeakSet()
        numbers = 0

        def pack(tensor, seen=seen):
            seen.add(tensor.untyped_storage())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            out = net(0.4, states(64))
        numbers = sum(storage.nbytes() for storage in seen)
        kept.append(numbers)
        del out
        x, v = states(2), states(2, seed=1)
        _, along = torch.func.jvp(lambda y, net=net: net(0.4, y), (x,), (v,))
        along.square().sum().backward()
    assert kept[1] < 0.7 * kept[0]
