"""Integrals over time whose integrands may grow at the ends."""

import math

import pytest
import torch

from si_core import SineClock, UniformClock
from si_estimators.quadrature import SpanIntegral, SpanNodes

CLOCKS = [UniformClock(), SineClock(), SineClock(start=False)]


def rates(nodes, function):
    return function(nodes.t)[:, None].expand(-1, 3) * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize("clock", CLOCKS, ids=str)
@pytest.mark.parametrize("span", [(0.0, 1.0), (0.2, 0.9)])
def test_smooth_integrands_to_rounding(clock, span):
    nodes = SpanNodes(clock, span, 32)
    integral = SpanIntegral(nodes, rates(nodes, lambda t: torch.exp(2 * t)))
    truth = (math.exp(2 * span[1]) - math.exp(2 * span[0])) / 2
    found = integral.of(rates(nodes, lambda t: torch.exp(2 * t)))
    assert found.tolist() == pytest.approx([truth, 2 * truth, 3 * truth], rel=1e-10)
    details = integral.details()
    assert details["bounded"] == [True, True]
    assert details["span"] == pytest.approx(list(span))
    assert "is bounded" in details["statement"]
    assert bool(integral.inside.all())


def test_a_square_root_is_integrated_with_its_ends():
    # 1/(2 sqrt(t)): of order 1/2 in time, bounded in the clock of order 2.
    for clock, bounded, error in ((UniformClock(), False, 1e-2), (SineClock(), True, 1e-9)):
        nodes = SpanNodes(clock, (0.0, 1.0), 32)
        rate = rates(nodes, lambda t: 0.5 / t.sqrt())
        integral = SpanIntegral(nodes, rate)
        assert float(integral.of(rate)[0]) == pytest.approx(1, rel=error)
        assert integral.kept == [True, True]
        assert integral.details()["bounded"] == [bounded, True]
        if not bounded:
            assert integral.growth[0] == pytest.approx(0.5, abs=0.05)
            assert "grows towards the start, with a finite integral" in integral.details()["statement"]


@pytest.mark.parametrize("end", [0, 1])
def test_a_divergent_end_is_left_out_and_said(end):
    nodes = SpanNodes(UniformClock(), (0.0, 1.0), 32)
    rate = rates(nodes, lambda t: 1 / (1 - t if end else t))
    integral = SpanIntegral(nodes, rate)
    assert integral.growth[end] == pytest.approx(1, abs=1e-6)
    assert integral.kept == [end == 1, end == 0]
    # The logarithm of 1/0.01, without the last 1 %; 32 nodes for a pole 1 % away leave some 1e-6.
    assert float(integral.of(rate)[0]) == pytest.approx(math.log(100), rel=1e-5)
    details = integral.details()
    assert details["span"] == pytest.approx([0.0, 0.99] if end else [0.01, 1.0])
    assert details["fraction_at_ends"][end] is None
    assert f"diverges at the {'stop' if end else 'start'}" in details["statement"]
    assert int((~integral.inside).sum()) == 8


def test_the_worse_of_two_integrands_decides():
    nodes = SpanNodes(UniformClock(), (0.0, 1.0), 8)
    flat, steep = (rates(nodes, f) for f in (torch.ones_like, lambda t: 1 / t))
    assert SpanIntegral(nodes, flat).kept == [True, True]
    assert SpanIntegral(nodes, flat, steep).kept == [False, True]


def test_nothing_is_integrated_as_nothing():
    nodes = SpanNodes(SineClock(), (0.0, 1.0), 8)
    zero = torch.zeros(len(nodes.u), 2, dtype=torch.float64)
    integral = SpanIntegral(nodes, zero)
    assert integral.of(zero).tolist() == [0.0, 0.0]
    assert integral.details()["fraction_at_ends"] == [None, None]
