"""Data none of which are held out: estimates are of the training rows, once each, and say so."""

import numpy as np
import pytest
import torch

import si_core as si
from si_core.contract.estimate_line import estimate_line
from si_core.models.estimation import reference_points


@pytest.fixture
def law(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(60.0).reshape(30, 2))
    return lambda **options: si.build("distribution", "array", path=tmp_path / "rows.npy", **options)


@pytest.mark.parametrize("n", [7, 30, 500])
def test_each_row_counts_once(law, n):
    found, _, trained = reference_points(law(held_out=0), n, torch.Generator().manual_seed(0))
    assert trained
    assert len(found) == min(n, 30) == len(found.unique(dim=0))


def test_an_estimate_says_which_points_it_is_of(law):
    for held_out, said in ((0, True), (0.2, False)):
        target = law(held_out=held_out)
        source = si.build("distribution", "gaussian", dim=2)
        parts = [si.build(kind, name) for kind, name in (("interpolant", "linear"), ("latent", "none"))]
        process = si.StochasticInterpolant(*parts, si.build("coupling", "independent"), source, target)
        fields = si.FunctionFields(velocity=lambda t, x: -x, process=process)
        model = si.Model(process, fields, si.build("integrator", "euler", steps=2))
        line = estimate_line(si.estimate(model, "energy-distance"))
        assert ("training rows" in line) is said
