"""The loss of regression: the formula, and its derivatives in every mode, for batches of both sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from si_core.contract.expanded_square import expanded_square

SHAPES = pytest.mark.parametrize("shape", [(5, 2), (3, 2, 4), (700, 100), (300, 3, 10, 10)])


def plain(prediction: Tensor, target: Tensor) -> Tensor:
    return (0.5 * prediction**2 - prediction * target).flatten(1).sum(1)


def pair(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    first, second = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    return first.requires_grad_(), second.requires_grad_()


@SHAPES
def test_value_and_derivatives_in_both_arguments(shape) -> None:
    inputs = pair(shape)
    weight = torch.linspace(0.5, 2, shape[0], dtype=torch.float64)
    found, wanted = expanded_square(*inputs), plain(*inputs)
    torch.testing.assert_close(found, wanted, rtol=1e-13, atol=1e-12)
    for of_found, of_wanted in zip(
        torch.autograd.grad((weight * found).sum(), inputs),
        torch.autograd.grad((weight * wanted).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(of_found, of_wanted, rtol=1e-13, atol=1e-14)


@SHAPES
def test_second_derivatives(shape) -> None:
    inputs = pair(shape)

    def curved(function) -> tuple[Tensor, ...]:
        first = torch.autograd.grad(function(*inputs).square().sum(), inputs, create_graph=True)
        return torch.autograd.grad(sum((part**2).sum() for part in first), inputs)

    for found, wanted in zip(curved(expanded_square), curved(plain), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-9)


@SHAPES
def test_transforms_of_functions(shape) -> None:
    prediction, target = (part.detach() for part in pair(shape))
    tangents = (torch.ones_like(prediction), prediction.cos())
    for found, wanted in zip(
        torch.func.jvp(expanded_square, (prediction, target), tangents),
        torch.func.jvp(plain, (prediction, target), tangents),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-11)
    stacked = torch.stack([prediction, 2 * prediction])
    found = torch.func.vmap(torch.func.grad(lambda p: expanded_square(p, target).sum()))(stacked)
    torch.testing.assert_close(found, stacked - target, rtol=1e-13, atol=1e-14)


@SHAPES
def test_only_what_is_asked_for_is_differentiated(shape) -> None:
    prediction, target = pair(shape)
    expanded_square(prediction, target.detach()).sum().backward()
    torch.testing.assert_close(prediction.grad, (prediction - target).detach(), rtol=1e-15, atol=1e-15)
