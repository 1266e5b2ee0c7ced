"""The transformer: published sizes, a plain reference, and what its positions, gates and derivatives promise."""

import math

import pytest
import torch

import si_core as si
from si_networks.positions import rotary_table
from si_networks.self_attention import SelfAttention
from si_networks.transformer import Transformer

SPECIES = {"species": si.ConditionSpec(classes=("a", "b", "c"))}
OBSERVATION = {"observation": si.ConditionSpec((3,), mean=2.0, scale=4.0)}
SMALL = {"width": 16, "depth": 2, "attention_heads": 2, "patch": 2}
PLACES = ("sine", "rotary")


def first(shape=(2, 4, 6), seed=0, **options):
    """A network as it begins."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Transformer(shape, **{**SMALL, **options}).double()


def network(shape=(2, 4, 6), **options):
    """A network away from its first weights, many of which are zero."""
    net, generator = first(shape, **options), torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, dtype=torch.float64, generator=generator), alpha=0.2)
    return net


def states(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def conditions(*labels, seed=1):
    return {"species": torch.tensor(labels), "observation": 2 + 4 * states(len(labels), 3, seed=seed)}


# Sizes


def by_hand(d, depth, p, channels=4, classes=1000):
    """The parameters of a DiT of width d, from the sizes of its layers, weights and biases."""
    patches = p * p * channels * d + d
    times = (256 * d + d) + (d * d + d)
    labels = (classes + 1) * d
    attention = (d * 3 * d + 3 * d) + (d * d + d)
    perceptron = (d * 4 * d + 4 * d) + (4 * d * d + d)
    modulations = d * 6 * d + 6 * d
    last = (d * 2 * d + 2 * d) + (d * p * p * channels + p * p * channels)
    return patches + times + labels + depth * (attention + perceptron + modulations) + last


@pytest.mark.parametrize(
    ("preset", "width", "depth", "millions", "exactly"),
    [
        ("S/2", 384, 12, 33, 32_858_896),
        ("B/2", 768, 12, 130, 130_303_504),
        ("L/2", 1024, 24, 458, 457_824_272),
        ("XL/2", 1152, 28, 675, 674_816_272),
    ],
)
def test_published_sizes(preset, width, depth, millions, exactly):
    """Of 4 x 32 x 32 latents with 1000 classes (arXiv 2401.08740, table 1).

    The published code also counts its 16 x 16 fixed positions, which nothing trains, and predicts 8 channels, 4 of them
    variances that SiT leaves unused: in all 675,129,632 for XL/2. Two fields (``heads=2``) have such a last layer.
    """
    classes = {"label": si.ConditionSpec(classes=tuple(map(str, range(1000))))}
    with torch.device("meta"):
        one, two = (Transformer((4, 32, 32), heads, classes, preset=preset) for heads in (None, 2))
    found, doubled = (sum(parameter.numel() for parameter in net.parameters()) for net in (one, two))
    assert found == by_hand(width, depth, 2) == exactly
    assert found == pytest.approx(millions * 1e6, rel=5e-3)
    unused = width * 2 * 2 * 4 + 2 * 2 * 4
    assert doubled == found + unused
    published = doubled + 16 * 16 * width
    assert published == pytest.approx(millions * 1e6, rel=5e-3)
    if preset == "XL/2":
        assert published == 675_129_632


@pytest.mark.parametrize("patch", [2, 4, 8])
@pytest.mark.parametrize(
    ("size", "width", "depth"), [("S", 384, 12), ("B", 768, 12), ("L", 1024, 24), ("XL", 1152, 28)]
)
def test_every_preset_by_hand(size, width, depth, patch):
    classes = {"label": si.ConditionSpec(classes=tuple(map(str, range(1000))))}
    with torch.device("meta"):
        net = Transformer((4, 32, 32), None, classes, preset=f"{size}/{patch}")
    assert sum(parameter.numel() for parameter in net.parameters()) == by_hand(width, depth, patch)
    assert net.attention_heads == {"S": 6, "B": 12, "L": 16, "XL": 16}[size]


def test_options_override_the_preset():
    with torch.device("meta"):
        net = Transformer((3, 16, 8), preset="S/4", depth=2, patch=8)
    assert (net.width, net.depth, net.attention_heads, net.patch, net.grid) == (384, 2, 6, 8, (2, 1))


# The whole, by a plain reference: loops over tokens, heads and numbers of patches


def linear(parameters, name, v):
    return parameters[f"{name}.weight"] @ v + parameters[f"{name}.bias"]


def silu(v):
    return v / (1 + torch.exp(-v))


def modulated(v, shift, scale):
    centred = v - v.mean()
    return centred / torch.sqrt((centred**2).mean() + 1e-6) * (1 + scale) + shift


def time_vector(parameters, name, t):
    # Frequencies are kept in single precision.
    w = torch.tensor([1000 * 10_000 ** (-k / 128) for k in range(128)]).double()
    hidden = linear(parameters, f"{name}.hidden", torch.cat([torch.cos(t * w), torch.sin(t * w)]))
    return linear(parameters, f"{name}.output", silu(hidden))


def place(i, j, width):
    w = [10_000.0 ** (-k / (width // 4)) for k in range(width // 4)]
    numbers = [f(n * each) for n in (j, i) for f in (math.sin, math.cos) for each in w]
    return torch.tensor(numbers).double()


def rotated(v, i, j):
    """Numbers k and k + d/2 of a head, turned in their plane."""
    half, out = len(v) // 2, v.clone()
    for k in range(half):
        axis, number = (j, k) if k < half // 2 else (i, k - half // 2)
        angle = torch.tensor(axis * 100.0 ** (-number / (half // 2)), dtype=torch.float64)
        c, s = angle.cos().float().double(), angle.sin().float().double()
        out[k], out[k + half] = c * v[k] - s * v[k + half], s * v[k] + c * v[k + half]
    return out


def attention(parameters, name, tokens, places, heads, rotary):
    width = len(tokens[0])
    d, mixed = width // heads, [torch.zeros(width, dtype=torch.float64) for _ in tokens]
    triples = [linear(parameters, f"{name}.of_tokens", token) for token in tokens]
    for head in range(heads):
        q, k, v = ([each[m * width + head * d : m * width + (head + 1) * d] for each in triples] for m in range(3))
        if rotary:
            q, k = ([rotated(each, *where) for each, where in zip(vs, places, strict=True)] for vs in (q, k))
        for token in range(len(tokens)):
            weights = [math.exp(float(q[token] @ key) / math.sqrt(d)) for key in k]
            mean = sum(weight * value for weight, value in zip(weights, v, strict=True)) / sum(weights)
            mixed[token][head * d : (head + 1) * d] = mean
    return [linear(parameters, f"{name}.output", each) for each in mixed]


def reference(net, t, x, s, label, observation):
    """The output for one state (C, H, W): shape (fields, C, H, W)."""
    parameters = {name: value.detach() for name, value in net.named_parameters()}
    channels, height, width = x.shape
    p, rows, columns = net.patch, height // net.patch, width // net.patch
    places = [(i, j) for i in range(rows) for j in range(columns)]
    e = time_vector(parameters, "conditioning.of_time", t) + time_vector(parameters, "conditioning.of_second_time", s)
    e = e + parameters["conditioning.of_conditions.0.vectors.weight"][label + 1]
    e = e + parameters["conditioning.of_conditions.1.linear.weight"] @ ((observation - 2) / 4)
    e = silu(e)
    tokens = []
    for i, j in places:
        numbers = [x[c, i * p + a, j * p + b] for c in range(channels) for a in range(p) for b in range(p)]
        token = linear(parameters, "of_patches", torch.stack(numbers))
        tokens.append(token if net.positions == "rotary" else token + place(i, j, net.width))
    for n in range(net.depth):
        six = linear(parameters, f"blocks.{n}.modulation", e).split(net.width)
        heard = [modulated(token, six[0], six[1]) for token in tokens]
        rotary = net.positions == "rotary"
        heard = attention(parameters, f"blocks.{n}.attention", heard, places, net.attention_heads, rotary)
        tokens = [token + six[2] * each for token, each in zip(tokens, heard, strict=True)]
        for place_of, token in enumerate(tokens):
            u = linear(parameters, f"blocks.{n}.hidden", modulated(token, six[3], six[4]))
            u = u / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
            tokens[place_of] = token + six[5] * linear(parameters, f"blocks.{n}.output", u)
    fields = 1 if net.heads is None else net.heads
    out = torch.zeros(fields, channels, height, width, dtype=torch.float64)
    shift, scale = linear(parameters, "last.modulation", e).split(net.width)
    for (i, j), token in zip(places, tokens, strict=True):
        numbers = iter(linear(parameters, "last.output", modulated(token, shift, scale)))
        for a in range(p):
            for b in range(p):
                for field in range(fields):
                    for c in range(channels):
                        out[field, c, i * p + a, j * p + b] = next(numbers)
    return out


@pytest.mark.parametrize("positions", PLACES)
@pytest.mark.parametrize(("shape", "heads"), [((2, 4, 6), None), ((3, 6, 2), 2), ((4, 6), 2)])
def test_it_is_the_plain_reference(shape, heads, positions):
    net = network(shape, heads=heads, conditions=SPECIES | OBSERVATION, two_times=True, positions=positions, ratio=3)
    x, t, s = states(3, *shape), torch.tensor([0.1, 0.5, 0.93]).double(), torch.tensor([0.7, 0.2, 1.0]).double()
    condition = conditions(1, -1, 2)
    out = net(t, x, condition, s=s).detach()
    for n in range(3):
        image = x[n] if len(shape) == 3 else x[n][None]
        label = int(condition["species"][n])
        expected = reference(net, t[n], image, s[n], label, condition["observation"][n]).reshape(out[n].shape)
        torch.testing.assert_close(out[n], expected, rtol=1e-11, atol=1e-11)


# Positions


def permuted(x, order, p=2):
    """Images (B, C, H, W) whose patches change places: the n-th is the order[n]-th."""
    b, c, h, w = x.shape
    cut = x.reshape(b, c, h // p, p, w // p, p).permute(0, 1, 3, 5, 2, 4).flatten(4)[..., order]
    return cut.unflatten(-1, (h // p, w // p)).permute(0, 1, 4, 2, 5, 3).reshape(b, c, h, w)


@pytest.mark.parametrize("positions", PLACES)
def test_only_positions_tell_patches_apart(positions):
    net, x, order = network(positions=positions), states(3, 2, 4, 6), [4, 0, 5, 2, 1, 3]
    assert not torch.allclose(net(0.3, permuted(x, order)), permuted(net(0.3, x), order))
    # No sines, or no angles: cosines are 1 and sines 0.
    net.table.zero_()
    if positions == "rotary":
        net.table[0] = 1
    torch.testing.assert_close(net(0.3, permuted(x, order)), permuted(net(0.3, x), order), rtol=0, atol=1e-12)


def test_rotary_attention_depends_on_differences_of_places():
    """Moved as a whole, to any place of a larger image, the same tokens attend to each other as before."""
    torch.manual_seed(0)
    layer, tokens = SelfAttention(16, 2).double(), states(2, 6, 16)
    large = rotary_table(9, 11, 8).reshape(2, 9, 11, 4)

    def window(i, j, step=1):
        return large[:, i : i + 2 * step : step, j : j + 3 * step : step].reshape(2, 6, 4)

    at_corner = layer(tokens, window(0, 0))
    for i, j in ((3, 0), (0, 5), (7, 8)):
        # The table is of single precision: products of unit size are off by about 1e-7.
        torch.testing.assert_close(layer(tokens, window(i, j)), at_corner, rtol=0, atol=1e-6)
    assert float((layer(tokens, window(0, 0, step=2)) - at_corner).detach().abs().max()) > 1e-4


@pytest.mark.parametrize("positions", PLACES)
def test_rows_and_columns_are_told_apart(positions):
    tall, wide = first((8, 4), positions=positions), first((4, 8), positions=positions)
    places = tall.table.transpose(0, -2).flatten(1)
    assert float(torch.pdist(places).min()) > 0.1
    assert not torch.allclose(tall.table, wide.table)


# How it begins and learns


@pytest.mark.parametrize("positions", PLACES)
def test_it_begins_as_zero_and_its_blocks_as_the_identity(positions):
    net, x = first(heads=2, positions=positions, conditions=SPECIES), states(3, 2, 4, 6)
    seen = []
    for block in net.blocks:
        block.register_forward_hook(lambda _, given, got: seen.append((given[0], got)))
    out = net(torch.rand(3), x, {"species": torch.tensor([0, 1, 2])})
    assert len(seen) == net.depth
    assert all(torch.equal(before, after) for before, after in seen)
    assert bool(seen[0][0].any())
    assert not bool(out.any())


def trained(net, steps, condition=None, s=None):
    """The network after some steps towards a target that depends on all it is told, and its last gradients."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    x, t = states(4, 2, 4, 6), torch.tensor([0.1, 0.4, 0.6, 0.9]).double()
    for _ in range(steps):
        optimizer.zero_grad()
        target = x * (1 + t[:, None, None, None]) + states(4, 2, 4, 6, seed=5)
        (net(t, x, condition, s=s) - target).square().mean().backward()
        optimizer.step()
    return net


