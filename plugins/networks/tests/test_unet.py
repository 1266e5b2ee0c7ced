"""What the U-Net promises beyond its interface: images of any size, what a pixel sees, channels, and learning."""

import copy
import itertools

import pytest
import torch

import si_core as si
from si_networks.attention import attend
from si_networks.unet import UNet

SPECIES = {"species": si.ConditionSpec(classes=("a", "b", "c"))}
SMALL = {"width": 8, "multipliers": [1, 2], "attention": [1], "attention_heads": 2}


def network(shape=(1, 4, 4), seed=0, moved=True, **options):
    """A network in double precision, away from its first weights: some of them are zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = UNet(shape, **{**SMALL, **options}).double()
        if moved:
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def states(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(4, 4), (7, 5), (1, 1), (1, 8, 8), (3, 7, 5), (5, 1, 9), (2, 6, 3)])
@pytest.mark.parametrize("heads", [None, 1, 3])
def test_images_of_any_size(shape, heads):
    for options in ({}, {"multipliers": [1, 1, 2, 1], "attention": [0, 3], "down": "pool", "modulation": "add"}):
        net = network(shape, heads=heads, **options)
        for n in (0, 1, 3):
            for dtype in (torch.float32, torch.float64):
                out = net.to(dtype)(torch.full((n,), 0.3), states(n, *shape).to(dtype))
                assert out.shape == (n, *(() if heads is None else (heads,)), *shape)
                assert out.dtype == dtype
                assert bool(out.isfinite().all())


@pytest.mark.parametrize("shape", [(3, 7, 5), (6, 4)])
def test_single_precision_is_double_precision_rounded(shape):
    net, x = network(shape), states(4, *shape)
    exact = net(0.3, x)
    single = copy.deepcopy(net).float()(0.3, x.float())
    assert torch.allclose(single.double(), exact, atol=1e-4 * float(exact.detach().abs().max()))


def _seen(net, x, place):
    """Which pixels of x the output at a place depends on, (H, W): by the gradient."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(0.4, x)[0, 0][place], x)
    return gradient[0].abs().sum(0) > 0


def test_what_a_pixel_sees(monkeypatch):
    """Without norms over the image, convolutions see their surroundings, and attention all of it."""
    monkeypatch.setattr(torch.nn.GroupNorm, "forward", lambda self, h: h)
    options = {"multipliers": [1], "blocks": 1, "attention": []}
    x = 0.1 * states(1, 1, 33, 33)
    local = _seen(network((1, 33, 33), **options), x, (16, 16))
    # 3 x 3 each: the first and the last, and two of each of the five blocks (down, middle twice, up twice).
    rows, columns = (local.any(k).nonzero().flatten() for k in (1, 0))
    reach = 1 + 2 * 5 + 1
    assert (int(rows.min()), int(rows.max())) == (16 - reach, 16 + reach)
    assert (int(columns.min()), int(columns.max())) == (16 - reach, 16 + reach)
    assert bool(_seen(network((1, 33, 33), **{**options, "attention": [0]}), x, (0, 0)).all())


def test_plain_attention_is_the_fused_one():
    query, key, value = (states(2, 3, 5, 4, seed=k) for k in range(3))
    assert torch.allclose(attend(query, key, value), attend(query, key, value, plain=True), atol=1e-12)


def test_heads_differ_and_labels_are_told_apart():
    net, x = network((2, 4, 4), heads=2, conditions=SPECIES), states(5, 2, 4, 4)
    per_label = [net(0.5, x, {"species": torch.tensor([label])}) for label in (0, 1, 2, -1)]
    assert not torch.allclose(per_label[0][:, 0], per_label[0][:, 1])
    for i, j in itertools.combinations(range(4), 2):
        assert not torch.allclose(per_label[i], per_label[j])


IMAGES = {
    "mask": si.ConditionSpec((4, 6)),
    "low": si.ConditionSpec((2, 2, 3), mean=1.0, scale=3.0),
    "odd": si.ConditionSpec((5, 4)),
    "high": si.ConditionSpec((8, 12)),
    "dose": si.ConditionSpec((2,)),
}


def images(n):
    return {name: states(n, *spec.shape, seed=k) for k, (name, spec) in enumerate(IMAGES.items(), 1)}


def test_channel_conditions_are_heard_and_left_out():
    net, x = network((3, 4, 6), conditions=IMAGES, channels=["mask", "low", "odd", "high"]), states(5, 3, 4, 6)
    given = images(5)
    out = net(0.5, x, given)
    left_out = []
    for name, spec in IMAGES.items():
        for entry in range(given[name][0].numel()):
            other = given[name].clone()
            other.view(5, -1)[:, entry] += 1
            assert not torch.allclose(net(0.5, x, {**given, name: other}), out), (name, entry)
        one = {**given, name: given[name][:1]}
        each = {**given, name: given[name][:1].expand_as(given[name])}
        assert torch.allclose(net(0.5, x, one), net(0.5, x, each), atol=1e-12)
        # NaN stands for what is left out, in whole or in part, and is another thing than typical values.
        absent = net(0.5, x, {**given, name: spec.absent(x)})
        assert bool(absent.isfinite().all())
        partly = given[name].clone()
        partly.view(5, -1)[1::2, 1] = torch.nan
        found = net(0.5, x, {**given, name: partly})
        assert torch.allclose(found[1::2], absent[1::2], atol=1e-12)
        assert torch.allclose(found[::2], out[::2], atol=1e-12)
        typical = torch.full_like(given[name], spec.mean)
        assert not torch.allclose(net(0.5, x, {**given, name: typical}), absent), name
        left_out.append(absent)
    for one_out, other_out in itertools.combinations(left_out, 2):
        assert not torch.allclose(one_out, other_out)


