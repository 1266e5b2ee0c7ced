"""Tables in and out of a finished run by the names of their columns, and of the classes of the file."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from .conftest import RECIPE

NAME = '{"use": "log-likelihood", "steps": 10}'
KINDS = ("oak", "elm", "ash")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return rng.normal([1.7, 70_000.0], [0.1, 9_000.0], size=(300, 2)), [KINDS[k % 3] for k in range(300)]


@pytest.fixture
def trees(si, tmp_path, table):
    """A run on two columns of a table of trees, given their kind."""
    write(tmp_path / "trees.csv", table)
    before, _, after = RECIPE.partition("target:")
    target = "target: {use: array, path: trees.csv, columns: [height, weight], label: kind}\n"
    text = before + target + after[after.index("interpolant") :]
    text = text.replace("latent: {use: brownian, scale: 1.0}", "latent: none").replace("epsilon: 0.5", "epsilon: 0")
    text = text.replace("estimators: [{use: energy-distance, samples: 64}]\n", "").replace("euler-maruyama", "euler")
    (tmp_path / "trees.yaml").write_text(text.replace("[velocity, denoiser]", "[velocity]"))
    done = si("run", "trees.yaml", "train.steps=5", "--out", "run")
    assert done.code == 0, done.err
    return tmp_path


def write(path, table, order=("number", "height", "weight", "kind")):
    columns = {"number": range(300), "height": table[0][:, 0].tolist(), "weight": table[0][:, 1].tolist()}
    columns["kind"] = table[1]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([order, *zip(*(columns[name] for name in order), strict=True)])


def value(si, *words):
    done = si("estimate", "run", NAME, *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)["value"]


def test_points_are_put_in_order_by_name_and_bring_their_classes(si, trees, table):
    expected = value(si, "--data", "trees.csv")
    for order in (("weight", "kind", "height"), ("kind", "number", "weight", "height")):
        write(trees / "other.csv", table, order)
        assert value(si, "--data", "other.csv") == expected
    # Points without names have the order of the model, and are given what the command line says.
    np.save(trees / "oak.npy", table[0][::3])
    with (trees / "oak.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("weight", "height"), *table[0][::3, ::-1].tolist()])
    words = ("--condition", "kind=oak")
    assert value(si, "--data", "oak.npy", *words) == value(si, "--data", "oak.csv", *words)


WRONG = {
    "height,wait,kind\n1,2,oak\n": "'weight' is not there; is it 'wait'?",
    "1,2,3\n4,5,6\n": "3 columns without names",
    "height,weight,kind\n1,2,fir\n": "no class 'fir'",
    "height,weight,kind\n1,,oak\n": "first row 0 (line 2), column 'weight': nan",
}


def test_samples_go_out_with_names_and_come_in_again_and_points_of_another_model_are_refused(si, trees):
    pytest.importorskip("pyarrow")
    words = ("sample", "run", "-n", 30, "--condition", "kind=elm", "--condition", "kind=ash")
    for name in ("x.npy", "x.csv", "x.parquet"):
        done = si(*words, "--out", name)
        assert done.code == 0, done.err
    samples = np.load(trees / "x.npy")
    with (trees / "x.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    for columns in (dict(zip(header, zip(*rows, strict=True), strict=True)), read_parquet(trees / "x.parquet")):
        assert list(columns) == ["height", "weight", "kind"]
        # Every number reads back as the one that was drawn.
        read = np.stack([np.array(columns[name], dtype=np.float64) for name in ("height", "weight")], 1)
        assert np.array_equal(read.astype(samples.dtype), samples)
        assert list(columns["kind"]) == ["elm", "ash"] * 15
    # Text has the shortest numbers that read back as the same ones in float32.
    assert value(si, "--data", "x.csv") == pytest.approx(value(si, "--data", "x.parquet"), rel=1e-6)
    for text, message in WRONG.items():
        (trees / "other.csv").write_text(text)
        done = si("estimate", "run", NAME, "--data", "other.csv")
        assert done.code in (2, 3)
        assert message in " ".join(done.err.split())


def read_parquet(path):
    import pyarrow.parquet as pq

    return pq.read_table(path).to_pydict()


def test_what_no_table_can_hold_is_refused_before_sampling(si, finished):
    done = si("sample", finished, "--out", "x.xlsx")
    assert (done.code, "allowed .npy, .npz, .safetensors, .csv, .parquet, or" in done.err) == (2, True)
    # A law without names has places.
    assert si("sample", finished, "-n", 3, "--out", "x.csv").code == 0
    assert (si.folder / "x.csv").read_text().splitlines()[0] == "x0,x1"


def test_a_training_file_with_blanks_is_measured_on_and_its_own_classes_are_not_overruled_silently(si, trees, table):
    expected = value(si, "--data", "trees.csv")
    text = (trees / "trees.csv").read_text()
    (trees / "blanks.csv").write_text(text + "300,,7e4,oak\n301,1.7,7e4,\n")
    done = si("estimate", "run", NAME, "--data", "blanks.csv", "--json")
    assert (done.code, json.loads(done.out)["value"]) == (0, expected)
    assert "dropped 2 of 302 rows" in done.err
    # Points to start from stay beside their samples, so none is left out; no recipe is at hand to set anything in.
    (trees / "starts.csv").write_text("x0,x1\n1,2\n,3\n")
    done = si("sample", "run", "--start-from", "starts.csv")
    assert (done.code, "missing: " in done.err, "repair the file" in done.err) == (3, False, True)
    done = si("estimate", "run", NAME, "--data", "trees.csv", "--condition", "kind=oak")
    assert (done.code, "200 of 300 rows have another kind" in done.err) == (0, True)


def test_what_is_wrong_with_a_condition_is_said_in_words_of_the_command_line(si, trees, table):
    np.save(trees / "x.npy", table[0][:9])
    done = si("estimate", "run", NAME, "--data", "x.npy")
    assert (done.code, "--condition kind=" in done.err) == (2, True)
    done = si("sample", "run", "--condition", "knd=oak")
    assert (done.code, "unknown condition 'knd'" in done.err, "did you mean --condition kind=oak?" in done.err) == (
        2, True, True,
    )  # fmt: skip