@pytest.mark.parametrize("positions", PLACES)
def test_gradients_reach_every_parameter_after_two_steps(positions):
    """The first step moves the last layer, the second gates and last modulation, the third all."""
    options = {"conditions": SPECIES | OBSERVATION, "two_times": True, "positions": positions}
    told, s = conditions(0, 1, 2, -1), torch.tensor([0.5, 0.5, 0.7, 1.0]).double()
    told["observation"][3] = torch.nan
    for steps in (1, 2, 3):
        net = trained(first(**options), steps, told, s)
        heard = {name for name, parameter in net.named_parameters() if bool(parameter.grad.any())}
        if steps == 1:
            assert heard == {"last.output.weight", "last.output.bias"}
    assert heard == {name for name, _ in net.named_parameters()}


def test_after_training_conditions_and_both_times_are_heard():
    told, s = conditions(0, 1, 2, 0), torch.tensor([0.5, 0.5, 0.7, 1.0]).double()
    net, x = trained(first(conditions=SPECIES | OBSERVATION, two_times=True), 4, told, s), states(2, 2, 4, 6)
    given = conditions(0, 1)
    out = net(0.3, x, given, s=torch.tensor(0.8))
    for other in (
        net(0.4, x, given, s=torch.tensor(0.8)),
        net(0.3, x, given, s=torch.tensor(0.9)),
        net(0.3, x, given | {"species": torch.tensor([2, 2])}, s=torch.tensor(0.8)),
        net(0.3, x, given | {"observation": given["observation"] + 1}, s=torch.tensor(0.8)),
    ):
        assert float((other - out).detach().abs().max()) > 1e-6


