"""Simulations as a target: pairs stay pairs, parameters stay within the prior, densities are those of parameters."""

import itertools

import numpy as np
import pytest
import torch

import si_core as si
from si_inference.arrays import ArraySimulations, orders
from si_inference.simulator import Simulator


def made(**options):
    return si.build("distribution", "simulations", **{"number": 400, "held_out": 0.25, **options})


def test_pairs_of_a_simulator_are_its_own_and_observations_keep_their_units():
    simulator = si.build("simulator", "two-moons")
    law = made(simulator="two-moons", seed=3)
    generator = torch.Generator().manual_seed(3)
    theta = simulator.prior(400, generator)
    x = simulator.simulate(theta, generator)
    rows, condition = law.rows(torch.arange(law.size))
    pairs = torch.cat([law.decode(rows), condition["observation"]], 1)
    nearest = torch.cdist(pairs.double(), torch.cat([theta, x], 1)).min(1)
    assert float(nearest.values.max()) < 1e-5
    assert len(nearest.indices.unique()) == law.size == 300
    assert law.frame.columns == ("theta1", "theta2")
    spec = law.conditions["observation"]
    assert spec.shape == (2,)
    assert spec.mean == pytest.approx(float(condition["observation"].double().mean()), abs=1e-5)
    assert (
        made(simulator="two-moons", seed=4).fingerprint
        != law.fingerprint
        == made(simulator="two-moons", seed=3).fingerprint
    )


def test_exchangeable_points_come_in_every_order():
    law = made(simulator="slcp")
    plain = made(simulator="slcp", exchangeable=0)
    assert (law.size, plain.size) == (300 * 24, 300)
    assert law.fingerprint != plain.fingerprint
    theta, condition = law.rows(torch.arange(48))
    own, of_own = plain.rows(torch.arange(2))
    torch.testing.assert_close(theta, own.repeat_interleave(24, 0))
    seen = {tuple(map(tuple, x.reshape(4, 2).tolist())) for x in condition["observation"][:24]}
    assert seen == set(itertools.permutations(tuple(map(tuple, of_own["observation"][0].reshape(4, 2).tolist()))))
    torch.testing.assert_close(law.held_out()[1]["observation"], plain.held_out()[1]["observation"])
    drawn = law.draw(2000, torch.Generator().manual_seed(0))[1]["observation"].reshape(2000, 4, 2)
    # Each place has the mean of all: by chance they differ by the spread of a point within its observation.
    spread = (drawn - drawn.mean(1, keepdim=True)).std() / 2000**0.5
    assert float((drawn.mean(0) - drawn.mean((0, 1))).abs().max()) < 5 * float(spread)


def test_orders():
    assert orders(0).shape == orders(1).shape == (1, 1)
    assert {tuple(row) for row in orders(3).tolist()} == set(itertools.permutations(range(3)))
    many = orders(9)
    assert many.shape == (720, 9)
    assert bool((many.sort(1).values == torch.arange(9)).all())


def test_files_of_different_shapes(tmp_path):
    rng = np.random.default_rng(0)
    theta, x = rng.uniform(size=(60, 2)), rng.normal(size=(60, 3, 4))
    np.savetxt(tmp_path / "theta.csv", theta, delimiter=",", header="rate,angle", comments="")
    np.save(tmp_path / "x.npy", x)
    files = {"parameters": tmp_path / "theta.csv", "observations": tmp_path / "x.npy"}
    law = si.build("distribution", "simulations", **files, bounds={"rate": (0, None)}, held_out=0)
    rows, condition = law.rows(torch.arange(60))
    np.testing.assert_allclose(law.decode(rows).numpy(), theta, rtol=1e-5)
    np.testing.assert_allclose(condition["observation"].numpy(), x, rtol=1e-6)
    assert law.frame.columns == ("rate", "angle")
    in_memory = ArraySimulations(theta, x, ("rate", "angle"), law.frame.bounds, held_out=0)
    assert in_memory.fingerprint == law.fingerprint


