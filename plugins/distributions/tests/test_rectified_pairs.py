"""Rectification: the pairs are the map of a run's own flow, and a flow trained on them is straighter."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest
import torch

import si_core as si
from si_distributions.datasets.array import Array
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.rectified import _BLOCK, Rectified

for plugin in ("si_interpolants", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

MIXTURE = {"weights": [0.5, 0.5], "means": [[2.0, 0.0], [-2.0, 0.0]], "covariances": 0.09}
MOONS = """\
seed: 3
source: {use: gaussian, dim: 2}
target: {use: gaussian-mixture, weights: [0.5, 0.5], means: [[2.0, 0.0], [-2.0, 0.0]], covariances: 0.09}
objectives: [velocity]
network: {use: mlp, width: 48, depth: 2}
train: {steps: 600, batch: 256, ema: 0.98, optimizer: {use: adam, lr: 5e-3}}
sample: {number: 16, integrator: {use: euler, steps: 2}}
report: false
"""
SMALL = ("network.width=8", "network.depth=1", "train.steps=3", "train.batch=16")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """``run(text, *overrides)``: the folder of a finished run of a recipe, made once for equal words."""
    from si_core.cli.main import main

    made = {}

    def make(text=MOONS, *overrides):
        if (text, overrides) not in made:
            folder = tmp_path_factory.mktemp("runs")
            (folder / "r.yaml").write_text(text, encoding="utf-8")
            assert main(["run", str(folder / "r.yaml"), *overrides, "--out", str(folder / "run")]) == 0
            made[text, overrides] = folder / "run"
        return made[text, overrides]

    return make


@pytest.fixture(scope="session")
def ends():
    return Gaussian(dim=2), GaussianMixture(**MIXTURE)


@pytest.fixture(scope="session")
def labelled(tmp_path_factory):
    """A recipe with classes in units of its own: class k is around (100 k, 5)."""
    folder = tmp_path_factory.mktemp("data")
    y = np.arange(120) % 3
    x = np.stack([100.0 * y, np.full(120, 5.0)], 1) + np.random.default_rng(0).normal(size=(120, 2))
    np.savez(folder / "data.npz", x=x, y=y)
    target = f"target: {{use: array, path: {folder / 'data.npz'}, key: x, label: y}}"
    return "\n".join(target if line.startswith("target") else line for line in MOONS.splitlines()), folder / "data.npz"


def flow_of(folder, x0, condition=None, steps=50):
    model = si.load_model(folder)
    with torch.no_grad():
        transport = model.transport(epsilon=0.0, start=0.0, stop=1.0, condition=condition)
        return si.integrate(transport, x0, si.build("integrator", "rk4", steps=steps)).final


def test_pairs_are_the_map_of_the_flow(run, ends):
    coupling = Rectified(run(), pairs=1500)
    pairs = coupling.draw(*ends, 400, seeded(1))
    x0, x1 = pairs.x0, pairs.x1
    assert pairs.condition is None
    assert pairs.weight is None
    # Rounding in single precision along 200 evaluations.
    torch.testing.assert_close(x1, flow_of(run(), x0), rtol=0, atol=1e-4)
    assert float((x1 - x0).abs().mean()) > 0.5
    # The source draws are standard normal: 1500 of them, with the standard errors of mean and variance.
    x0 = coupling.draw(*ends, 20_000, seeded(2)).x0.unique(dim=0)
    assert len(x0) == 1500, "drawn with replacement from the pairs"
    assert float(x0.mean(0).abs().max()) < 4 / 1500**0.5
    assert float((x0.var(0) - 1).abs().max()) < 4 * (2 / 1500) ** 0.5


def test_draws_depend_on_the_seeds_alone(run, ends):
    def drawn(seed, stream, before=()):
        coupling = Rectified(run(), pairs=1500, seed=seed)
        for n in before:
            coupling.draw(*ends, n, seeded(9))
        pairs = coupling.draw(*ends, 64, seeded(stream))
        return pairs.x0, pairs.x1

    state = torch.get_rng_state()
    one = drawn(0, 1)
    # What was drawn before decides which blocks are there, and not a single bit of any.
    for other in (drawn(0, 1), drawn(0, 1, before=(1,)), drawn(0, 1, before=(2, 5000))):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(drawn(0, 2)[0], one[0])
    assert not torch.equal(drawn(1, 1)[0], one[0])


def test_pairs_are_made_when_they_are_drawn(run, ends, monkeypatch):
    from si_distributions import rectified

    loads, paths = [], []
    load, solve = rectified.load_model, rectified.integrate
    monkeypatch.setattr(rectified, "load_model", lambda *a: loads.append(a) or load(*a))
    monkeypatch.setattr(rectified, "integrate", lambda t, x, m: paths.append(len(x)) or solve(t, x, m))
    coupling = Rectified(run(), pairs=3 * _BLOCK + 10)
    copy = pickle.loads(pickle.dumps(coupling))
    assert not loads, "not at construction"
    coupling.draw(*ends, 1, seeded())
    assert len(loads) == 1
    assert paths in ([_BLOCK], [10])
    for _ in range(3):
        coupling.draw(*ends, 5000, seeded())
    assert len(loads) == 1
    assert sorted(paths) == [10, _BLOCK, _BLOCK, _BLOCK], "each block once"
    with torch.inference_mode():
        copy.draw(*ends, 4, seeded())
    pairs = copy.draw(*ends, 5000, seeded())
    (pairs.x0 * torch.ones(2, requires_grad=True) * pairs.x1).sum().backward()


def test_conditions_and_units_come_along(run, labelled, ends):
    text, data = labelled
    folder = run(text, *SMALL)
    target = Array(data, key="x", label="y", standardise=False)
    pairs = Rectified(folder, pairs=600).draw(ends[0], target, 300, seeded())
    x0, x1, condition = pairs.x0, pairs.x1, pairs.condition
    assert set(condition) == {"y"}
    assert set(condition["y"].tolist()) == {0, 1, 2}
    # The run's units are standardised, this process's are those of the file.
    theirs = si.load_model(folder).process.target
    wanted = theirs.decode(flow_of(folder, x0, condition))
    torch.testing.assert_close(x1, wanted, rtol=1e-5, atol=1e-2)
    other = theirs.decode(flow_of(folder, x0, {"y": (condition["y"] + 1) % 3}))
    assert float((x1 - other).abs().max()) > 0.1, "each with its own condition"


def test_a_source_in_units_of_its_own(run, tmp_path):
    """x0 too is decoded by the run and encoded here."""
    np.save(tmp_path / "s.npy", np.random.default_rng(0).normal(50.0, 9.0, size=(200, 2)))
    text = MOONS.replace("source: {use: gaussian, dim: 2}", f"source: {{use: array, path: {tmp_path / 's.npy'}}}")
    source = Array(tmp_path / "s.npy", standardise=False)
    pairs = Rectified(run(text, *SMALL), pairs=100).draw(source, GaussianMixture(**MIXTURE), 50, seeded())
    x0, x1 = pairs.x0, pairs.x1
    kept = source.rows(torch.arange(source.size))[0]
    assert float(torch.cdist(x0.double(), kept.double()).min(1).values.max()) < 1e-3
    assert float(x1.abs().max()) < 20


def straightness(model, x0, x1):
    """``E |x1 - x0 - v(t, x_t)|^2`` along the lines of pairs, and the error of one Euler step against the flow."""
    t = torch.rand(len(x0), generator=seeded(5))
    with torch.no_grad():
        v = model.fields.velocity(t, torch.lerp(x0, x1, t[:, None]))
        bend = float((x1 - x0 - v).square().sum(1).mean())
        exact, one = (
            si.integrate(model.transport(), x0, si.build("integrator", name, steps=n)).final
            for name, n in (("rk4", 50), ("euler", 1))
        )
    return bend, float((exact - one).square().sum(1).mean().sqrt())


def test_training_on_the_pairs_makes_paths_straighter(run, ends):
    first = si.load_model(run())
    second = si.load_model(run(MOONS, f"coupling={{use: rectified, run: {run()}, pairs: 4000}}"))
    pairs = Rectified(run(), pairs=2000, seed=1).draw(*ends, 2000, seeded())
    x0, x1 = pairs.x0, pairs.x1
    free = ends[1].sample(2000, seeded(6))
    bend, step = straightness(first, x0, free)
    straight_bend, straight_step = straightness(second, x0, x1)
    # Under the independent coupling the velocity explains the parting of the modes only late.
    assert straight_bend < 0.05 * bend
    assert straight_step < 0.35 * step
    with torch.no_grad():
        ends_of = [
            si.integrate(m.transport(), x0, si.build("integrator", "rk4", steps=50)).final for m in (first, second)
        ]
    # The same map, as far as two small networks agree: where the modes part, a point may change sides.
    assert float((ends_of[0] - ends_of[1]).norm(dim=1).median()) < 0.2


def test_a_fingerprint_tells_of_another_run(run, tmp_path):
    from si_core.process.fingerprint import data_parts
    from si_core.storage.fingerprints import fingerprints

    first, copied = run(), tmp_path / "copied"
    shutil.copytree(first, copied)
    assert Rectified(first).fingerprint == Rectified(copied, pairs=5).fingerprint
    folder = run(MOONS, *SMALL, f"coupling={{use: rectified, run: {copied}, pairs: 600, steps: 4}}")
    before = fingerprints(data_parts(si.load_model(folder).process))
    assert set(before) == {"coupling"}
    model = si.load_model(folder)
    assert model.process.pairs(3, seeded()).x1.shape == (3, 2)
    for name in ("model.safetensors", "frame.json", "resolved.yaml"):
        shutil.copy(run(MOONS, *SMALL, "seed=4") / name, copied)
    # Samples need no pairs; whoever asks for them is told.
    changed = si.load_model(folder)
    assert torch.equal(si.sample(changed, 5), si.sample(model, 5))
    with pytest.raises(si.DataError, match="have changed"):
        changed.process.pairs(3, seeded())


def test_a_recipe_names_the_run_relative_to_itself(run, tmp_path):
    shutil.copytree(run(), tmp_path / "first")
    text = MOONS + "coupling: {use: rectified, run: first, pairs: 600, steps: 4}\n"
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    recipe = si.load_recipe(tmp_path / "r.yaml", SMALL)
    assert recipe.resolved()["coupling"]["run"] == "first"
    assert si.sample(si.train(recipe), 4).shape == (4, 2)


def test_what_is_no_finished_run_is_refused_at_once(run, tmp_path):
    for path, problem in (
        (tmp_path / "gone", "no such folder"),
        (run() / "model.safetensors", "a file"),
        (tmp_path, "no resolved.yaml"),
    ):
        with pytest.raises(si.DataError, match=problem):
            Rectified(path)
    shutil.copy(run() / "resolved.yaml", tmp_path)
    with pytest.raises(si.DataError, match=r"no trained model[\s\S]*--resume"):
        si.build("coupling", "rectified", run=str(tmp_path))
    (tmp_path / "r.yaml").write_text(MOONS + "coupling: {use: rectified, run: gone}\n", encoding="utf-8")
    with pytest.raises(si.DataError, match=r"r\.yaml:\d+:\d+: .*gone"):
        si.train(si.load_recipe(tmp_path / "r.yaml"))
    for options in ({"pairs": 0}, {"steps": 0}, {"seed": -1}, {"pairs": 1.5}):
        with pytest.raises(si.UsageError):
            Rectified(run(), **options)


POINT = MOONS.replace("{use: gaussian, dim: 2}", "{use: point-mass, point: [0.0, 0.0]}")
MIRROR = "\n".join(line for line in MOONS.splitlines() if not line.startswith("source")) + "\ncoupling: mirror\n"
SDE = ("sample.integrator={use: euler-maruyama, steps: 2}", "sample.epsilon=0.5", "latent=brownian")


@pytest.mark.parametrize(
    ("text", "overrides", "problem"),
    [
        (POINT, SDE, "no ODE can leave a single point"),
        (MIRROR, (*SDE, "objectives=[denoiser]"), "mirror"),
        (MOONS, ("source.dim=3", "target={use: gaussian, dim: 3}"), r"source has another event shape[\s\S]*\(3,\)"),
        (MOONS, ("source.mean=1.0",), "another law"),
    ],
)
def test_runs_that_can_not_be_rectified_are_refused(run, ends, text, overrides, problem):
    coupling = Rectified(run(text, *SMALL, *overrides))
    with pytest.raises(si.UsageError, match=problem):
        coupling.draw(*ends, 4, seeded())


def test_conditions_must_be_those_of_the_run(run, labelled, ends):
    text, data = labelled
    source, target = ends
    with pytest.raises(si.UsageError, match=r"other conditions[\s\S]*y: one of 0, 1, 2 in the run, no conditions here"):
        Rectified(run(text, *SMALL)).draw(source, target, 4, seeded())
    with pytest.raises(si.UsageError, match="no conditions in the run, y: one of 0, 1, 2 here"):
        Rectified(run()).draw(source, Array(data, key="x", label="y"), 4, seeded())
    with pytest.raises(si.UsageError, match="drawn together"):
        Rectified(run()).pair(torch.zeros(2, 2), torch.zeros(2, 2))
