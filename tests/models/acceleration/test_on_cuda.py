"""On a GPU: replays are the steps themselves, bit for bit, and failures leave everything as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import si_core as si
from si_core.models.acceleration.accelerator import Accelerator

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

N = 500


def seeded(seed: int) -> torch.Generator:
    return torch.Generator("cuda").manual_seed(seed)


def on_cuda(model: si.Model) -> si.Model:
    model.fields.predictor.cuda()
    return model


def same(model: si.Model, other: si.Model, seed: int, **options) -> bool:
    one, two = seeded(seed), seeded(seed)
    x, y = model.sample(N, one, **options).x, other.sample(N, two, **options).x
    return torch.equal(x, y) and torch.equal(one.get_state(), two.get_state())


def graphs(model: si.Model) -> int:
    """How many loops of a model are recorded."""
    settings = model.accelerator._settings._values.values()
    return sum(loop._recording is not None for setting in settings for loop in setting.loops._values.values())


@pytest.mark.parametrize("precision", ["full", "bfloat16"])
@pytest.mark.parametrize(
    ("method", "epsilon"),
    [
        ("euler", 0.0),
        ("rk4", 0.0),
        ("adams-bashforth", 0.0),
        ("exponential", 0.0),
        ("euler-maruyama", 0.5),
        ("stochastic-heun", 0.5),
        ("exponential", 0.5),
    ],
)
def test_replays_are_the_steps_bit_for_bit(make, caplog, method, epsilon, precision):
    model = on_cuda(make(method=method, epsilon=epsilon, precision=precision))
    steps = on_cuda(make(method=method, epsilon=epsilon, precision=precision, graph=False))
    for seed in range(5):
        assert same(model, steps, seed)
    assert graphs(model) == 1, caplog.text


def test_conditions_and_times_between(make, labelled):
    model = on_cuda(make(target=labelled, method="rk4", epsilon=0.0))
    steps = on_cuda(make(target=labelled, method="rk4", epsilon=0.0, graph=False))
    for seed in range(5):
        labels = torch.randint(4, (N,), generator=torch.Generator().manual_seed(seed)).cuda()
        assert same(model, steps, 0, condition={"kind": labels}, times=[0.3, 0.6])
    assert graphs(model) == 3


def test_compiled_networks_are_recorded(make):
    model = on_cuda(make(compile=True))
    plain = on_cuda(make(graph=False))
    for seed in range(4):
        x, y = (each.sample(N, seeded(seed)).x for each in (model, plain))
        torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-4)
    assert graphs(model) == 1


def test_a_network_that_waits_is_not_recorded(make, waiting, caplog):
    model, steps = on_cuda(make(own=waiting)), on_cuda(make(own=waiting, graph=False))
    for seed in range(4):
        assert same(model, steps, seed)
    assert graphs(model) == 0
    assert len(caplog.records) == 1
    assert torch.cuda.get_sync_debug_mode() == 0


class Halting(nn.Module):
    """A network that raises where its work is captured."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, t, x, condition=None):
        y = -x * self.weight
        if torch.cuda.is_current_stream_capturing():
            raise RuntimeError("not while capturing")
        return y


def test_a_capture_that_fails_costs_nothing(make, caplog):
    """Neither stream, nor generator, nor the next capture."""
    stream = torch.cuda.current_stream()
    accelerator = Accelerator(graph="auto")
    halting, steps = on_cuda(make(own=Halting())), on_cuda(make(own=Halting(), graph=False))
    object.__setattr__(halting, "accelerator", accelerator)
    for seed in range(4):
        assert same(halting, steps, seed)
    assert "not while capturing" in caplog.text
    assert torch.cuda.current_stream() == stream
    good = on_cuda(make())
    object.__setattr__(good, "accelerator", accelerator)
    plain = on_cuda(make(graph=False))
    for seed in range(4):
        assert same(good, plain, seed)
    assert graphs(good) == 1


def test_memory_is_given_back(make):
    model = on_cuda(make())
    for seed in range(4):
        model.sample(N, seeded(seed))
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    model.accelerator.release()
    assert torch.cuda.memory_allocated() < before
    assert graphs(model) == 0
