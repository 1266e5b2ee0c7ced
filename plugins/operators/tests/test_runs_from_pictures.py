"""A run from corrupted pictures: trained, sampled from given ones, exported, measured, in memory, refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main

RECIPE = """\
seed: 3
target: {{use: array, path: pictures.npy, standardise: true}}
coupling: {{use: corrupted, operator: {operator}, noise: unseen, sigma: 0.5}}
interpolant: linear
latent: none
objectives: [velocity]
network: {{use: mlp, width: 8, depth: 1}}
train: {{steps: 3, batch: 8, log_every: 1}}
sample: {{number: 12, integrator: {{use: euler, steps: 2}}, epsilon: 0}}
estimators: [{{use: reconstruction-error, draws: 2}}]
report: false
"""


def pictures(folder: Path) -> np.ndarray:
    found = np.random.default_rng(0).normal(50.0, 10.0, size=(40, 1, 4, 4))
    np.save(folder / "pictures.npy", found)
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inpainting")
    pictures(folder)
    operator = "{use: mask, hidden: pixels, fraction: 0.5}"
    (folder / "r.yaml").write_text(RECIPE.format(operator=operator), encoding="utf-8")
    assert main(["run", str(folder / "r.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_what_a_run_leaves(run: Path) -> None:
    assert np.load(run / "samples.npy").shape == (12, 1, 4, 4)
    (estimate,) = json.loads((run / "estimates.json").read_text())
    assert estimate["name"] == "reconstruction-error"
    assert estimate["value"] > 0
    assert "validation" in (run / "metrics.jsonl").read_text()


def test_samples_of_given_pictures(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From files and in Python, the run's data gone, run and export alike; they start from what is seen."""
    monkeypatch.chdir(tmp_path)
    seen = np.zeros((3, 1, 4, 4))
    seen[:, :, :2] = 1
    given = np.random.default_rng(1).normal(50.0, 10.0, size=(3, 1, 4, 4))
    np.save("mask.npy", seen)
    np.save("given.npy", given)
    assert main(["export", str(run), "exported"]) == 0
    for folder in (run, Path("exported")):
        words = ["sample", str(folder), "-n", "6", "--condition", "corrupted=given.npy", "--condition", "mask=mask.npy"]
        assert main([*words, "--seed", "4", "--out", f"{folder.name}.npy"]) == 0
    samples = np.load("run.npy")
    assert np.array_equal(samples, np.load("exported.npy"))
    data = run.parent / "pictures.npy"
    hidden_away = data.rename(data.with_suffix(".away"))
    try:
        model = si.load_model(run)
        condition = {"corrupted": given, "mask": seen}
        assert np.array_equal(si.sample(model, 6, seed=4, condition=condition).numpy(), samples)
        x0, told = model.initial(3, model.stream(0, "test"), condition)
    finally:
        hidden_away.rename(data)
    x0 = model.process.source.decode(x0).numpy()
    np.testing.assert_allclose(x0[seen == 1], given[seen == 1], rtol=1e-5)
    np.testing.assert_allclose(told["corrupted"].numpy(), given * seen, rtol=1e-6)


def test_states_to_start_from_need_their_conditions(run: Path) -> None:
    model = si.load_model(run)
    with pytest.raises(si.UsageError, match="corrupted"):
        model.sample(2, model.stream(0, "test"), start_from=torch.zeros(2, 1, 4, 4))
    with pytest.raises(si.UsageError, match=r"'mask' is missing"):
        si.sample(model, 2, condition={"corrupted": np.zeros((1, 4, 4))})
    with pytest.raises(si.UsageError, match="another shape"):
        si.sample(model, 2, condition={"corrupted": np.zeros((1, 2, 2)), "mask": np.ones((1, 4, 4))})
    with pytest.raises(si.UsageError, match="1 where entries are seen"):
        si.sample(model, 2, condition={"corrupted": np.zeros((1, 4, 4)), "mask": np.full((1, 4, 4), 0.5)})


def test_a_source_is_refused_and_none_is_missed(run: Path) -> None:
    recipe = str(run.parent / "r.yaml")
    with pytest.raises(si.RecipeError, match="'source' has no effect"):
        si.load_recipe(recipe, {"source": "gaussian"})
    observed = {"coupling": {"use": "observed", "operator": "mask"}}
    with pytest.raises(si.RecipeError, match="'source' is missing"):
        si.load_recipe(recipe, observed)
    assert si.load_recipe(recipe, {**observed, "source": "gaussian"}).source is not None


def test_a_mask_in_a_file_is_data_of_the_run(tmp_path: Path) -> None:
    """Its path is told from the recipe's place, another mask is noticed, and a lost one is said to be lost."""
    pictures(tmp_path)
    mask = np.ones((4, 4))
    mask[1:3, 1:3] = 0
    np.save(tmp_path / "mask.npy", mask)
    operator = "{use: mask, hidden: given, path: mask.npy}"
    (tmp_path / "r.yaml").write_text(RECIPE.format(operator=operator), encoding="utf-8")
    assert main(["run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "run")]) == 0
    given = {"corrupted": np.full((1, 4, 4), 60.0)}
    samples = si.sample(si.load_model(tmp_path / "run"), 3, condition=given)
    assert samples.shape == (3, 1, 4, 4)
    np.save(tmp_path / "mask.npy", 1 - mask)
    with pytest.raises(si.SIError, match="have changed"):
        si.sample(si.load_model(tmp_path / "run"), 3, condition=given)
    (tmp_path / "mask.npy").unlink()
    with pytest.raises(si.SIError, match="can't be read"):
        si.sample(si.load_model(tmp_path / "run"), 3, condition=given)


def test_in_memory(tmp_path: Path) -> None:
    """An object in place of a name, and arrays in place of files."""
    x = pictures(tmp_path).astype(np.float32)
    operator = si.build("operator", "downsample")
    coupling = si.build("coupling", "corrupted", operator=operator, sigma=0.2)
    settings = {"network": {"use": "mlp", "width": 8, "depth": 1}, "train.batch": 8, "latent": "none"}
    fitted = si.fit(x, coupling=coupling, steps=2, **settings, sample={"epsilon": 0})
    found = fitted.sample(2, condition={"corrupted": np.full((1, 2, 2), 50.0)})
    assert found.shape == (2, 1, 4, 4)