# Calls


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: first((3,)), [r"\(3,\)", r"\(C, H, W\) or \(H, W\)", "mlp"]),
        (lambda: first((1, 2, 3, 4)), [r"\(1, 2, 3, 4\)"]),
        (lambda: first((28, 30), patch=8), ["28 x 30, patch 8", "24 or 32 x 24 or 32", "patch of 1, 2"]),
        (lambda: first((3, 4, 5), patch=2), ["4 x 5", "4 x 4 or 6", "patch of 1"]),
        (lambda: first((2, 2), patch=4), ["allowed 4 x 4;", "patch of 1, 2"]),
        (lambda: first(width=18), ["width", "18", "multiple of 4"]),
        (lambda: first(attention_heads=3), ["width", "multiple of 12"]),
        (lambda: first(width=20, positions="rotary"), ["width", "multiple of 8"]),
        (lambda: first(depth=True), ["depth", "whole number"]),
        (lambda: first(patch=0), ["patch", "whole number"]),
        (lambda: first(ratio=1.5), ["ratio", "whole number"]),
        (lambda: first(preset="M/2"), ["preset", "tiny, S/2"]),
        (lambda: first(positions="learned"), ["positions", "sine, rotary"]),
        (lambda: first(dropout=1.0), ["dropout", ">= 0 and < 1"]),
        (lambda: first()(0.5, states(3, 2, 6, 4)), [r"\(3, 2, 6, 4\)", r"\(B, 2, 4, 6\)"]),
        (lambda: first()(torch.rand(2), states(3, 2, 4, 6)), [r"t \(2,\)"]),
        (lambda: first()(0.5, states(3, 2, 4, 6), s=torch.tensor(0.7)), ["two_times"]),
        (lambda: first()(0.5, states(3, 2, 4, 6), {"species": torch.tensor([0])}), ["unknown condition 'species'"]),
        (lambda: first(conditions=SPECIES)(0.5, states(3, 2, 4, 6)), ["'species' is missing"]),
    ],
)
def test_errors_name_both_sides(call, words):
    for word in words:
        with pytest.raises(si.UsageError, match=word):
            call()


@pytest.mark.parametrize("options", [{"preset": "M/2"}, {"patch": 0}, {"width": 70_000}, {"dropout": -0.1}])
def test_recipes_are_told_their_mistakes(options):
    with pytest.raises(si.UsageError, match=next(iter(options))):
        si.build("network", "transformer", context={"shape": (1, 8, 8)}, **options)


def test_recipes_make_it_by_name():
    net = si.build(
        "network", "transformer", context={"shape": (1, 8, 8), "heads": 2}, preset="tiny", positions="rotary"
    )
    assert net(0.5, torch.zeros(3, 1, 8, 8)).shape == (3, 2, 1, 8, 8)
