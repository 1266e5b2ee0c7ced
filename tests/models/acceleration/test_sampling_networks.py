"""Networks as sampling calls them: bfloat16 within its rounding, channels last, and what stays as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import si_core as si
from si_core.models.acceleration.accelerator import Accelerator
from si_core.models.acceleration.networks import SamplingNetwork

ROUNDING = 2.0**-9
"""The largest relative error of a number rounded to bfloat16, with its 8 bits."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def lowered(network: nn.Module) -> SamplingNetwork:
    return SamplingNetwork(network, torch.bfloat16, False, False, print)


class Affine(nn.Module):
    """``W x``: the drift of a linear ODE."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.map = nn.Linear(*matrix.shape, bias=False, dtype=matrix.dtype)
        self.map.weight.data = matrix
        self.requires_grad_(False)

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.map(x)


class Sines(nn.Module):
    """``sin(k pi t) x`` without a matrix product."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((3,), 1 / 3), requires_grad=False)

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.sin(300 * t) * x * self.gain


class Images(nn.Module):
    """A small network of convolutions; it keeps the layout of what it was called with."""

    def __init__(self, channels: int = 2, width: int = 8) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.first = nn.Conv2d(channels, width, 3, padding=1)
            self.norm = nn.GroupNorm(2, width)
            self.of_time = nn.Linear(1, width)
            self.last = nn.Conv2d(width, channels, 3, padding=1)
        self.seen: list[Tensor] = []
        self.eval().requires_grad_(False)

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        self.seen.append(x)
        time = self.of_time(t.reshape(-1, 1))
        return self.last(torch.nn.functional.silu(self.norm(self.first(x)) + time[..., None, None]))


def linear_model(matrix: Tensor, **options) -> si.Model:
    """``dX = W X dt``, by 20 steps of the Euler method."""
    dim = len(matrix)
    normal = si.build("distribution", "gaussian", dim=dim)
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "none"),
        si.build("coupling", "independent"),
        normal,
        normal,
    )
    fields = si.LearnedFields(
        process, ("velocity",), si.Predictor([Affine(matrix)], 1).eval(), si.Parametrisation(process.clock, False)
    )
    method = si.build("integrator", "euler", steps=20)
    return si.Model(process, fields, method, accelerator=Accelerator(**{"graph": "auto", **options}))


def test_bfloat16_errs_by_its_rounding():
    """Weights, inputs and outputs of a product are rounded: ``|error| <= ((1+u)^3 - 1) |W| |x|`` a call.

    Through the steps of length h it grows by ``1 + h ||W||`` each, hence at most by ``exp(||W||)`` (Gronwall).
    """
    matrix = torch.randn(16, 16, generator=seeded()) / 4
    path = linear_model(matrix).sample(500, seeded(1))
    rounded = linear_model(matrix, precision="bfloat16").sample(500, seeded(1))
    norm = float(torch.linalg.matrix_norm(matrix, 2))
    of_call = ((1 + ROUNDING) ** 3 - 1) * float(torch.linalg.matrix_norm(matrix.abs(), 2))
    error = (rounded.final - path.final).norm(dim=1)
    assert rounded.final.dtype == torch.float32
    largest = path.x.norm(dim=-1).amax(0) * torch.e**norm
    assert bool((error <= of_call * torch.e**norm * largest).all())
    assert float((error / path.final.norm(dim=1)).mean()) > ROUNDING / 30, "products are in bfloat16"


def test_states_scalars_and_noise_stay_single(make):
    """With a network that says nothing there is nothing to round."""
    models = [make(method="euler-maruyama", precision=precision) for precision in ("full", "bfloat16")]
    for model in models:
        model.fields.predictor.networks[0].output.weight.zero_()
    one, other = (model.sample(100, seeded(2)).x for model in models)
    assert torch.equal(one, other)


