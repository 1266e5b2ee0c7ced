"""The goals of every benchmark, as gates: ``pytest -m benchmark tests/benchmarks`` on a quiet machine."""

from __future__ import annotations

import pytest

pytest.importorskip("si_recipes")

from .catalogue import BENCHMARKS
from .timing import Effort, threads

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("name", BENCHMARKS)
def test_goals_are_met(name):
    with threads(1):
        missed = [(line.case, figure) for line in BENCHMARKS[name].lines(Effort(40)) for figure in line.missed]
    assert not missed, "\n".join(f"{case}: {figure.name} {figure.value}, goal {figure.goal}" for case, figure in missed)
