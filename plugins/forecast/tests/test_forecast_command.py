"""``si forecast``: starts, formats, and requests that were stopped."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.runs import partial_samples
from si_core.runs.signals import Interrupted
from si_forecast import forecast
from si_forecast.rolling.roll_out import RollOut

RECIPE = """\
seed: 3
target: {use: series, path: weather.csv, time: day, group: station, given_group: true, static: [height],
         calendar: [day-of-year], past: 2}
coupling: consecutive
interpolant: linear
latent: {use: wiener, scale: 0.5}
objectives: [velocity]
network: {use: mlp, width: 8, depth: 1}
train: {steps: 2, batch: 8}
sample: {number: 4, batch: 4, integrator: {use: euler-maruyama, steps: 2}, epsilon: follmer}
estimators: [{use: crps, lead: [1, 2], members: 3, starts: 8}, {use: coverage, members: 3, starts: 8}]
report: false
"""
STATIONS = ("north", "south", "west")


def _table(folder: Path, name: str, first: str, rows: int, stations=STATIONS) -> None:
    random = np.random.default_rng(rows)
    lines = ["day,station,height,rain,wind"]
    for k in range(rows):
        day = np.datetime64(first) + k
        for i, station in enumerate(stations):
            rain, wind = random.normal(size=2)
            lines.append(f"{day},{station},{10.0 * (1 + i)},{rain},{wind}")
    (folder / name).write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A finished run on three stations, sampled in blocks of 4; with its data beside it."""
    folder = tmp_path_factory.mktemp("weather")
    _table(folder, "weather.csv", "2024-01-01", 30)
    _table(folder, "newer.csv", "2024-06-01", 2, STATIONS[::-1])
    (folder / "r.yaml").write_text(RECIPE)
    assert main(["run", str(folder / "r.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture
def rolled(made, tmp_path, monkeypatch, capsys):
    """Carries ``si forecast`` out in a folder of its own; gives its exit code and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(partial_samples, "_SECONDS", 0.0)

    def carried_out(*words):
        code = main(["forecast", str(made), *map(str, words)])
        return code, "".join(capsys.readouterr())

    return carried_out


def test_every_format_has_the_same_numbers(made, rolled, tmp_path) -> None:
    words = ("--steps", 3, "--members", 5, "--seed", 7)
    for suffix in ("npy", "npz", "csv", "parquet"):
        if suffix == "parquet":
            pytest.importorskip("pyarrow")
        code, said = rolled(*words, "--out", f"f.{suffix}")
        assert code == 0, said
    x = np.load("f.npy")
    assert x.shape == (5, 3, 3, 2)
    assert np.load("f.leads.npy").tolist() == [1, 2, 3]
    assert (x == forecast(si.load_model(made), 3, 5, seed=7).x.numpy()).all()
    several = np.load("f.npz")
    assert (several["x"] == x).all()
    assert several["lead"].tolist() == [1, 2, 3]
    assert several["series"].tolist() == list(STATIONS)
    assert several["row"].tolist() == [29, 29, 29]
    assert several["time"][0].astype("datetime64[D]").astype(str).tolist() == ["2024-01-31", "2024-02-01", "2024-02-02"]
    rows = list(csv.DictReader(Path("f.csv").read_text().splitlines()))
    assert list(rows[0]) == ["member", "start", "series", "row", "lead", "time", "rain", "wind"]
    for row in rows:
        found = x[int(row["member"]), STATIONS.index(row["series"]), int(row["lead"]) - 1]
        assert [np.float32(row["rain"]), np.float32(row["wind"])] == found.tolist()
    assert len(rows) == 45
    import pyarrow.parquet

    table = pyarrow.parquet.read_table("f.parquet").to_pydict()
    assert list(table) == list(rows[0])
    assert (np.array(table["wind"]).reshape(5, 3, 3) == x[..., 1]).all()


def test_a_request_that_was_stopped_goes_on_to_the_same_bits(rolled, monkeypatch) -> None:
    words = ("--steps", 2, "--members", 7, "--seed", 1)  # 21 trajectories in blocks of 4
    assert rolled(*words, "--out", "whole.npy")[0] == 0
    own, drawn = RollOut.block, []

    def block(self, number):
        drawn.append(number)
        if len(drawn) == 3:
            raise Interrupted(143)
        return own(self, number)

    monkeypatch.setattr(RollOut, "block", block)
    code, said = rolled(*words, "--out", "f.npy")
    assert code == 143
    assert "8 of 21" in said
    assert not Path("f.npy").exists()
    code, said = rolled(*words, "--out", "f.npy")
    assert code == 0
    assert "going on after the first 8 of 21" in said
    assert drawn == [0, 1, 2, 2, 3, 4, 5]
    assert Path("f.npy").read_bytes() == Path("whole.npy").read_bytes()
    assert not list(Path().glob(".*"))


def test_another_request_is_another_forecast(rolled) -> None:
    found = {}
    for words in (
        ("--seed", 0),
        ("--seed", 1),
        ("--epsilon", "0.2", "--freeze"),
        ("--start-from", "held-out", "--starts", 3),
    ):
        code, said = rolled("--steps", 1, "--members", 2, *words, "--out", "f.npy")
        assert code == 0, said
        found[words] = np.load("f.npy")
    ((first, x), *others) = found.items()
    assert x.shape == (2, 3, 1, 2)
    for words, other in others:
        assert other.shape == x.shape
        assert (other != x).all(), (first, words)


def test_forecasts_from_another_file_need_no_data_of_the_training(made, rolled, tmp_path, capsys) -> None:
    newer = made.parent / "newer.csv"
    alone = tmp_path / "alone"
    shutil.copytree(made, alone / "run")
    shutil.copy(newer, alone)
    code = main(["forecast", str(alone / "run"), "--steps", "2", "--members", "2", "--out", "f.npz", "--start-from",
                 str(alone / "newer.csv")])  # fmt: skip
    assert code == 0
    found = np.load("f.npz")
    assert found["series"].tolist() == list(STATIONS[::-1])
    assert found["time"][0].astype("datetime64[D]").astype(str).tolist() == ["2024-06-03", "2024-06-04"]
    # Networks are given the places that the names had in training, and past states in its units.
    assert rolled("--steps", 2, "--members", 2, "--out", "f2.npz", "--start-from", newer)[0] == 0
    assert (np.load("f2.npz")["x"] == found["x"]).all()
    code = main(["forecast", str(alone / "run"), "--steps", "2", "--out", "g.npz"])
    assert code == 3  # the end of the series of the training is gone with it
    assert "--start-from FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--steps", 0), "number of steps"),
        (("--steps", 10**12), "memory"),
        (("--steps", 1, "--members", 0), "number of members"),
        (("--steps", 1, "--out", "f.png"), "another format"),
        (("--steps", 1, "--out", "none/f.npy"), "no such folder"),
        (("--steps", 1, "--start-from", "none.csv"), "no such file"),
        (("--steps", 40, "--start-from", "held-out"), "no start is left"),
        (("--steps", 1, "--integrator", "rk4"), "of ODEs"),
    ],
    ids=str,
)
def test_refusals(rolled, words, said) -> None:
    code, text = rolled(*words)
    assert code in (2, 3, 4)
    assert said in text


def test_files_of_other_series_are_refused(made, rolled, tmp_path) -> None:
    for name, text, said in (
        ("a.csv", "day,station,height,rain\n2024-01-01,north,10,1\n2024-01-02,north,10,1\n", "other states"),
        ("b.csv", "day,station,height,rain,wind\n2024-01-01,east,10,1,2\n2024-01-02,east,10,1,2\n", "does not know"),
        ("c.csv", "day,station,height,rain,wind\n2024-01-01,north,10,1,2\n", "not all there"),
        ("d.csv", "day,station,height,rain,wind\n2024-01-01,north,10,1,2\n2024-01-08,north,10,1,2\n", "another time"),
    ):
        (tmp_path / name).write_text(text)
        code, found = rolled("--steps", 1, "--start-from", name)
        assert code == 3
        assert said in found


def test_the_run_has_its_estimates_and_samples_given_a_past(made) -> None:
    model = si.load_model(made)
    assert set(model.process.conditions) == {"past", "x0", "height", "station", "calendar"}
    assert model.process.source.frame.columns == ("rain", "wind")
    x = si.sample(model, 3, seed=0)
    assert x.shape == (3, 2)
    assert bool(torch.isfinite(x).all())


def test_one_row_goes_on_in_the_steps_of_the_training(tmp_path) -> None:
    _table(tmp_path, "weather.csv", "2024-01-01", 30)
    _table(tmp_path, "row.csv", "2024-06-01", 1)
    (tmp_path / "r.yaml").write_text(RECIPE.replace("past: 2", "past: 1"))
    assert main(["run", str(tmp_path / "r.yaml"), "estimators=[]", "--out", str(tmp_path / "run")]) == 0
    model = si.load_model(tmp_path / "run")
    found = forecast(model, 2, 1, start_from=tmp_path / "row.csv")
    assert found.times is not None
    assert found.times[0].astype("datetime64[D]").astype(str).tolist() == ["2024-06-02", "2024-06-03"]
    (tmp_path / "weather.csv").unlink()
    with pytest.raises(si.DataError, match="how long a step is"):
        forecast(si.load_model(tmp_path / "run"), 2, 1, start_from=tmp_path / "row.csv")
