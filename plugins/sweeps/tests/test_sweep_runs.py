"""A sweep makes what separate runs make, with one training for the points that share it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import si_core
from si_core.recipes.loader import load_recipe
from si_sweeps import sweep

AXES = ("latent.scale=1,2", "sample.epsilon=0.1,1")
POINTS = [(1, 0.1), (1, 1), (2, 0.1), (2, 1)]


@pytest.fixture
def swept(si: Any, write: Any, trained_steps: list[int]) -> Path:
    """The folder of a sweep over two scales and two noise levels."""
    assert si("sweep", write(), *AXES, "--out", "out") == 0
    return Path("out")


def test_points_that_differ_in_sampling_share_one_training_and_its_bits(
    swept: Path, trained_steps: list[int], content: Any
) -> None:
    assert trained_steps == [*range(1, 13)] * 2
    runs = [content(swept / "points" / f"{index:03d}") for index in range(4)]
    for one, other in ((0, 1), (2, 3)):
        assert runs[one]["model.safetensors"] == runs[other]["model.safetensors"]
        assert runs[one]["metrics.jsonl"] == runs[other]["metrics.jsonl"]
        assert runs[one]["samples.npy"] != runs[other]["samples.npy"]
    assert runs[0]["model.safetensors"] != runs[2]["model.safetensors"]


def test_every_point_has_the_bits_of_a_run_by_itself(swept: Path, si: Any, content: Any) -> None:
    for index, (scale, epsilon) in enumerate(POINTS):
        alone = Path(f"alone-{index}")
        assert si("run", "r.yaml", f"latent.scale={scale}", f"sample.epsilon={epsilon}", "--out", alone) == 0
        point, expected = content(swept / "points" / f"{index:03d}"), content(alone)
        shared = index % 2 == 1
        # What a point shares is the last checkpoint; the earlier ones stay with the run that trained.
        last = "checkpoints/step-00000012/"
        earlier = {name for name in expected if name.startswith("checkpoints/") and not name.startswith(last)}
        assert earlier
        assert set(point) == set(expected) - (earlier if shared else set())
        for name, data in point.items():
            assert data == expected[name], name


def test_every_point_is_a_run_for_the_other_commands(swept: Path, si: Any) -> None:
    point = swept / "points" / "003"
    assert si("sample", point, "-n", "40", "--seed", "3", "--out", "again.npy") == 0
    assert np.array_equal(np.load("again.npy"), np.load(point / "samples.npy"))
    assert si("estimate", point, "energy-distance") == 0
    assert si("run", point / "resolved.yaml", "--resume", "--out", point) == 0
    assert si("run", point / "resolved.yaml", "--out", "copy") == 0
    assert (Path("copy") / "samples.npy").read_bytes() == (point / "samples.npy").read_bytes()


def test_the_table_holds_axes_estimates_errors_and_seconds(swept: Path, table: Any) -> None:
    rows = table(swept)
    assert list(rows[0]) == [
        "point",
        "latent.scale",
        "sample.epsilon",
        "energy-distance",
        "energy-distance.standard_error",
        "energy-distance.bound",
        "sliced-wasserstein",
        "sliced-wasserstein.standard_error",
        "sliced-wasserstein.bound",
        "seconds.training",
        "seconds.sampling",
        "seconds.estimation",
        "state",
        "message",
        "folder",
    ]
    records = json.loads((swept / "results.json").read_bytes())
    for index, (row, record, values) in enumerate(zip(rows, records, POINTS, strict=True)):
        measured = json.loads((swept / row["folder"] / "estimates.json").read_bytes())
        assert row["folder"] == f"points/{index:03d}"
        assert (float(row["latent.scale"]), float(row["sample.epsilon"])) == values
        for estimate in measured:
            assert float(row[estimate["name"]]) == estimate["value"]
            error = row[f"{estimate['name']}.standard_error"]
            assert row[f"{estimate['name']}.bound"] == estimate["bound"]
            assert error == ("" if estimate["standard_error"] is None else repr(estimate["standard_error"]))
        assert all(float(row[f"seconds.{stage}"]) >= 0 for stage in ("training", "sampling", "estimation"))
        assert row["state"] == "finished"
        assert record["estimates"] == measured
        assert list(record["values"].values()) == list(values)


def test_the_folder_says_what_was_swept_how_it_stands_and_with_which_versions(swept: Path) -> None:
    status = json.loads((swept / "STATUS.json").read_bytes())
    assert (status["state"], status["exit_code"], status["step"]) == ("finished", 0, 4)
    grid = load_recipe(swept / "sweep.yaml")
    assert [each.options for each in grid.section("sweep")] == [{"latent.scale": [1, 2], "sample.epsilon": [0.1, 1]}]
    assert {key: value for key, value in grid.resolved().items() if key != "sweep"} == load_recipe("r.yaml").resolved()
    versions = json.loads((swept / "environment.json").read_bytes())["distributions"]
    assert {"si-core", "torch", "si-estimators"} <= set(versions)
    log = (swept / "log.txt").read_text(encoding="utf-8")
    assert [line for line in log.splitlines() if ": latent.scale=" in line][2].endswith(
        "point 3/4: latent.scale=2 sample.epsilon=0.1"
    )


def test_the_console_has_one_line_a_point_and_the_table(
    si: Any, write: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert si("sweep", write("sweep: {sample.epsilon: [0.1, 1]}\n"), "--out", "out") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "sweep: out",
        "point 1/2: sample.epsilon=0.1",
        "point 2/2: sample.epsilon=1",
        "2 of 2 points finished: out/results.csv",
    ]
    assert lines[4].split() == ["point", "sample.epsilon", "energy-distance", "sliced-wasserstein", "state"]
    assert [line.split()[1] for line in lines[5:]] == ["0.1", "1"]


def test_the_default_folder_is_the_recipes_own(si: Any, write: Any) -> None:
    assert si("sweep", write(), "sample.epsilon=1", "train.steps=1") == 0
    (folder,) = Path("runs/r-sweep").iterdir()
    assert (folder / "points/000/samples.npy").is_file()
    assert si("sweep", "r.yaml", "sample.epsilon=1", "train.steps=1", "--out", folder) == 4


def test_the_library_gives_the_rows_of_the_table_in_silence(
    write: Any, swept: Path, table: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    rows = sweep("r.yaml", {"latent.scale": [1, 2], "sample.epsilon": [0.1, 1]}, out="library")
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert list(rows[0]) == list(table(swept)[0])
    for row, written in zip(rows, table(swept), strict=True):
        assert row["energy-distance"] == float(written["energy-distance"])
        assert row["point"] == int(written["point"])
        assert isinstance(row["seconds.sampling"], float)
    overridden = si_core.load_recipe("r.yaml", {"latent.scale": 2})
    assert sweep(overridden, ["sample.epsilon=1"], out="one")[0]["energy-distance"] == rows[3]["energy-distance"]


def test_estimators_as_an_axis_leave_cells_empty_and_count_equal_names(si: Any, write: Any, table: Any) -> None:
    one, two = "{use: energy-distance, samples: 32}", "{use: energy-distance, samples: 64}"
    assert si("sweep", write(), f"estimators=[],[{one}],[{one}, {two}]", "--out", "out") == 0
    rows = table(Path("out"))
    assert [bool(row["energy-distance"]) for row in rows] == [False, True, True]
    assert [bool(row["energy-distance 2"]) for row in rows] == [False, False, True]
    assert rows[1]["energy-distance"] == rows[2]["energy-distance"] != rows[2]["energy-distance 2"]
    assert rows[0]["estimators"] == "[]"


def test_a_run_of_a_recipe_with_a_grid_is_refused_and_names_the_sweep(
    si: Any, write: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write("sweep: {sample.epsilon: [0.1, 1]}\n")
    assert si("run", name) == 2
    message = capsys.readouterr().err
    assert "r.yaml:12:8" in message
    assert "si sweep" in message
    assert "sweep=null" in message
    assert si("run", name, "--resume", "--out", "out") == 4
    assert not Path("runs").exists()
    with pytest.raises(si_core.RecipeError, match="si sweep"):
        si_core.train(si_core.load_recipe(name))
    assert si("run", name, "sweep=null", "--out", "out") == 0
