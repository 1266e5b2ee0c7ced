"""Ends far from unit size are told before training: what they leave to the network is as steep as theory says."""

from __future__ import annotations

import logging
import math

import pytest
import torch

import si_core as si
from si_core.contract.clock import UniformClock
from si_core.fields.parametrisation import Parametrisation
from si_core.models.assembly import assemble
from si_core.models.unit_sizes import FARTHEST

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

WORDS = "networks learn at size 1"


def said(caplog, *overrides: str, target: object = None, source: object = "gaussian", **sections: object) -> str:
    caplog.clear()
    given = {"source": source, "target": target, "network": {"use": "mlp", "width": 8, "depth": 1}, **sections}
    with caplog.at_level(logging.WARNING):
        assemble(si.load_recipe(given, overrides))
    return "\n".join(record.getMessage() for record in caplog.records if WORDS in record.getMessage())


def gaussian(size: float) -> dict[str, object]:
    return {"use": "gaussian", "dim": 2, "covariance": size**2}


@pytest.mark.parametrize("size", [1.0, 1 / FARTHEST, FARTHEST, 1e-3])
@pytest.mark.parametrize("interpolant", ["trigonometric", "linear"])
def test_the_slope_left_to_the_network(size, interpolant):
    """max over t of ``(v'(x) - c_skip) / c_out = alpha beta (1 - s^2) / (alpha^2 + beta^2 s^2)``: ``|1/s - s|/2``."""
    source, target = (si.build("distribution", "gaussian", dim=1, covariance=each**2) for each in (1.0, size))
    path, latent = si.build("interpolant", interpolant), si.build("latent", "none")
    process = si.StochasticInterpolant(path, latent, si.build("coupling", "independent"), source, target)
    ratio = torch.logspace(-4, 4, 4001, dtype=torch.float64)  # beta / alpha
    t = ratio.atan() * 2 / math.pi if interpolant == "trigonometric" else ratio / (1 + ratio)
    s = process.schedule(UniformClock(), t)
    known = Parametrisation(UniformClock(), True).remainder(process.structure, "velocity", s)
    velocity = si.exact_fields(process).velocity(t[::10], torch.ones(len(t[::10]), 1).double())[:, 0]
    slope = (velocity - known.skip[::10]) / known.out[::10]
    wanted = abs(1 / size - size) / 2
    # The grid has 50 places a decade: beside the greatest value the slope has fallen by (ln 10 / 100)^2 / 2 at most.
    if interpolant == "trigonometric":
        assert float(slope.abs().max()) == pytest.approx(wanted, rel=1e-3, abs=1e-9)
    # Where alpha^2 + beta^2 is not 1 the slope is divided by its root, which is at least that of 1/2.
    assert wanted * (1 - 1e-3) - 1e-9 <= float(slope.abs().max()) <= wanted * math.sqrt(2) + 1e-9
    assert FARTHEST / 2 - 1 < (FARTHEST - 1 / FARTHEST) / 2 < 10


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1e-2, 1e2, 1e4])
@pytest.mark.parametrize("end", ["source", "target"])
def test_an_end_far_from_unit_size_is_told_with_its_size_and_the_way_out(caplog, size, end):
    ends = {"source": "gaussian", "target": gaussian(1.0), end: gaussian(size)}
    words = said(caplog, **ends)
    assert f"the {end} has values of size " in words
    told = float(words.partition("of size ")[2].partition(" ")[0])
    assert size / 4 < told < size * 4
    assert ("too narrow" if size > 1 else "too wide") in words
    assert "standardise: true" in words
    assert words.count(WORDS) == 1


@pytest.mark.parametrize("size", [0.2, 1.0, 5.0])
def test_the_others_are_not(caplog, size):
    assert not said(caplog, target=gaussian(size))
    assert not said(caplog, source=gaussian(size), target=gaussian(1.0))


def test_a_point_may_lie_at_the_origin_but_not_far_away(caplog):
    point = {"use": "point-mass", "point": 0.0}
    rest = {"target": gaussian(1.0), "latent": "brownian", "sample": {"epsilon": 0.5}}
    rest["objectives"] = ["velocity", "denoiser"]
    assert not said(caplog, source=point, **rest)
    assert "the source has values of size 5e+02" in said(caplog, source={**point, "point": 500.0}, **rest)


def test_standardised_data_are_of_size_one_in_any_units(caplog, tmp_path):
    import numpy as np

    rows = np.random.default_rng(0).normal(size=(200, 2)) * [1e-4, 1e5]
    np.save(tmp_path / "x.npy", rows)
    data = {"use": "array", "path": str(tmp_path / "x.npy")}
    assert not said(caplog, target=data)
    assert "the target has values of size" in said(caplog, target={**data, "standardise": False})


def test_what_is_not_trained_is_not_told(caplog):
    assert not said(caplog, "train.steps=0", target=gaussian(1e-3))
