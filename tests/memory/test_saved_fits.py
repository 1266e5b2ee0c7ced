"""A fitted model that was saved samples the same bits, with its data gone; objects in memory are asked for by name."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main


def test_a_saved_model_samples_the_same_bits(quick, table, tmp_path) -> None:
    fitted = quick(table, condition={"kind": np.arange(200) % 2 == 0}, names=["mass", "charge"])
    folder = fitted.save(tmp_path / "model")
    loaded = si.load_model(folder)
    for condition in (None, True):
        first, told = fitted.sample(100, condition, with_conditions=True)
        again, told_again = loaded.sample(100, condition, with_conditions=True)
        np.testing.assert_array_equal(again, first)
        np.testing.assert_array_equal(told_again["kind"], told["kind"])
    np.testing.assert_array_equal(loaded.log_prob(table[:4], True), fitted.log_prob(table[:4], True))
    assert (loaded.layout, loaded.history, loaded.step) == (fitted.layout, fitted.history, fitted.step)
    assert repr(loaded) == repr(fitted)
    twice = si.load_model(loaded.save(tmp_path / "again"))
    np.testing.assert_array_equal(twice.sample(20), fitted.sample(20))
    assert loaded.plot(20).axes
    for model in (fitted, loaded):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).sample(20), fitted.sample(20))
    with pytest.raises(si.StorageError, match="not empty"):
        fitted.save(folder)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_saved_model_gives_frames(quick, table, tmp_path, library: str) -> None:
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"a": table[:, 0], "kind": [1, 2] * 100, "n": np.arange(200)})
    fitted = quick(frame, condition="kind")
    loaded = si.load_model(fitted.save(tmp_path / "model"))
    drawn = loaded.sample(30)
    assert type(drawn) is type(frame)
    assert drawn.equals(fitted.sample(30))
    assert list(drawn.columns) == ["a", "kind", "n"]
    assert set(drawn["kind"]) == {1, 2}


def test_without_the_library_of_frames_arrays_stand_in(quick, table, tmp_path, monkeypatch) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": table[:, 0], "n": np.arange(200)})
    folder = quick(frame).save(tmp_path / "model")
    monkeypatch.setitem(sys.modules, "pandas", None)
    drawn = si.load_model(folder).sample(5)
    assert type(drawn) is np.ndarray
    assert drawn.shape == (5, 2)


def test_a_module_in_memory_is_asked_for_by_name(quick, net, table, tmp_path) -> None:
    fitted = quick(table, network=net())
    folder = fitted.save(tmp_path / "model")
    assert f"in_memory: {net.__module__}.Net" in (folder / "recipe.yaml").read_text()
    with pytest.raises(si.RecipeError, match=r"si\.load_model\(folder, network=Net\(\.\.\.\)\)") as caught:
        si.load_model(folder)
    assert f"{net.__module__}.Net" in str(caught.value)
    np.testing.assert_array_equal(si.load_model(folder, network=net()).sample(50), fitted.sample(50))
    wider = net()
    wider.first, wider.last = torch.nn.Linear(3, 8), torch.nn.Linear(8, 2)
    with pytest.raises(si.StorageError):
        si.load_model(folder, network=wider)


def test_data_that_are_gone_are_named(quick, table, tmp_path) -> None:
    loaded = si.load_model(quick(table).save(tmp_path / "model"))
    with pytest.raises(si.DataError, match=r"can't be read[\s\S]*fix: give points: data="):
        loaded.estimate("energy-distance")
    assert loaded.estimate("energy-distance", table).value >= 0


@pytest.mark.parametrize("exported", [False, True])
def test_what_takes_a_run_takes_a_saved_model(quick, table, tmp_path, exported: bool) -> None:
    fitted = quick(table)
    folder = fitted.save(tmp_path / "model")
    if exported:
        assert main(["export", str(folder), str(tmp_path / "there")]) == 0
        folder = tmp_path / "there"
    straight = quick(1000 * table, coupling={"use": "rectified", "run": str(folder), "pairs": 64, "steps": 4})
    drawn = straight.sample(500)
    np.testing.assert_allclose(drawn.mean(0), 1000 * table.mean(0), atol=500 * table.std(0).max())
    assert main(["compare", str(folder), str(folder), "--out", str(tmp_path / "page.html")]) == 0


def test_entry_points_of_models_say_where_that_of_a_fit_is(quick, table) -> None:
    fitted = quick(table)
    for entry in (lambda model: si.sample(model, 3), lambda model: si.estimate(model, "energy-distance")):
        with pytest.raises(si.UsageError, match=r"(?s)no model.*`model`"):
            entry(fitted)
        with pytest.raises(si.UsageError, match="no model"):
            entry(None)
        entry(fitted.model)


def test_a_run_loads_as_a_model(tmp_path) -> None:
    from si_core.cli.main import main

    out = tmp_path / "run"
    assert (
        main(
            [
                "run",
                "one-sided",
                "train.steps=2",
                "sample.number=10",
                "report=false",
                "estimators=[]",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    assert isinstance(si.load_model(out), si.Model)


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".parquet"])
def test_the_command_line_writes_what_the_fit_samples(quick, table, tmp_path, suffix: str) -> None:
    """Whole numbers, truth values and double precision as the data have them, in files of every form."""
    from si_core.cli.main import main

    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": table[:, 0], "n": np.arange(200), "yes": np.arange(200) % 2 == 0})
    wanted = quick(frame).save(tmp_path / "model")
    wanted = si.load_model(wanted).sample(30, seed=3)
    out = tmp_path / f"x{suffix}"
    assert main(["sample", str(tmp_path / "model"), "-n", "30", "--seed", "3", "--out", str(out)]) == 0
    if suffix == ".npy":
        np.testing.assert_array_equal(np.load(out), wanted.to_numpy(np.float64))
    else:
        found = pandas.read_csv(out, float_precision="round_trip") if suffix == ".csv" else pandas.read_parquet(out)
        pandas.testing.assert_frame_equal(found, wanted, check_exact=True)


def test_the_command_line_writes_whole_numbers_of_a_fit_to_them(quick, tmp_path) -> None:
    from si_core.cli.main import main

    whole = quick(np.arange(400).reshape(200, 2)).save(tmp_path / "whole")
    assert main(["sample", str(whole), "-n", "30", "--out", str(tmp_path / "w.npy")]) == 0
    drawn = np.load(tmp_path / "w.npy")
    assert drawn.dtype == np.int64
    np.testing.assert_array_equal(drawn, si.load_model(whole).sample(30))
    assert main(["sample", str(whole), "-n", "30", "--out", str(tmp_path / "w.csv")]) == 0
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "w.csv", delimiter=",", skiprows=1, dtype=np.int64), drawn)
