"""The command and what it prints and writes; what ``import si_core`` brings along."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("si_recipes")

from . import peers
from .__main__ import main
from .catalogue import BENCHMARKS
from .figures import Figure, Goal, Line, fixed
from .growth import exponent
from .importing import heavy_modules
from .table import print_line
from .timing import beyond, ratio, spread

ROOT = Path(__file__).parents[2]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *words], capture_output=True, text=True, cwd=ROOT, check=False
    )


def test_one_benchmark_prints_a_table_and_writes_plain_data(tmp_path):
    done = command("set-up", "--repetitions", "1", "--json", str(tmp_path / "found.json"))
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert list(record["benchmarks"]) == ["set-up"]
    assert {figure["name"] for line in record["benchmarks"]["set-up"] for figure in line["figures"]} == set(
        BENCHMARKS["set-up"].columns
    )
    for words in ("SDE, two heads, brownian", "Goals not met", *peers.DISTRIBUTIONS):
        assert words in done.stdout


def test_an_unknown_benchmark_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["sampling"])
    assert "no benchmark sampling; there are training," in capsys.readouterr().err


def test_goals_are_told_from_their_misses(capsys):
    line = Line(
        "case", "ours", (fixed("a", 2.0, Goal(1.0)), fixed("b", 2.0, Goal(1.0, at_least=True)), fixed("c", 2.0))
    )
    assert [figure.met for figure in line.figures] == [False, True, None]
    assert [figure.name for figure in line.missed] == ["a"]
    print_line(BENCHMARKS["set-up"], line)
    assert capsys.readouterr().out.endswith("a <= 1: NOT MET; b >= 1: met\n")
    assert json.loads(json.dumps(line.record()))["figures"][1]["goal"] == ">= 1"


def test_a_figure_that_is_no_number_misses_its_goal():
    assert Figure("a", spread([math.nan]), "1", Goal(1.0)).met is False


def test_differences_and_ratios_are_taken_within_repetitions():
    slow, base = [11.0, 21.0, 101.0], [10.0, 20.0, 100.0]
    assert beyond(slow, base, [1.0, 1.0, 1.0]) == spread([0.0, 0.0, 0.0])
    assert ratio(slow, base).median == 1.05


def test_exponent_of_a_power_law():
    assert exponent([1, 2, 4, 8], [3 * n**1.5 for n in (1, 2, 4, 8)]) == pytest.approx(1.5, rel=1e-12)


def test_a_peer_that_is_not_there_is_absent(monkeypatch):
    monkeypatch.setitem(peers.DISTRIBUTIONS, "no_such_package", "no-such-package")
    assert peers.versions()["no_such_package"] == "absent"


def test_the_core_brings_no_heavy_package_along():
    assert heavy_modules() == []
