"""Distances in features against independent implementations, closed forms, and equal laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

import si_core as si
from si_core.cli.main import main
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.frechet_distance import FrechetDistance, frechet, moments
from si_estimators.jackknife import group_of, without_each_group
from si_estimators.kernel_distance import KernelDistance, polynomial
from si_estimators.neighbourhoods import covered
from si_estimators.precision_recall import PrecisionRecall
from si_estimators.two_sample import two_sample
from si_interpolants.latents import NoLatent
from si_interpolants.spatially_linear import Linear

ESTIMATORS = [FrechetDistance, KernelDistance, PrecisionRecall]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=generator(seed))


def standing_still(source, target):
    """A model whose samples are draws of its source."""
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), source, target)
    fields = si.FunctionFields(velocity=lambda t, x: torch.zeros_like(x))
    return si.Model(process, fields, si.build("integrator", "euler", steps=1))


def by_sqrtm(m, c, n, d):
    root = scipy.linalg.sqrtm(c @ d)
    return float(((m - n) ** 2).sum() + np.trace(c + d - 2 * np.real(root)))


# The Frechet distance


@pytest.mark.parametrize(("n", "m", "k"), [(50, 80, 3), (40, 12, 11), (200, 200, 1)])
def test_frechet_of_samples_is_that_by_the_root_of_the_product(n, m, k):
    x, y = normal(n, k, seed=1) @ normal(k, k, seed=2) + 0.5, 2 * normal(m, k, seed=3)
    ends = [(part.mean(0).numpy(), np.atleast_2d(np.cov(part.numpy().T))) for part in (x, y)]
    assert frechet(moments(x), moments(y)) == pytest.approx(by_sqrtm(*ends[0], *ends[1]), rel=1e-7)


def test_frechet_of_fewer_points_than_features():
    """Turned into more dimensions, the same as in their own: nothing is lost in singular matrices."""
    x, y = normal(8, 5, seed=1), normal(9, 5, seed=2) + 1
    turn = torch.linalg.qr(normal(60, 60, seed=3)).Q[:5]
    expected = frechet(moments(x), moments(y))
    assert frechet(moments(x @ turn), moments(y @ turn)) == pytest.approx(expected, rel=1e-10)
    assert frechet(moments(x @ turn), moments(x @ turn)) == pytest.approx(0, abs=1e-12)


def test_frechet_estimator_of_gaussians_in_closed_form():
    covariance = [[1.0, 0.6, 0.0], [0.6, 2.0, 0.3], [0.0, 0.3, 0.5]]
    model = standing_still(Gaussian(mean=[1.0, 0.0, 0.0], covariance=covariance), Gaussian(dim=3, covariance=0.25))
    found = FrechetDistance().estimate(model, model.process.target.sample(4000, generator(1)), generator(2))
    ends = (np.array([1.0, 0, 0]), np.array(covariance), np.zeros(3), 0.25 * np.eye(3))
    truth = by_sqrtm(*ends)
    assert abs(found.value - truth) < 5 * found.standard_error < truth / 3
    assert found.details["distance"] == pytest.approx(math.sqrt(found.value))
    assert found.bound == "consistent"
    # Two samples of one law are apart by less than a hundredth of that.
    assert 0 <= found.details["floor"] < truth / 100
    assert found.details["floor_samples"] == 4000


def test_frechet_knows_its_error_and_its_bias():
    values, errors, biases = [], [], []
    for k in range(100):
        x, y = normal(60, 2, seed=2 * k), 1.5 * normal(60, 2, seed=2 * k + 1) + 0.5
        value = frechet(moments(x), moments(y))
        parts = [
            without_each_group(x, lambda rest, y=y: frechet(moments(rest), moments(y))),
            without_each_group(y, lambda rest, x=x: frechet(moments(x), moments(rest))),
        ]
        values.append(value)
        errors.append(math.hypot(*(part.error for part in parts)))
        biases.append(sum(part.bias(value) for part in parts))
    values, errors, biases = (torch.tensor(found, dtype=torch.float64) for found in (values, errors, biases))
    assert float(errors.square().mean().sqrt() / values.std()) == pytest.approx(1, abs=5 / math.sqrt(200))
    truth = 2 * (0.5**2 + 0.5**2)
    off = float(values.mean()) - truth
    error = float(values.std()) / 10
    assert off > 2 * error
    assert float((values - biases).mean()) == pytest.approx(truth, abs=3 * error)


def test_the_jackknife_of_a_mean_is_the_error_of_a_mean():
    x = normal(2000, 1)
    found = without_each_group(x, lambda rest: float(rest.mean()))
    # Nine degrees of freedom.
    assert found.error == pytest.approx(math.sqrt(1 / 2000), rel=5 / math.sqrt(18))
    assert found.bias(float(x.mean())) == pytest.approx(0, abs=1e-12)


# The kernel distance


@pytest.mark.parametrize("degree", [1, 3])
def test_kernel_distance_by_its_definition(degree):
    x, y = normal(20, 5, seed=1), 1.5 * normal(33, 5, seed=2) + 0.3

    def mean(a, b, within):
        matrix = polynomial_kernel(a.numpy(), b.numpy(), degree=degree, gamma=1 / 5, coef0=1)
        return (matrix.sum() - np.trace(matrix)) / (len(a) * (len(a) - 1)) if within else matrix.mean()

    expected = mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)
    found = two_sample(lambda a, b: polynomial(a, b, degree), x, y, of_difference=False)
    assert found[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("subset", [None, 25])
def test_kernel_distance_is_unbiased_and_knows_its_error(subset):
    """``(a b + 1)^2``: ``(E X^2 - E Y^2)^2 + 2 (E X - E Y)^2``, for N(1/2, 1) and N(0, 1)."""
    model = standing_still(Gaussian(dim=1, mean=0.5, dtype="float64"), Gaussian(dim=1, dtype="float64"))
    estimator, truth = KernelDistance(degree=2, subset=subset), 0.25**2 + 2 * 0.25
    found = [estimator.estimate(model, normal(100, 1, seed=k), generator(1000 + k)) for k in range(100)]
    values, errors = (
        torch.tensor([getattr(each, name) for each in found], dtype=torch.float64)
        for name in ("value", "standard_error")
    )
    assert float(values.mean()) == pytest.approx(truth, abs=5 * float(values.std()) / 10)
    # Of four subsets the error itself scatters by 1/sqrt(6), less so its mean square.
    assert float(errors.square().mean().sqrt() / values.std()) == pytest.approx(1, abs=0.3)
    assert found[0].bound == "unbiased"
    assert found[0].details.get("subsets") == (4 if subset else None)


# Precision and recall


@pytest.mark.parametrize("k", [1, 3])
def test_covered_by_nearest_neighbours_of_scikit_learn(k, monkeypatch):
    monkeypatch.setattr("si_estimators.neighbourhoods._BLOCK", 7)
    balls, points = normal(40, 3, seed=1), 1.5 * normal(31, 3, seed=2)
    group = group_of(40, balls.device)
    found = covered(balls, points, k)
    for j in range(11):
        rest = balls.numpy() if j == 0 else balls[group != j - 1].numpy()
        radii = NearestNeighbors(n_neighbors=k + 1).fit(rest).kneighbors(rest)[0][:, -1]
        distance = np.linalg.norm(points.numpy()[:, None] - rest, axis=-1)
        assert found[j].tolist() == (distance <= radii).any(1).tolist()


def test_precision_and_recall_say_which_is_amiss():
    def both(source):
        model = standing_still(source, Gaussian(dim=2, dtype="float64"))
        return PrecisionRecall().estimate(model, normal(300, 2, seed=1), generator(2)).details

    equal = both(Gaussian(dim=2, dtype="float64"))
    for name in ("precision", "recall"):
        assert equal[name] == pytest.approx(equal[f"{name}_floor"], abs=5 * equal[f"{name}_standard_error"])
    narrow = both(Gaussian(dim=2, covariance=0.2, dtype="float64"))
    assert narrow["precision"] > 0.95
    assert narrow["recall"] < 0.7
    wide = both(Gaussian(dim=2, covariance=100.0, dtype="float64"))
    assert wide["precision"] < 0.2
    assert wide["recall"] > 0.9
    away = both(Gaussian(dim=2, mean=100.0, dtype="float64"))
    assert (away["precision"], away["recall"]) == (0, 0)


def test_either_is_the_value():
    model = standing_still(Gaussian(dim=2, covariance=0.01), Gaussian(dim=2))
    x = model.process.target.sample(100, generator(1))
    for name in ("precision", "recall"):
        found = PrecisionRecall(of=name).estimate(model, x, generator(2))
        assert (found.value, found.standard_error) == (found.details[name], found.details[f"{name}_standard_error"])
        assert found.bound == "approximate"


# Features

WHOLE = Gaussian(shape=[1, 4, 4], dtype="float64")


def measured(estimator, **options):
    model = standing_still(Gaussian(shape=[1, 4, 4], mean=0.5, dtype="float64"), WHOLE)
    return estimator(**options).estimate(model, WHOLE.sample(40, generator(1)), generator(2))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_features_of_a_function_are_compared(estimator):
    first = measured(estimator, features=lambda x: x[:, 0, 0, :2])
    model = standing_still(Gaussian(dim=2, mean=0.5, dtype="float64"), Gaussian(dim=2, dtype="float64"))
    assert first.details["features"] == 2
    expected = estimator().estimate(model, WHOLE.sample(40, generator(1))[:, 0, 0, :2], generator(3))
    # The same law, other draws of it.
    assert first.value == pytest.approx(
        expected.value, abs=5 * math.hypot(first.standard_error, expected.standard_error)
    )


def test_all_principal_axes_are_a_rotation():
    raw, turned, few = (measured(FrechetDistance, components=count) for count in (None, 16, 3))
    assert turned.value == pytest.approx(raw.value, rel=1e-9)
    assert few.details["features"] == 3
    assert few.value < raw.value


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_features_of_networks_are_the_same_every_time(estimator):
    state = torch.get_rng_state()
    network = {"use": "unet", "width": 8, "multipliers": [1, 2], "blocks": 1, "attention_heads": 1}
    one, again = (measured(estimator, features=network, layer="trunk.middle.1", time=0.5) for _ in range(2))
    assert one.value == again.value
    assert one.details["features"] == 16
    assert torch.equal(torch.get_rng_state(), state)


def test_features_of_a_run(tmp_path):
    recipe = {
        "source": "gaussian",
        "target": {"use": "gaussian", "shape": [1, 4, 4]},
        "network": {"use": "transformer", "width": 16, "depth": 2, "attention_heads": 2, "patch": 2},
        "train": {"steps": 1, "batch": 4},
    }
    path = tmp_path / "r.yaml"
    path.write_text(si.load_recipe(recipe).dump(), encoding="utf-8")
    words = ["sample.number=2", "sample.batch=2", "sample.integrator={use: euler, steps: 1}", "report=false"]
    assert main(["run", str(path), *words, "--out", str(tmp_path / "run")]) == 0
    found = measured(FrechetDistance, run=tmp_path / "run", layer="blocks.1")
    assert found.details["features"] == 16
    assert measured(FrechetDistance, run=tmp_path / "run").details["features"] == 16
    with pytest.raises(si.UsageError, match="another shape"):
        model = standing_still(Gaussian(dim=2), Gaussian(dim=2))
        FrechetDistance(run=tmp_path / "run").estimate(model, torch.zeros(40, 2), generator())


def test_features_of_a_saved_fit(tmp_path):
    network = {"use": "mlp", "width": 8, "depth": 1}
    fitted = si.fit(torch.randn(40, 1, 4, 4), network=network, steps=1, train={"batch": 4}, progress=False)
    fitted.save(tmp_path / "fit")
    assert measured(FrechetDistance, run=tmp_path / "fit").details["features"] == 16


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"features": {"width": 8}}, "use: NAME"),
        ({"features": {"use": "nothing-such"}}, "nothing-such"),
        ({"features": {"use": "unet", "widht": 8}}, "widht"),
        ({"features": 3}, "a function"),
        ({"layer": "trunk"}, "layer"),
        ({"run": "nowhere"}, "no such folder"),
        ({"time": 1.5}, "time"),
        ({"components": 0}, "components"),
        ({"samples": 1}, "samples"),
    ],
)
def test_options_out_of_range(estimator, options, words):
    with pytest.raises(si.UsageError, match=words):
        estimator(**options)


def test_errors_of_features():
    with pytest.raises(si.UsageError, match=r"(?s)layer.*got 'nothing'.*of_state"):
        measured(FrechetDistance, features={"use": "resmlp", "width": 8, "depth": 1}, layer="nothing")
    with pytest.raises(si.UsageError, match="no more axes"):
        measured(FrechetDistance, components=17)
    with pytest.raises(si.DataError, match="not finite"):
        measured(FrechetDistance, features=lambda x: x.flatten(1) / 0)
    with pytest.raises(si.UsageError, match=r"(?s)the same for all events.*name a `layer`"):
        measured(KernelDistance, features=lambda x: torch.zeros(len(x), 3))
    with pytest.raises(si.UsageError, match="each event"):
        measured(FrechetDistance, features=lambda x: x[:1])
    with pytest.raises(si.DataError, match="two subsets"):
        measured(KernelDistance, subset=30)
    with pytest.raises(si.DataError, match="nearest neighbours"):
        measured(PrecisionRecall, neighbours=36)
    with pytest.raises(si.UsageError, match="generator"):
        FrechetDistance().estimate(standing_still(WHOLE, WHOLE), WHOLE.sample(40, generator()))
