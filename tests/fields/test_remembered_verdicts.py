"""What a process remembers of the questions put to it: each answer is that of a process which was never asked."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import si_core as si

for plugin in ("si_interpolants", "si_distributions"):
    pytest.importorskip(plugin)

U = torch.linspace(0.0, 1.0, 21, dtype=torch.float64)


class Free(nn.Module):
    def forward(self, t, x, condition=None):
        return -x


def make_process():
    source = si.build("distribution", "gaussian", dim=2)
    target = si.build("distribution", "gaussian", dim=2, covariance=0.5)
    parts = si.build("interpolant", "linear"), si.build("latent", "brownian"), si.build("coupling", "independent")
    return si.StochasticInterpolant(*parts, source, target)


def learned(process, *names, precondition=True):
    networks = si.Predictor([Free() for _ in names], len(names))
    return si.LearnedFields(process, names, networks, si.Parametrisation(process.clock, precondition))


KNOWN = {
    "velocity": lambda process: learned(process, "velocity"),
    "raw velocity": lambda process: learned(process, "velocity", precondition=False),
    "both": lambda process: learned(process, "denoiser", "velocity"),
    "turned round": lambda process: learned(process, "velocity", "denoiser"),
    "function": lambda process: si.FunctionFields(velocity=lambda t, x: -x, process=process),
}
LEVELS = (0.0, 0.5, lambda t: 0.5 * t)
SPANS = ((0.0, 1.0), (1.0, 0.0))


def answer(process, known, epsilon, span):
    """The drift and the noise at some states, or the words of the refusal."""
    x = torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    try:
        transport = si.Transport(KNOWN[known](process), epsilon, *span)
    except si.UsageError as error:
        return str(error)
    inner = [transport.start + (transport.stop - transport.start) * float(u) for u in U]
    return torch.stack([transport.drift(u, x) for u in inner]), [transport.noise(u) for u in inner]


def same(one, other):
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return torch.equal(one[0], other[0]) and one[1] == other[1]


def test_an_answer_is_that_of_a_process_never_asked_before():
    asked = make_process()
    for known, epsilon, span in itertools.product(KNOWN, LEVELS, SPANS):
        first = answer(asked, known, epsilon, span)
        assert same(answer(asked, known, epsilon, span), first)
        assert same(answer(make_process(), known, epsilon, span), first)


def test_a_process_that_may_learn_remembers_nothing():
    process, made = make_process(), []
    for _ in range(2):
        process.memo("key", lambda: made.append(1))
    assert len(made) == 1
    process.latent = nn.Identity()
    for _ in range(2):
        process.memo("key", lambda: made.append(1))
    assert len(made) == 3


def test_what_is_remembered_has_an_end():
    process = make_process()
    for key in range(200):
        process.memo(key, lambda: None)
    assert len(process._made) < 50
