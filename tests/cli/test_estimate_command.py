"""``si estimate``: a number measured on a trained run, on fresh draws or on points of a file."""

from __future__ import annotations

import json

import numpy as np
import pytest

NAME = '{"use": "log-likelihood", "steps": 10}'


@pytest.fixture
def points(tmp_path):
    """50 points near the two modes, in every format."""
    rng = np.random.default_rng(1)
    values = rng.normal(scale=0.5, size=(50, 2)) + np.where(rng.random((50, 1)) < 0.5, -2.0, 2.0) * [1.0, 0.0]
    np.save(tmp_path / "p.npy", values)
    np.savez(tmp_path / "p.npz", points=values)
    np.savetxt(tmp_path / "p.csv", values, delimiter=",", header="x,y", comments="", fmt="%.17g")
    np.savetxt(tmp_path / "bare.csv", values, delimiter=";", fmt="%.17g")
    return values


def measured(si, *words):
    done = si("estimate", *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_equal_seeds_give_the_estimate_of_the_run(si, finished):
    (expected,) = json.loads((finished / "estimates.json").read_text())
    name = '{"use": "energy-distance", "samples": 64}'
    assert measured(si, finished, name, "--seed", 3) == expected
    assert measured(si, finished, name, "--seed", 4) != expected


def test_the_points_may_come_in_any_format(si, finished, points):
    found = [measured(si, finished, NAME, "--data", file) for file in ("p.npy", "p.npz", "p.csv", "bare.csv")]
    assert found[0]["details"]["dimensions"] == 2
    assert found[1:] == [found[0]] * 3


def test_the_likelihood_falls_for_points_far_away(si, finished, points, tmp_path):
    near = measured(si, finished, NAME, "--data", "p.npy")["value"]
    np.save(tmp_path / "far.npy", points + np.array([0.0, 30.0]))
    # A Gaussian tail of any scale below 6 costs 12 nats at a distance of 30.
    assert measured(si, finished, NAME, "--data", "far.npy")["value"] < near - 12


def test_without_json_it_is_a_line_and_its_details(si, finished):
    done = si("estimate", finished, NAME)
    assert (done.code, done.err) == (0, "")
    first, *details = done.out.splitlines()
    assert first.startswith("log-likelihood: -")
    assert " +- " in first
    assert "nats" in first
    assert "(exact" in first
    assert "  dimensions: 2" in details


def test_method_and_noise_level_of_sampling_can_be_chosen(si, finished):
    words = ("--epsilon", 0, "--integrator", '{"use": "rk4", "steps": 5}')
    assert measured(si, finished, "energy-distance", *words) != measured(si, finished, "energy-distance")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "required: ESTIMATOR|JSON"),
        (("loglikelihood",), 2, "did you mean 'log-likelihood'"),
        (('{"use": "mmd", "what": 1}',), 2, "unknown option 'what'"),
        ((NAME, "--data", "none.npy"), 3, "none.npy: no such file"),
        ((NAME, "--data", "none.csv"), 3, "none.csv: no such file"),
        ((NAME, "--data", "r.yaml"), 3, "unknown file format"),
        ((NAME, "--data", "text.npy"), 3, "this is no .npy file"),
        ((NAME, "--data", "objects.npy"), 3, "Python objects, which are never loaded"),
        ((NAME, "--data", "complex.npy"), 3, "not an array of real numbers"),
        ((NAME, "--data", "three.npy"), 3, "got (4, 3); allowed (B, 2)"),
        ((NAME, "--data", "none-finite.npy"), 3, "row 1: points that are not finite"),
        ((NAME, "--condition", "species=setosa"), 2, "this model takes no condition"),
    ],
)
def test_refusals(si, tmp_path, finished, points, words, code, message):
    (tmp_path / "text.npy").write_text("1,2\n")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    np.save(tmp_path / "complex.npy", np.ones((3, 2), dtype=complex))
    np.save(tmp_path / "three.npy", np.ones((4, 3)))
    np.save(tmp_path / "none-finite.npy", np.array([[1.0, 2.0], [np.nan, 0.0]]))
    done = si("estimate", finished, *words)
    assert done.code == code
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_points_of_a_conditional_model_bring_their_labels(si, tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 2))
    labels = (rows[:, 0] > 0).astype(np.uint8)
    np.savetxt(tmp_path / "c.csv", np.column_stack([rows, labels]), delimiter=",", fmt="%.17g")
    np.save(tmp_path / "rows.npy", rows)
    np.save(tmp_path / "labels.npy", labels)
    target = "target={use: array, path: c.csv, label: 2}"
    assert si("run", "r.yaml", target, "train.steps=20", "estimators=[]", "--out", "run").code == 0
    done = si("estimate", "run", NAME, "--data", "rows.npy")
    assert done.code == 2
    assert "'label' is missing" in done.err
    one = measured(si, "run", NAME, "--data", "rows.npy", "--condition", "label=labels.npy")
    assert measured(si, "run", NAME, "--data", "rows.npy", "--condition", "labels.npy") == one
