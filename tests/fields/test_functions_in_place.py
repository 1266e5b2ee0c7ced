"""A user's function that changes its arguments is refused before it changes what a sampler goes on with."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

import si_core as si


def states_doubled(t: Tensor, x: Tensor) -> Tensor:
    return -x.mul_(2)


def states_clamped(t: Tensor, x: Tensor) -> Tensor:
    x[:, 0] = 0
    return -x


def times_scaled(t: Tensor, x: Tensor) -> Tensor:
    return x * t.mul_(1000)


def plain(t: Tensor, x: Tensor) -> Tensor:
    x = -x
    x *= 2  # its own tensor
    return x


def solved(function: Any, method: str) -> Tensor:
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    integrator = si.build("integrator", method, **({} if method == "dopri5" else {"steps": 4}))
    return si.integrate(si.Transport(si.FunctionFields(velocity=function)), x, integrator).final


@pytest.mark.parametrize("function", [states_doubled, states_clamped, times_scaled])
@pytest.mark.parametrize("method", ["euler", "heun", "rk4"])
def test_functions_that_change_their_arguments_are_refused(function: Any, method: str) -> None:
    with pytest.raises(si.UsageError, match="changes them in place"):
        solved(function, method)


@pytest.mark.parametrize("mode", [nullcontext, torch.no_grad, torch.inference_mode])
def test_what_a_function_does_to_tensors_of_its_own_is_its_business(mode: Any) -> None:
    with mode():
        assert torch.equal(solved(plain, "rk4"), solved(lambda t, x: -2 * x, "rk4"))


@pytest.mark.parametrize("method", ["heun", "rk4", "dopri5", "adams-bashforth"])
def test_a_buffer_that_is_written_again_is_refused_and_a_constant_is_not(method):
    buffer, constant = torch.empty(5, 2), torch.ones(5, 2)
    with pytest.raises(si.UsageError, match="writes into the one it gave before"):
        solved(lambda t, x: torch.mul(x, -1.0, out=buffer), method)
    start = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(solved(lambda t, x: constant, method), start + 1)
    assert bool((constant == 1).all())
