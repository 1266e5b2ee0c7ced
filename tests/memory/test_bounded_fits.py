"""A fit to data whose units have bounds: samples lie within, and beyond there is no density."""

import numpy as np
import pytest
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


def test_columns_in_memory_have_bounds(tmp_path):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.exponential(size=60), "share": rng.uniform(size=60)})
    fitted = si.fit(frame, bounds={"age": (0, None), "share": (0, 1)}, **CHEAP)
    fitted.save(tmp_path / "kept")
    for model in (fitted, si.load_model(tmp_path / "kept")):
        drawn = model.sample(64)
        assert (drawn > 0).all(axis=None)
        assert (drawn["share"] < 1).all()
        beyond = pd.DataFrame({"age": [0.5, -0.5, 0.5], "share": [0.5, 0.5, 1.5]})
        assert np.isfinite(model.log_prob(beyond, steps=4)).tolist() == [True, False, False]


def test_both_ends_in_memory_have_them_in_common_units():
    rng = np.random.default_rng(0)
    rows, first = rng.uniform(0, 1, (60, 2)), rng.uniform(0.4, 0.6, (60, 2))
    fitted = si.fit(rows, source=first, bounds={0: (0, 1), 1: (0, None)}, **CHEAP)
    process = fitted.model.process
    points = torch.tensor([[0.2, 0.3], [0.7, 4.0]], dtype=torch.float64)
    assert torch.equal(process.source.frame.encode(points), process.target.frame.encode(points))
    both = process.target.frame.encode(torch.from_numpy(np.concatenate([rows, first])))
    torch.testing.assert_close(both.mean(0), torch.zeros(2).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(both.std(0, unbiased=False), torch.ones(2).double())


def test_wrong_bounds_are_told(quick, table):
    with pytest.raises(si.DataError, match=r"do not lie between the bounds"):
        quick(table, bounds={"0": (0, 1000)})
    with pytest.raises(si.UsageError, match=r"no such column"):
        quick(table, bounds={"7": (0, None)})
    with pytest.raises(si.UsageError, match=r"bounds"):
        quick(table, bounds=(0, 1))
    with pytest.raises(si.UsageError, match=r"belong to rows"):
        quick("two-moons", bounds={"0": (0, 1)})
