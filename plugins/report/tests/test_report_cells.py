"""What is shown is integrated: cells begin where a density jumps, and bins of a lattice hold as many of its points."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

import si_core as si
from si_report import HtmlReport
from si_report.pictures.clouds import histogram
from si_report.pictures.draws import cells, column_bins
from si_report.pictures.log_densities import mass


@pytest.mark.parametrize("board", [{}, {"cells": 5, "extent": 1.7}, {"cells": 7, "extent": 30.0}, {"cells": 1}])
@pytest.mark.parametrize("frame", [(-1.1, 1.1), (-1.3, 1.001), (-2.0, 1.7)])
def test_the_exact_density_has_mass_one_on_the_cells_that_are_shown(board, frame):
    pytest.importorskip("si_distributions")
    law = si.build("distribution", "checkerboard", **board)
    limits = tuple(law.extent * end for end in frame)
    edges = [cells(limits, 40, jumps) for jumps in law.breakpoints]
    middles = np.stack(np.meshgrid(*((each[1:] + each[:-1]) / 2 for each in edges)), -1).reshape(-1, 2)
    field = law.log_prob(torch.as_tensor(middles)).numpy().reshape(len(edges[1]) - 1, -1)
    assert mass(field, edges) == pytest.approx(1, abs=1e-9)
    # No cell is cut by an edge of the board: all of it is dark, or none.
    points = law.sample(4000, torch.Generator().manual_seed(0)).double().numpy()
    assert not histogram(points, edges).T[np.isneginf(field)].any()


def test_a_run_on_a_checkerboard_says_that_all_mass_is_shown(make_view, tmp_path):
    pytest.importorskip("si_distributions")
    law = si.build("distribution", "checkerboard")
    draws = law.sample(300, torch.Generator().manual_seed(1))
    shown = {"target": draws, "samples": draws, "breakpoints": law.breakpoints, "true_log_density": law.log_prob}
    HtmlReport(dpi=50, resolution=24).write(make_view((2,), **shown, trajectory=None, metrics=(), estimates=()))
    assert "true 1.000" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("jumps", [(), (0.5,), (-5.0, 0.1, 0.11, 7.0), tuple(np.linspace(0, 1, 500))])
def test_cells_cover_a_frame_in_order_and_begin_at_its_jumps(jumps):
    found = cells((-1.0, 2.0), 30, jumps)
    assert (found[0], found[-1]) == (-1.0, 2.0)
    assert all(low < high for low, high in pairwise(found))
    inside = [jump for jump in jumps if -1 < jump < 2]
    assert len(found) - 1 <= 30 + len(inside)
    if len(inside) < 30:
        assert set(inside) <= set(found)


@pytest.mark.parametrize(("step", "most"), [(1.0, 9), (0.25, 40), (1.0, 300), (5.0, 3)])
def test_bins_of_a_lattice_hold_as_many_of_its_points_each(step, most):
    column = step * np.random.default_rng(0).integers(-most // 2, most // 2 + 1, 5000).astype(float)
    frame = (column.min() - 0.3 * step, column.max() + 0.3 * step)
    edges = column_bins(column, frame, 20)
    lattice = step * np.arange(np.ceil(edges[0] / step), edges[-1] / step)
    held = np.histogram(lattice, edges)[0]
    assert len(set(held.tolist())) == 1
    assert np.histogram(column, edges)[0].sum() == len(column)


def test_bins_of_anything_else_are_equal_over_the_frame():
    column = np.random.default_rng(0).normal(size=500)
    assert np.array_equal(column_bins(column, (-3.0, 3.0), 20), np.linspace(-3, 3, 21))
    assert np.array_equal(column_bins(np.ones(5), (0.5, 1.5), 4), np.linspace(0.5, 1.5, 5))