def test_channels_are_told_in_their_mean_and_scale_at_their_place():
    spec = si.ConditionSpec((2, 2, 3), mean=1.0, scale=3.0)
    scaled, plain = (
        network((3, 4, 6), conditions={"low": each}, channels=["low"]) for each in (spec, si.ConditionSpec((2, 2, 3)))
    )
    x, low = states(5, 3, 4, 6), states(5, 2, 2, 3, seed=1)
    out = scaled(0.5, x, {"low": 1.0 + 3.0 * low})
    assert torch.allclose(out, plain(0.5, x, {"low": low}), atol=1e-12)
    # Half the resolution means blocks of 2 x 2 equal pixels.
    full = network((3, 4, 6), conditions={"low": si.ConditionSpec((2, 4, 6))}, channels=["low"])
    repeated = low.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(full(0.5, x, {"low": repeated}), out, atol=1e-12)


def test_channels_are_not_embedded_as_well():
    net = network((3, 4, 6), conditions=IMAGES, channels=["mask", "low"])
    assert net.of_others.names == ("odd", "high", "dose")
    assert net.trunk.first.in_channels == 3 + (1 + 1) + (2 + 1)


def test_every_parameter_learns():
    net = network((2, 7, 5), heads=2, two_times=True, conditions=SPECIES | IMAGES, channels=["mask", "low"])
    given = images(20)
    for values in given.values():
        values[::5] = torch.nan
    given["species"] = torch.arange(20) % 4 - 1
    t = torch.linspace(0, 1, 20, dtype=torch.float64)
    net(t, states(20, 2, 7, 5), given, s=t.flip(0)).square().sum().backward()
    assert [name for name, parameter in net.named_parameters() if not bool(parameter.grad.any())] == []


def test_it_starts_small():
    out = network((1, 8, 8), moved=False, heads=2)(0.5, states(50, 1, 8, 8))
    assert 0 < float(out.detach().std()) < 0.2


def test_presets_and_what_overrides_them():
    def parameters(**options):
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in UNet((3, 32, 32), **options).parameters())

    sizes = [parameters(preset=name) for name in ("tiny", "small", "base")]
    assert sizes == sorted(sizes)
    # The network for CIFAR-10 of arXiv 2006.11239 has 35.7 million; times have more features here, and q, k, v no bias.
    assert parameters(preset="base", modulation="add") == pytest.approx(35.7e6, rel=0.02)
    small = {"width": 64, "multipliers": [1, 2, 2], "blocks": 2, "attention": [2]}
    assert parameters(**small) == parameters(preset="small") == parameters(preset="base", **small)
    assert parameters(preset="small", multipliers=[1]) == parameters(**{**small, "multipliers": [1], "attention": []})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: network((2,)), ["images", r"\(2,\)", "resmlp"]),
        (lambda: network()(0.5, states(3, 1, 4, 5)), [r"\(3, 1, 4, 5\)", r"\(B, 1, 4, 4\)"]),
        (lambda: network()(torch.rand(2), states(3, 1, 4, 4)), [r"t \(2,\)", r"x \(3, 1, 4, 4\)"]),
        (lambda: network()(0.5, states(1, 1, 4, 4), s=0.3), ["two_times"]),
        (lambda: network(conditions=SPECIES)(0.5, states(3, 1, 4, 4)), ["'species' is missing"]),
        (lambda: network(channels=["mask"]), ["channels", "no condition 'mask'"]),
        (lambda: network(conditions=SPECIES | IMAGES, channels=["species"]), ["'species' is no image", "mask, low"]),
        (lambda: network(conditions=IMAGES, channels=["dose"]), ["'dose' is no image", "dose: numbers of shape"]),
        (lambda: network(conditions=IMAGES, channels=["mask", "mask"]), ["once"]),
        (lambda: network(width=0), ["width", "0"]),
        (lambda: network(blocks=True), ["blocks"]),
        (lambda: network(multipliers=[]), ["multipliers"]),
        (lambda: network(multipliers=[1, 10**6]), ["multipliers"]),
        (lambda: network(attention=[2]), ["attention", "from 0 to 1"]),
        (lambda: network(attention_heads=3), ["attention_heads", "a divisor of 16"]),
        (lambda: network(dropout=1.0), ["dropout"]),
        (lambda: network(preset="huge"), ["preset", "tiny, small, base"]),
        (lambda: network(modulation="none"), ["modulation", "scale-shift"]),
        (lambda: network(down="max"), ["down", "pool"]),
    ],
)
def test_errors_name_both_sides(call, words):
    for word in words:
        with pytest.raises(si.UsageError, match=word):
            call()


@pytest.mark.slow
def test_it_learns_what_the_known_part_does_not_know():
    """Bars at random places: the velocity of the best linear field leaves far more than the network does."""
    generator = torch.Generator().manual_seed(5)
    rows = torch.randint(8, (512,), generator=generator)
    x1 = 4 * torch.nn.functional.one_hot(rows, 8)[:, None, :, None].expand(-1, 1, 8, 8).float() - 0.5
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = UNet((1, 8, 8), width=16, blocks=1, attention_heads=2)
        optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
        losses, known = [], []
        for _ in range(120):
            chosen = x1[torch.randint(len(x1), (64,))]
            x0, t = torch.randn_like(chosen), torch.rand(64, 1, 1, 1)
            x, target = (1 - t) * x0 + t * chosen, chosen - x0
            # The velocity between Gaussians of these variances.
            slope = (t * 1.75 - (1 - t)) / ((1 - t) ** 2 + t**2 * 1.75)
            known.append(float((target - slope * x).square().mean()))
            loss = (slope * x + net(t.flatten(), x) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    assert sum(losses[-20:]) < 0.6 * sum(known[-20:]), (sum(losses[-20:]), sum(known[-20:]))
