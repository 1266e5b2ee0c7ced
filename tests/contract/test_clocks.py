"""Clocks: a map of [0, 1] onto itself, its inverse and its rate, its orders at the ends, and the join of several."""

from __future__ import annotations

import itertools
import math
import pickle

import pytest
import torch

import si_core as si
from si_core.contract.clock import join_clocks

CLOCKS = (si.UniformClock(), si.SineClock(), si.SineClock(stop=False), si.SineClock(start=False))
ORDERS = list(itertools.product((1, 2), (1, 2)))


class Cubic(si.Clock):
    """A stranger's clock: ``t = 3u^2 - 2u^3``."""

    orders = (2, 2)

    def time(self, u: torch.Tensor) -> torch.Tensor:
        return u * u * (3 - 2 * u)

    def rate(self, u: torch.Tensor) -> torch.Tensor:
        return 6 * u * (1 - u)

    def position(self, t: torch.Tensor) -> torch.Tensor:
        near = (2 / 3) * torch.asin(torch.minimum(t, 1 - t).sqrt())
        u = torch.sin(near / 2).square() + math.sqrt(0.75) * torch.sin(near)
        return torch.where(t <= 0.5, u, 1 - u)


ALL = (*CLOCKS, Cubic())


def of_orders(orders: tuple[int, int]) -> si.Clock:
    return next(clock for clock in CLOCKS if clock.orders == orders)


@pytest.mark.parametrize("clock", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_clock_maps_the_unit_interval_onto_itself(clock: si.Clock, dtype: torch.dtype) -> None:
    u = torch.linspace(0, 1, 1001, dtype=dtype)
    t = clock.time(u)
    assert t.dtype == dtype
    assert t.shape == u.shape
    assert (float(t[0]), float(t[-1])) == (0.0, 1.0)
    assert bool((t.diff() > 0).all())
    assert bool((clock.rate(u)[1:-1] > 0).all())
    assert clock.time(u[500]).shape == ()


@pytest.mark.parametrize("clock", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_positions_of_the_ends_are_exact(clock: si.Clock, dtype: torch.dtype) -> None:
    assert clock.position(torch.tensor([0.0, 1.0], dtype=dtype)).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("clock", ALL, ids=repr)
def test_position_is_the_inverse_of_time(clock: si.Clock) -> None:
    u = torch.linspace(0, 1, 201, dtype=torch.float64)
    # Where t is flat, at an end of order 2, a rounding of t moves u by its root: 1e-8 at u = 1.
    torch.testing.assert_close(clock.position(clock.time(u)), u, rtol=0, atol=1e-7)
    torch.testing.assert_close(clock.position(clock.time(u[10:-10])), u[10:-10], rtol=0, atol=1e-13)
    torch.testing.assert_close(clock.time(clock.position(u)), u, rtol=0, atol=1e-15 * 4)


@pytest.mark.parametrize("clock", ALL, ids=repr)
def test_rate_is_the_derivative_of_time(clock: si.Clock) -> None:
    u = torch.linspace(0, 1, 101, dtype=torch.float64)
    (derivative,) = torch.autograd.functional.jvp(clock.time, u, torch.ones_like(u))[1:]
    torch.testing.assert_close(clock.rate(u), derivative, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("clock", ALL, ids=repr)
def test_orders_are_the_exponents_at_the_ends(clock: si.Clock) -> None:
    """``log t`` against ``log u`` near 0, and ``log(1-t)`` against ``log(1-u)`` near 1, fitted by a line."""
    near = torch.tensor([1e-3, 2e-3], dtype=torch.float64)
    for order, gone in zip(clock.orders, (clock.time(near), 1 - clock.time(1 - near)), strict=True):
        exponent = float((gone[1] / gone[0]).log()) / math.log(2)
        assert abs(exponent - order) < 1e-2
    ends = clock.rate(torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert [float(end) == 0.0 for end in ends] == [order == 2 for order in clock.orders]


@pytest.mark.parametrize(
    ("orders", "form"),
    [
        ((2, 2), lambda u: torch.sin(math.pi * u / 2) ** 2),
        ((1, 2), lambda u: torch.sin(math.pi * u / 2)),
        ((2, 1), lambda u: 1 - torch.cos(math.pi * u / 2)),
    ],
)
def test_the_sine_clocks_are_what_their_table_says(orders: tuple[int, int], form) -> None:
    u = torch.linspace(0, 1, 101, dtype=torch.float64)
    torch.testing.assert_close(of_orders(orders).time(u), form(u), rtol=0, atol=3e-16)


@pytest.mark.parametrize("clock", CLOCKS[1:], ids=repr)
def test_small_times_keep_their_digits(clock: si.Clock) -> None:
    u = torch.tensor([1e-9, 1e-12], dtype=torch.float64)
    c = {(2, 2): (math.pi / 2) ** 2, (1, 2): math.pi / 2, (2, 1): (math.pi / 2) ** 2 / 2}[clock.orders]
    torch.testing.assert_close(clock.time(u), c * u ** clock.orders[0], rtol=1e-14, atol=0)
    torch.testing.assert_close(clock.position(clock.time(u)), u, rtol=1e-14, atol=0)


def test_clocks_are_compared_by_value() -> None:
    for first, second in itertools.product(ALL, ALL):
        copy = pickle.loads(pickle.dumps(second))
        assert (first == copy) == (first is second)
        assert (first is not second) or hash(first) == hash(copy)
    assert si.UniformClock() != "uniform"


class Power(si.Clock):
    """``t = u^p`` with an option: what tells one of its clocks from another of the same orders is its times."""

    def __init__(self, p: float) -> None:
        self.p = p

    def time(self, u: torch.Tensor) -> torch.Tensor:
        return u**self.p

    def rate(self, u: torch.Tensor) -> torch.Tensor:
        return self.p * u ** (self.p - 1)

    def position(self, t: torch.Tensor) -> torch.Tensor:
        return t ** (1 / self.p)


def test_clocks_of_one_class_differ_by_their_times() -> None:
    assert Power(1.25) == Power(1.25)
    assert hash(Power(1.25)) == hash(Power(1.25))
    assert Power(1.25) != Power(1.5)


def test_a_sine_clock_slows_down_somewhere() -> None:
    with pytest.raises(si.UsageError, match="UniformClock"):
        si.SineClock(start=False, stop=False)


@pytest.mark.parametrize("given", list(itertools.product(ORDERS, repeat=3)))
def test_joining_is_the_least_upper_bound(given: tuple[tuple[int, int], ...]) -> None:
    joined = join_clocks([of_orders(orders) for orders in given])
    assert joined.orders == tuple(map(max, zip(*given, strict=True)))
    assert joined == of_orders(joined.orders)
    for order in itertools.permutations(given):
        assert join_clocks([of_orders(orders) for orders in order]) == joined


def test_joining_prefers_a_given_clock_that_will_do() -> None:
    assert join_clocks([]) == si.UniformClock()
    cubic = Cubic()
    assert join_clocks([si.UniformClock(), cubic, si.SineClock(stop=False)]) is cubic
