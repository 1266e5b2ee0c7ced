"""A fit to data whose units have bounds: samples lie within, and beyond there is no density."""

import numpy as np
import torch

import si_core as si

CHEAP = {"network": {"use": "mlp", "width": 8, "depth": 1}, "sample": {"batch": 64}, "steps": 3, "train": {"batch": 16}}


def test_densities_beyond_bounds_are_zero(tmp_path):
    rows = np.random.default_rng(0).uniform(size=(60, 2)).astype(np.float32)
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",", header="a,b", comments="")
    target = si.build("distribution", "array", path=tmp_path / "rows.csv", bounds={"a": (0, 1), "b": (0, None)})
    fitted = si.fit(target, **CHEAP)
    drawn = torch.as_tensor(np.asarray(fitted.sample(64), dtype=np.float64))
    assert bool(target.frame.inside(drawn).all())
    points = np.array([[0.5, 0.5], [1.5, 0.5], [0.25, -1.0], [0.25, 7.0]])
    found = np.asarray(fitted.log_prob(points, steps=4))
    assert np.isfinite(found).tolist() == [True, False, False, True]
    assert found[1] == found[2] == -np.inf
    np.testing.assert_allclose(found[[0, 3]], np.asarray(fitted.log_prob(points[[0, 3]], steps=4)), rtol=1e-5)
