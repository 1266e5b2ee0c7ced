"""A point that fails is told in the table; the others go on, and the exit code says that something is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def test_a_point_without_its_data_fails_and_the_others_go_on(
    si: Any, write: Any, table: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("good.npy", np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32))
    axis = "target={use: array, path: good.npy},{use: array, path: lost.npy},two-moons"
    assert si("sweep", write(), axis, "--out", "out") == 3
    assert "point 2/3 failed: " in capsys.readouterr().err
    rows = table(Path("out"))
    assert [row["state"] for row in rows] == ["finished", "failed", "finished"]
    assert "lost.npy" in rows[1]["message"]
    assert rows[1]["energy-distance"] == rows[1]["seconds.training"] == ""
    assert all(rows[index]["energy-distance"] for index in (0, 2))
    status = json.loads(Path("out/STATUS.json").read_bytes())
    assert (status["state"], status["exit_code"]) == ("failed", 3)
    assert status["message"] == "1 of 3 points failed"
    # Once its data are there, going on runs this point alone.
    np.save("lost.npy", np.zeros((50, 2), np.float32) + np.arange(50, dtype=np.float32)[:, None])
    before = Path("out/points/000/STATUS.json").read_bytes()
    assert si("sweep", "out/sweep.yaml", "--resume", "--out", "out") == 0
    assert [row["state"] for row in table(Path("out"))] == ["finished"] * 3
    assert Path("out/points/000/STATUS.json").read_bytes() == before


def test_a_training_that_breaks_down_is_tried_once_for_all_points_that_share_it(
    si: Any, write: Any, table: Any, trained_steps: list[int]
) -> None:
    # A step of this length overflows the weights in float32, and the next loss with them.
    words = ["train.optimizer={use: sgd, lr: 1e30},{use: sgd, lr: 1e-3}", "sample.epsilon=0.1,0.5,1"]
    assert si("sweep", write(), *words, "--out", "out") == 3
    rows = table(Path("out"))
    assert [row["state"] for row in rows] == ["failed"] * 3 + ["finished"] * 3
    assert "not finite" in rows[0]["message"]
    for row in rows[1:3]:
        assert "the training, which is that of out/points/000, failed" in row["message"]
        assert not (Path("out") / row["folder"]).exists()
    assert trained_steps[-12:] == [*range(1, 13)]
    assert len(trained_steps) < 2 * 12


def test_a_point_that_fails_after_training_leaves_its_training_to_the_others(
    si: Any, write: Any, table: Any, trained_steps: list[int]
) -> None:
    words = ["sample.epsilon=0", "sample.integrator={use: dopri5, max_steps: 1},{use: heun, steps: 4}"]
    assert si("sweep", write(), *words, "--out", "out") == 3
    rows = table(Path("out"))
    assert [row["state"] for row in rows] == ["failed", "finished"]
    assert "too many steps" in rows[0]["message"]
    assert trained_steps == [*range(1, 13)]


def test_a_combination_that_can_not_work_fails_without_training(
    si: Any, write: Any, table: Any, trained_steps: list[int]
) -> None:
    words = ["sample.integrator=rk4,stochastic-heun", "sample.epsilon=0,1"]
    assert si("sweep", write(), *words, "--out", "out") == 3
    rows = table(Path("out"))
    assert [row["state"] for row in rows] == ["finished", "failed", "finished", "finished"]
    assert "solves ODEs" in rows[1]["message"]
    assert trained_steps == [*range(1, 13)]


def test_nothing_is_made_where_a_point_is_no_recipe(si: Any, write: Any, trained_steps: list[int]) -> None:
    assert si("sweep", write(), "sample.number=10,0", "--out", "out") == 2
    assert si("sweep", "r.yaml", "--out", "out") == 2
    assert not Path("out").exists()
    assert trained_steps == []


@pytest.mark.parametrize("words", [["--take-over"], ["--resume"], ["--resume", "--out", "nowhere"]])
def test_going_on_needs_a_sweep(si: Any, write: Any, words: list[str]) -> None:
    assert si("sweep", write(), "seed=1", *words) == (2 if "--take-over" in words else 4)