def test_the_embedding_of_time_is_not_rounded():
    """In bfloat16 ``300 t`` would be off by up to one half of a radian."""
    t, x = torch.tensor(0.913), torch.randn(50, 3, generator=seeded())
    assert torch.equal(lowered(Sines())(t, x), Sines()(t, x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_part_of_the_reference_network_is_close(make, labelled, dtype):
    """Of depth 2: the first layer, a hidden one and the last each add three roundings, in the root mean square."""
    network = make(target=labelled).fields.predictor.networks[0].to(dtype)
    x, t, labels = torch.randn(400, 3, generator=seeded(), dtype=dtype), torch.tensor(0.3, dtype=dtype), torch.arange(4)
    with torch.inference_mode():
        for told in ({"kind": labels.repeat(100)}, {"kind": torch.tensor([2])}, {"kind": torch.tensor([-1])}):
            for time in (t, torch.linspace(0, 1, 400, dtype=dtype)):
                y, exact = lowered(network)(time, x, told), network(time, x, told)
                assert y.dtype == dtype
                error = float((y - exact).norm() / exact.norm())
                assert ROUNDING / 10 < error < 3 * 3 * ROUNDING


def test_weights_are_cast_once_and_kept_up_to_date(make):
    model = make(precision="bfloat16")
    network = model.fields.predictor.networks[0]
    first = model.sample(20, seeded()).final
    predictor = model.accelerator._networks[1]
    (copy,) = predictor.networks
    assert copy.network.hidden[0].weight.dtype == torch.bfloat16
    assert copy.network.frequencies.dtype == torch.float32
    assert network.hidden[0].weight.dtype == torch.float32
    with torch.no_grad():
        network.output.weight.mul_(3)
    second = model.sample(20, seeded()).final
    assert model.accelerator._networks[1] is predictor, "cast into the same memory"
    assert not torch.equal(first, second)
    afresh = replace(model, accelerator=Accelerator(precision="bfloat16", graph="auto"))
    assert torch.equal(second, afresh.sample(20, seeded()).final)


def test_estimates_of_fields_are_of_full_precision(make):
    """A likelihood is of the flow that was learned; a distance between samples is of the samples that are drawn."""
    pytest.importorskip("si_estimators")
    full, half = (make(epsilon=0.0, method="rk4", precision=precision) for precision in ("full", "bfloat16"))
    points = torch.randn(50, 3, generator=seeded())
    likelihood = si.build("estimator", "log-likelihood", steps=8)
    one, other = (si.estimate(model, likelihood, points) for model in (full, half))
    assert one.value == other.value
    distance = si.build("estimator", "sliced-wasserstein", samples=50)
    one, other = (si.estimate(model, distance, points) for model in (full, half))
    assert one.value != other.value
    assert one.value == pytest.approx(other.value, rel=0.05)


def test_the_last_denoising_step_is_of_full_precision(make):
    model = replace(make(precision="bfloat16"), stop=0.9, denoise=True)
    path = model.sample(30, seeded())
    last = torch.tensor(0.9, dtype=torch.float64)
    with torch.inference_mode():
        assert torch.equal(path.final, model.fields.target_denoiser(last, path.x[-2]))


def test_another_schedule_of_sampling_is_lowered_too(make):
    model = make(epsilon=0.0, method="rk4", precision="bfloat16")
    process = model.process
    path = si.StochasticInterpolant(
        si.build("interpolant", "trigonometric"),
        si.build("latent", "none"),
        process.coupling,
        process.source,
        process.target,
    )
    half = replace(model, process=path, fields=si.RescheduledFields(model.fields, path))
    full = replace(half, accelerator=Accelerator())
    error = (half.sample(200, seeded()).final - full.sample(200, seeded()).final).norm()
    assert 0 < float(error) < 0.05 * float(full.sample(200, seeded()).final.norm())


class Contrast(si.Guidance):
    """Three times the fields of a label less twice those of the next."""

    def guided(self, fields):
        def told(condition):
            return condition, {"kind": (condition.get("kind", torch.tensor([0])) + 1) % 4}

        return si.CombinedFields(fields, (3.0, -2.0), told)


def test_guided_fields_are_lowered_too(make, labelled):
    """What is called fast are the networks that they ask, for the conditions that they were given."""
    full = make(target=labelled, graph=False).with_guidance([Contrast()])
    low = replace(full, accelerator=Accelerator("bfloat16", graph=False))
    told = {"kind": torch.tensor([0, 3])}
    exact = full.sample(2, seeded(), condition=told).final
    for model in (low, replace(low, fields=low.fields.conditioned(told))):
        found = model.sample(2, seeded(), condition=told).final
        assert not torch.equal(found, exact)
        torch.testing.assert_close(found, exact, rtol=0.1, atol=0.1)


def test_fields_without_networks_say_so_once(make, caplog):
    model = make(epsilon=0.0, method="rk4", precision="bfloat16")
    model = replace(model, fields=si.FunctionFields(velocity=lambda t, x: -x, process=model.process))
    for _ in range(3):
        model.sample(5, seeded())
    assert len(caplog.records) == 1
    assert "there are none" in caplog.text


@pytest.fixture
def images(make):
    target = si.build("distribution", "gaussian", shape=[2, 6, 6])
    return lambda network, **options: make(own=network, target=target, method="euler-maruyama", **options)


def test_channels_last_gives_the_same_samples(images):
    """A sum of 72 products in another order, through two layers and four steps: within rounding."""
    plain, last = Images(), Images()
    one = images(plain).sample(20, seeded()).x
    other = images(last, channels_last=True).sample(20, seeded()).x
    torch.testing.assert_close(other, one, rtol=1e-5, atol=72 * torch.finfo(torch.float32).eps)
    assert not last.seen, "a copy is laid out anew, not the network itself"
    assert other.is_contiguous(), "integrators see no strides"


def test_channels_last_reaches_the_network(images):
    model = images(Images(), channels_last=True)
    model.sample(20, seeded())
    network = model.accelerator._networks[1].networks[0].network
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in network.seen)
    assert network.first.weight.is_contiguous(memory_format=torch.channels_last)
    assert not network.first.weight.is_contiguous()


@pytest.mark.parametrize("options", [{"channels_last": True}, {"channels_last": True, "precision": "bfloat16"}])
def test_equal_generators_draw_equal_noise_for_every_layout(images, options):
    def silent() -> Images:
        network = Images()
        network.last.weight.zero_()
        network.last.bias.zero_()
        return network

    one, other = images(silent()).sample(20, seeded()).x, images(silent(), **options).sample(20, seeded()).x
    assert torch.equal(one, other)
    assert other.is_contiguous()


def test_convolutions_in_bfloat16(images):
    """Two layers and what is between them, each with three roundings, norms in single precision."""
    x, t = torch.randn(30, 2, 6, 6, generator=seeded()), torch.tensor(0.4)
    network = Images()
    with torch.inference_mode():
        exact = network(t, x)
        for last in (False, True):
            y = SamplingNetwork(network, torch.bfloat16, last, False, print)(t, x)
            assert y.dtype == torch.float32
            assert y.is_contiguous()
            assert ROUNDING / 10 < float((y - exact).norm() / exact.norm()) < 9 * ROUNDING


def test_networks_without_convolutions_are_left_alone(make, caplog):
    model = make(channels_last=True)
    for _ in range(2):
        assert torch.equal(model.sample(20, seeded()).x, make().sample(20, seeded()).x)
    assert len(caplog.records) == 1
    assert "no convolutions" in caplog.text


def test_lowered_loops_are_recorded_like_others(make, recorder):
    model = make(precision="bfloat16", recorder=recorder)
    steps = make(precision="bfloat16", graph=False)
    for seed in range(4):
        assert torch.equal(model.sample(20, seeded(seed)).x, steps.sample(20, seeded(seed)).x)
    with torch.no_grad():
        for each in (model, steps):
            each.fields.predictor.networks[0].output.weight.mul_(2)
    for seed in range(4):
        assert torch.equal(model.sample(20, seeded(seed)).x, steps.sample(20, seeded(seed)).x)
    assert recorder.recorded == 1, "new weights go into the memory that the recording reads"
