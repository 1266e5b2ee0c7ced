"""A user's own table: found beside the recipe, standardised for the model, back in its units, refused when changed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from .conftest import RECIPE, status

TARGET = "target: {use: array, path: mine.csv}\n"


@pytest.fixture
def folder(si, tmp_path):
    """``my data/mine.yaml`` with its table beside it: a height in metres and a weight in grams."""
    folder = tmp_path / "my data"
    folder.mkdir()
    write(folder)
    before, _, after = RECIPE.partition("target:")
    (folder / "mine.yaml").write_text(before + TARGET + after[after.index("interpolant") :], encoding="utf-8")
    return folder


def write(folder, seed=0, suffix=""):
    rows = np.random.default_rng(seed).normal([1.7, 70_000.0], [0.1, 9_000.0], size=(500, 2))
    text = "\n".join(["height,weight", *(f"{height:.4f},{weight:.1f}{suffix}" for height, weight in rows)])
    (folder / "mine.csv").write_text(text + "\n", encoding="utf-8")


def test_samples_have_the_units_of_the_table(si, folder, tmp_path):
    words = ("train.steps=150", "train.batch=256", "sample.number=500", "train.log_every=150")
    assert si("run", folder / "mine.yaml", *words, "--out", "run").code == 0
    samples = np.load(tmp_path / "run" / "samples.npy")
    # The mean within a standard deviation of the table, and its size within a factor of two.
    assert abs(samples.mean(0) - [1.7, 70_000.0]).max() < 9_000.0
    assert (abs(samples.mean(0) - [1.7, 70_000.0]) < [0.1, 9_000.0]).all()
    assert ((samples.std(0) > [0.05, 4_500.0]) & (samples.std(0) < [0.2, 18_000.0])).all()
    done = si("estimate", "run", "log-likelihood", "--data", "my data/mine.csv", "--json")
    assert done.code == 0
    # Log-likelihood in the units of the table: two Gaussians of these widths have -1/2 log((2 pi e)^2 0.01 * 8.1e7).
    expected = -0.5 * np.log((2 * np.pi * np.e) ** 2 * 0.1**2 * 9_000.0**2)
    assert abs(json.loads(done.out)["value"] - expected) < 2.0


def test_the_path_is_relative_to_the_recipe_and_the_resolved_one_runs_from_anywhere(si, folder, tmp_path):
    done = si("run", "../my data/mine.yaml", "train.steps=2", "--out", "run", folder=folder)
    assert done.code == 0
    assert "array reads path mine.csv" in done.out
    assert "path: mine.csv" in (folder / "run" / "resolved.yaml").read_text()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert si("run", folder / "run" / "resolved.yaml", "--out", "again", folder=elsewhere).code == 0
    for name in ("samples.npy", "model.safetensors"):
        assert (elsewhere / "again" / name).read_bytes() == (folder / "run" / name).read_bytes()


RUN = ("run", "my data/mine.yaml", "--out", "run")


@pytest.mark.fault(28)
def test_changed_data_stop_a_resumption_unless_allowed(si, folder, tmp_path):
    assert si(*RUN, moment=("signal_after_step", 8, "SIGTERM")).code == 143
    write(folder, seed=1)
    done = si(*RUN, "--resume")
    assert done.code == 3
    assert "the data changed since this run was started" in done.err
    assert done.err.count("fingerprint ") == 2
    assert "--allow-data-change" in done.err
    assert status(tmp_path / "run")["state"] == "interrupted"
    done = si(*RUN, "--resume", "--allow-data-change")
    assert done.code == 0
    assert "going on with other data, as allowed: target of " in done.err


@pytest.mark.fault(28)
def test_data_put_back_are_no_change(si, folder, tmp_path):
    assert si(*RUN).code == 0
    before = (tmp_path / "run" / "samples.npy").read_bytes()
    assert si("run", "my data/mine.yaml", "--out", "two", moment=("signal_after_step", 8, "SIGTERM")).code == 143
    write(folder, seed=1)
    write(folder, seed=0)
    assert si("run", "my data/mine.yaml", "--out", "two", "--resume").code == 0
    assert (tmp_path / "two" / "samples.npy").read_bytes() == before


def test_samples_after_the_data_changed_or_went_are_the_same(si, folder, tmp_path):
    assert si(*RUN, "train.steps=2").code == 0
    assert si("sample", "run", "--out", "before.npy").code == 0
    for change in (lambda: write(folder, seed=1), (folder / "mine.csv").unlink):
        change()
        done = si("sample", "run", "--out", "after.npy")
        assert (done.code, done.err) == (0, "")
        assert np.array_equal(np.load(tmp_path / "before.npy"), np.load(tmp_path / "after.npy"))
        (tmp_path / "after.npy").unlink()


def test_what_needs_the_data_says_which_file_and_how_it_changed(si, folder):
    assert si(*RUN, "train.steps=2").code == 0
    write(folder, seed=1)
    done = si("estimate", "run", "energy-distance")
    assert done.code == 3
    for said in ("have changed", "resolved.yaml", "fingerprint", "--data FILE"):
        assert said in done.err
    (folder / "mine.csv").unlink()
    done = si("estimate", "run", "energy-distance")
    assert done.code == 3
    for said in ("no such file", "mine.csv", "--data FILE"):
        assert said in done.err


@pytest.mark.parametrize(
    ("suffix", "message"),
    [(" kg", "column 'weight': a cell is no number"), (",1", "a row of another length"), ("e999", "not finite")],
)
def test_a_table_that_is_none_is_refused_before_there_is_a_folder(si, folder, tmp_path, suffix, message):
    write(folder, suffix=suffix)
    done = si(*RUN)
    assert done.code == 3
    assert message in done.err
    assert "mine.csv" in done.err
    assert not (tmp_path / "run").exists()
