"""What a call of the drift buys: root mean square errors at equal calls on exact flows, the tables of the README."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
import torch

import si_core as si

pytest.importorskip("si_distributions")
pytest.importorskip("si_interpolants")

README = Path(__file__).parents[1] / "README.md"
CALLS = (16, 32, 64, 128, 256)
TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6)
WIDTHS = (0.3, 0.05)

METHODS = {
    "euler": lambda calls, width: si.build("integrator", "euler", steps=calls),
    "heun": lambda calls, width: si.build("integrator", "heun", steps=calls // 2),
    "rk4": lambda calls, width: si.build("integrator", "rk4", steps=calls // 4),
    "adams-bashforth, order 2": lambda calls, width: si.build("integrator", "adams-bashforth", steps=calls, order=2),
    "adams-bashforth": lambda calls, width: si.build("integrator", "adams-bashforth", steps=calls - 2),
    "adams-bashforth, order 4": lambda calls, width: si.build(
        "integrator", "adams-bashforth", steps=calls - 6, order=4
    ),
    "exponential": lambda calls, width: si.build("integrator", "exponential", steps=calls),
    "exponential, order 3": lambda calls, width: si.build("integrator", "exponential", steps=calls - 1, order=3),
    "exponential, order 3, corrected": lambda calls, width: si.build(
        "integrator", "exponential", steps=calls - 1, order=3, corrector=True
    ),
    "exponential, order 4, corrected": lambda calls, width: si.build(
        "integrator", "exponential", steps=calls - 2, order=4, corrector=True
    ),
    "exponential, spread 0.1": lambda calls, width: si.build("integrator", "exponential", steps=calls, spread=0.1),
    "exponential, order 3, spread 0.1": lambda calls, width: si.build(
        "integrator", "exponential", steps=calls - 1, order=3, spread=0.1
    ),
    "exponential, spread as the modes": lambda calls, width: si.build(
        "integrator", "exponential", steps=calls, spread=width
    ),
}


@functools.cache
def flow(width, latent="none"):
    """A normal law to three modes of a width along straight lines, 200 paths, and where they end."""
    law = {"weights": [0.5, 0.2, 0.3], "means": [[2.0, 1.0], [-1.5, 1.5], [0.0, -2.0]], "covariances": width**2}
    target = si.build("distribution", "gaussian-mixture", **law, dtype="float64")
    source = si.build("distribution", "gaussian", dim=2, dtype="float64")
    parts = si.build("interpolant", "linear"), si.build("latent", latent), si.build("coupling", "independent")
    transport = si.Transport(si.exact_fields(si.StochasticInterpolant(*parts, source, target)))
    x = source.sample(200, torch.Generator().manual_seed(0))
    with torch.no_grad():
        return transport, x, si.build("integrator", "dopri5", rtol=1e-10, atol=1e-10).solve(transport, x).final


def error(method, width, latent="none"):
    """The root mean square distance at the end, and the calls."""
    transport, x, end = flow(width, latent)
    with torch.no_grad():
        found = method.solve(transport, x)
    return float((found.final - end).square().sum(1).mean().sqrt()), found.evaluations


def table(rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def listed(first):
    """The table of the README whose head begins so, as rows of cells."""
    lines = README.read_text(encoding="utf-8").split(f"\n| {first} |", 1)[1].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.slow
def test_the_table_at_equal_calls():
    found = []
    for name, build in METHODS.items():
        cells = []
        for width in WIDTHS:
            for calls in CALLS:
                value, counted = error(build(calls, width), width)
                assert counted == calls
                cells.append(value)
        found.append((name, cells))
    print("\n" + table([[f"`{name}`", *(f"{cell:.1e}" for cell in cells)] for name, cells in found]))
    rows = listed("error at calls")
    assert [row[0].replace("`", "") for row in rows] == [name for name, _ in found]
    for row, (name, cells) in zip(rows, found, strict=True):
        assert [float(cell) for cell in row[1:]] == pytest.approx(cells, rel=0.06), name


def test_the_table_at_tolerances():
    rows = []
    for norm in ("batch", "rows"):
        cells = []
        for width in WIDTHS:
            for tolerance in TOLERANCES:
                method = si.build("integrator", "dopri5", rtol=tolerance, atol=tolerance, norm=norm)
                value, calls = error(method, width)
                cells.append(f"{calls}: {value:.1e}")
        rows.append([f"`norm: {norm}`", *cells])
    print("\n" + table(rows))
    for row, wanted in zip(rows, listed("dopri5 at tolerance"), strict=True):
        assert row[0] == wanted[0]
        for cell, other in zip(row[1:], wanted[1:], strict=True):
            (calls, value), (their_calls, their_value) = (re.split(": ", text) for text in (cell, other))
            assert (calls, float(value)) == (their_calls, pytest.approx(float(their_value), rel=0.2))


@pytest.mark.parametrize("latent", ["none", "brownian"])
@pytest.mark.parametrize("calls", [16, 32, 64])
def test_few_calls_go_furthest_with_an_exponential_method(calls, latent):
    """Narrow modes, where the drift is stiff at the end."""
    rk4, _ = error(METHODS["rk4"](calls, 0.05), 0.05, latent)
    steps = calls - (latent == "brownian")
    for order, spread in ((2, 0.1), (2, 0.05), (3, 0.1), (3, 0.05)):
        method = si.build("integrator", "exponential", steps=steps - (order == 3), order=order, spread=spread)
        assert error(method, 0.05, latent)[0] < (0.75 if spread == 0.1 else 0.5) * rk4
