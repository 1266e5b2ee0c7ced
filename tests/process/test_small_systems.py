"""Singular values and smallest weights of a few vectors at many times, beside those of LAPACK and what defines them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from si_core.process.elimination import reduced
from si_core.process.systems import ROUNDING, equilibrated, product, solved

EPS = torch.finfo(torch.float64).eps
TIMES = 64


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def pair(kind: str, basis: int) -> Tensor:
    """Two vectors (2, basis, N) with entries of about 1, at N times."""
    first, other = numbers(2, basis, TIMES).clamp(-1, 1)
    match kind:
        case "independent":
            second = other
        case "equally long and at right angles":
            first, second = torch.zeros(2, basis, TIMES, dtype=torch.float64)
            first[0], second[1] = 1.0, -1.0
        case "nearly dependent":
            second = -0.5 * first + torch.logspace(-15, 0, TIMES, dtype=torch.float64) * other
        case "dependent":
            second = 3 * first
        case _:
            second = torch.zeros_like(first)
    return torch.stack([first, second])


KINDS = ("independent", "equally long and at right angles", "nearly dependent", "dependent", "one of them zero")


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("basis", [3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_two_vectors_have_the_singular_values_of_lapack(kind: str, basis: int, turned: bool) -> None:
    vectors = pair(kind, basis).flip(0) if turned else pair(kind, basis)
    nobody = torch.zeros(TIMES, dtype=torch.bool)
    weights, singular = solved(vectors, numbers(basis, TIMES, seed=1), torch.ones(2, TIMES).double(), nobody)
    expected = torch.linalg.svdvals(vectors.movedim(-1, 0)).mT
    # Both are backward stable: off by a few rounding errors of the largest.
    torch.testing.assert_close(singular, expected, rtol=0, atol=64 * EPS)
    assert bool(torch.isfinite(weights).all())


@pytest.mark.parametrize("basis", [3, 4])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_is_in_the_span_is_reached_by_the_smallest_weights(count: int, kind: str, basis: int) -> None:
    two = pair(kind, basis)
    vectors = two[:count] if count < 3 else torch.cat([two, numbers(1, basis, TIMES, seed=2).clamp(-1, 1)])
    given = numbers(count, TIMES, seed=1)
    target, sizes = product(given, vectors), torch.ones(count, TIMES, dtype=torch.float64)
    weights, singular = solved(vectors, target, sizes, torch.ones(TIMES, dtype=torch.bool))
    # A vector that counts as dependent is missed by its length at right angles to the others.
    torch.testing.assert_close(product(weights, vectors), target, rtol=0, atol=16 * ROUNDING)
    assert bool(
        (weights.norm(dim=0) <= given.norm(dim=0) * (1 + 1e-9) + 64 * EPS / singular.clamp_min(ROUNDING)[-1]).all()
    )


def test_equilibrated_vectors_are_about_one_and_come_back() -> None:
    powers = torch.exp2(torch.randint(-40, 40, (3, 1, TIMES), generator=torch.Generator().manual_seed(3)).double())
    units = torch.exp2(torch.randint(-40, 40, (4, TIMES), generator=torch.Generator().manual_seed(4)).double())
    vectors = numbers(3, 4, TIMES) * powers * units
    scaled, sizes, found = equilibrated(vectors)
    torch.testing.assert_close(scaled * sizes.unsqueeze(1) * found, vectors, rtol=16 * EPS, atol=0)
    assert bool((scaled.abs() <= 1 + 4 * EPS).all())
    torch.testing.assert_close(scaled.abs().amax(0), torch.ones(4, TIMES).double(), rtol=0, atol=4 * EPS)


@pytest.mark.parametrize("free", [0, 1, 2])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_free_and_known_weights_make_up_what_is_in_their_span(free: int, count: int) -> None:
    given, of = numbers(free + count, 4, TIMES), numbers(free + count, TIMES, seed=1)
    target = product(of, given)
    found = reduced(torch.cat([given, target.unsqueeze(0)]), free)
    of_known, own, missed, singular = found.solved(torch.ones(TIMES, dtype=torch.bool))
    weights = found.completed(of_known)
    error = found.errors(weights, own, singular) * found.of_wanted / found.sizes
    # Random vectors are independent, so there is one solution, and the bound on its rounding holds.
    assert bool(((weights * found.of_wanted / found.sizes - of).abs() <= error + 64 * EPS).all())
    assert float(missed.max()) < ROUNDING
