"""The page of a sweep, by whatever reports are installed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import si_core


def test_the_page_has_plots_and_table_and_leads_to_the_runs(si: Any, write: Any) -> None:
    pytest.importorskip("si_report")
    path = Path(write())
    path.write_text(path.read_text(encoding="utf-8").replace("report: false", "report: true"), encoding="utf-8")
    # One axis: what pages show of more is the report's, and a report of each run is most of the time.
    assert si("sweep", path, "sample.epsilon=0.1,1", "--out", "out") == 0
    page = Path("out/sweep.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in Path("out/plots").iterdir()) == [
        "energy-distance.png",
        "sliced-wasserstein.png",
    ]
    assert "Sweep: A small one" in page
    links = [link for link in re.findall(r'href="([^"]*)"', page) if not link.startswith("#")]
    assert links == [f"points/{index:03d}/report.html" for index in range(2)]
    assert all((Path("out") / link).is_file() for link in links)
    assert not re.search(r"https?://|//[a-z]|url\(|@import|<script", re.sub(r"base64,[^\"]*", "", page))


def test_a_recipe_without_a_report_has_no_page(si: Any, write: Any) -> None:
    assert si("sweep", write(), "sample.epsilon=0.1,1", "--out", "out") == 0
    assert not Path("out/sweep.html").exists()


def test_a_report_of_runs_alone_is_a_report(tmp_path: Path) -> None:
    class OfRuns(si_core.Report):
        def write(self, view: si_core.RunView) -> list[Path]:
            return []

    assert OfRuns().write_sweep(si_core.SweepView(tmp_path, "", {}, {"seed": [1]}, [])) == []