def test_files_that_other_plugins_read(tmp_path):
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("si_zarr")
    arrays = {"theta": np.random.rand(30, 2), "x": np.random.rand(30, 3, 4)}
    for name, values in arrays.items():
        np.save(tmp_path / f"{name}.npy", values)
        zarr.create_array(str(tmp_path / f"{name}.zarr"), data=values, chunks=(7, *values.shape[1:]))
    found = [
        si.build(
            "distribution", "simulations", parameters=tmp_path / f"theta.{kind}", observations=tmp_path / f"x.{kind}"
        )
        for kind in ("npy", "zarr")
    ]
    assert found[0].fingerprint == found[1].fingerprint
    of_files = [
        si.build("estimator", "c2st", observation=tmp_path / f"x.{kind}", reference=tmp_path / f"theta.{kind}")
        for kind in ("npy", "zarr")
    ]
    for one, other in zip(*(each.references for each in of_files), strict=True):
        assert torch.equal(one.observation, other.observation)
        assert torch.equal(one.samples, other.samples)


def test_parameters_of_a_file_without_names_are_given_some(tmp_path):
    np.save(tmp_path / "theta.npy", np.random.rand(10, 2))
    np.save(tmp_path / "x.npy", np.random.rand(10, 5))
    files = {"parameters": tmp_path / "theta.npy", "observations": tmp_path / "x.npy", "held_out": 0}
    law = si.build("distribution", "simulations", **files, names=["rate", "angle"], bounds={"angle": (0, 1)})
    assert law.frame.columns == ("rate", "angle")
    assert law.frame.bounds.lower.tolist() == [-float("inf"), 0.0]
    for names in (["rate"], ["rate", "rate"]):
        with pytest.raises(si.UsageError, match="2 names, all different"):
            si.build("distribution", "simulations", **files, names=names)
    with pytest.raises(si.UsageError, match="names of its own"):
        made(simulator="two-moons", names=["a", "b"])
    with pytest.raises(si.UsageError, match=r"(?s)no such column.*in quotes: .'0'"):
        si.build("distribution", "simulations", **files, bounds={"rate": (0, 1)})


class Untold(Simulator):
    def prior(self, n, generator):
        return torch.rand(n, 2, generator=generator, dtype=torch.float64)

    def simulate(self, theta, generator):
        return theta


def test_a_simulator_that_does_not_name_its_parameters_is_told_how():
    with pytest.raises(si.UsageError, match=r'(?s)no names and no observation_shape.*names = .*"rate"'):
        made(simulator=Untold())


def test_what_is_no_pair_of_sources_is_refused(tmp_path):
    np.save(tmp_path / "t.npy", np.random.rand(10, 2))
    np.save(tmp_path / "x.npy", np.random.rand(11, 2))
    files = {"parameters": tmp_path / "t.npy", "observations": tmp_path / "x.npy"}
    for options in ({}, {"parameters": files["parameters"]}, {"simulator": "slcp", **files}):
        with pytest.raises(si.UsageError, match="from a simulator, or from two files"):
            si.build("distribution", "simulations", **options)
    with pytest.raises(si.DataError, match="an observation for each"):
        si.build("distribution", "simulations", **files)
    with pytest.raises(si.DataError, match="equal points"):
        made(simulator="two-moons", exchangeable=3)
    with pytest.raises(si.DataError, match="between the bounds"):
        made(simulator="two-moons", bounds={"theta1": (0, 1)})


def test_the_density_of_a_model_integrates_to_one_over_the_prior():
    """Of an untrained network, given an observation, by Gauss-Legendre quadrature over the box."""
    recipe = {
        "source": "gaussian",
        "target": {"use": "simulations", "simulator": "two-moons", "number": 300},
        "interpolant": "linear",
        "latent": "none",
        "objectives": ["velocity"],
        "network": {"use": "mlp", "width": 8, "depth": 1},
        "train": {"steps": 0},
    }
    model = si.train(si.load_recipe(recipe))
    # The density falls to 0 within a hundredth of the bounds, where nodes are dense.
    nodes, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(48))
    theta = torch.cartesian_prod(nodes, nodes)
    estimator = si.build("estimator", "log-likelihood", steps=8, path="coupled")
    found = si.estimate(model, estimator, theta, condition={"observation": [[0.1, -0.2]]})
    assert float(torch.outer(weights, weights).flatten() @ found.per_sample.double().exp()) == pytest.approx(
        1, abs=2e-3
    )
    samples = si.sample(model, 64, condition={"observation": [[0.1, -0.2]]})
    assert bool(model.process.target.frame.inside(samples).all())
    with pytest.raises(si.DataError, match="outside the bounds"):
        si.estimate(model, estimator, torch.tensor([[1.5, 0.0]]), condition={"observation": [[0.1, -0.2]]})
