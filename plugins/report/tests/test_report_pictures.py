"""What pictures are made of: thinning, frames, mosaics, correlations, smoothing."""

import numpy as np
import pytest
import torch

from si_report.pictures.correlations import correlation
from si_report.pictures.draws import indices, moments_in_time, plane_frame, span, subset
from si_report.pictures.losses import curves, held_out_curves, smooth
from si_report.pictures.mosaic import mosaic


@pytest.mark.parametrize(("total", "limit"), [(1, 5), (5, 5), (1000, 7), (100_000, 99_999)])
def test_a_thinning_is_fixed_ordered_and_without_repetition(total, limit):
    first = indices(total, limit)
    assert np.array_equal(first, indices(total, limit))
    assert len(first) == min(total, limit)
    assert (np.diff(first) > 0).all()
    assert first[0] >= 0
    assert first[-1] < total


def test_a_subset_keeps_rows_whole():
    draws = torch.arange(1000.0)[:, None].repeat(1, 3)
    chosen = subset(draws, 10, "samples")
    assert chosen.shape == (10, 3)
    assert (chosen == chosen[:, :1]).all()


@pytest.mark.parametrize("column", [np.zeros(3), np.full(3, -7.0), np.full(1, 1e12), np.array([1e-300, 2e-300])])
def test_a_span_is_never_empty_and_holds_its_column(column):
    low, high = span(column, tail=0.0)
    assert low < high
    assert low <= column.min() <= column.max() <= high


def test_a_frame_has_equal_units_and_bounded_strays():
    reference = [np.random.default_rng(0).uniform(-1, 1, (500, 2))]
    x, y, equal = plane_frame(reference, [np.full((500, 2), 1e6)])
    assert equal
    assert x[1] - x[0] == pytest.approx(y[1] - y[0])
    assert 1 < x[1] < 3
    assert not plane_frame([reference[0] * [1, 1000]], [])[2]


def test_moments_run_from_the_first_to_the_last_stored_time_in_either_direction():
    times = torch.linspace(0, 1, 101)
    assert moments_in_time(times, 5) == [0, 25, 50, 75, 100]
    assert moments_in_time(times.flip(0), 5) == [0, 25, 50, 75, 100]
    assert moments_in_time(torch.tensor([0.0, 1.0]), 5) == [0, 1]


def test_a_mosaic_places_images_in_order_and_clips():
    row = np.stack([np.full((1, 2, 2), value) for value in (-9.0, 0.0, 9.0)])
    sheet = mosaic([row, row[:1]], 3, (-1.0, 1.0))
    assert sheet.shape == (5, 8, 3)
    assert [sheet[0, at, 0] for at in (0, 3, 6)] == [0.0, 0.5, 1.0]
    assert sheet[3, 0, 0] == 0.0
    assert sheet[3, 3, 0] not in (0.0, 0.5, 1.0)


def test_correlations_agree_with_numpy_and_a_constant_column_has_none():
    table = np.random.default_rng(0).normal(size=(200, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    assert correlation(table) == pytest.approx(np.corrcoef(table.T))
    constant = correlation(np.column_stack([table, np.full(200, 0.1)]))
    assert np.isnan(constant[4]).all()
    assert np.isnan(constant[:, 4]).all()
    assert np.isfinite(constant[:4, :4]).all()


@pytest.mark.parametrize("number", [1, 2, 39, 400])
def test_smoothing_keeps_constants_and_tames_noise(number):
    assert smooth(np.full(number, 2.5)) == pytest.approx(np.full(number, 2.5))
    noise = np.random.default_rng(0).normal(size=number)
    if number == 400:
        # the mean of 21 independent values has a standard deviation of 0.22
        assert smooth(noise)[20:-20].std() < 0.35


def test_curves_hold_each_loss_and_the_last_record_of_a_repeated_step():
    records = [
        {"step": 1, "loss": 3.0, "losses": {"a": 1.0, "b": 2.0}, "lr": 0.1},
        {"step": 2, "loss": 9.0, "losses": {"a": 9.0, "b": float("inf")}},
        {"step": 2, "loss": 5.0, "losses": {"a": 2.0, "b": 3.0}, "grad_norm": 1.0},
    ]
    found = curves(records)
    assert list(found) == ["loss: a", "loss: b", "total loss", "gradient norm", "learning rate"]
    assert found["loss: a"][0].tolist() == [1.0, 2.0]
    assert found["loss: a"][1].tolist() == [1.0, 2.0]
    assert list(curves([{"step": 1, "loss": 3.0, "losses": {"a": 3.0}}])) == ["loss: a"]


def test_losses_on_held_out_rows_belong_to_the_curves_of_their_names() -> None:
    records = [
        {"step": 1, "loss": 3.0, "losses": {"a": 1.0, "b": 2.0}, "validation": {"a": 2.0, "b": 4.0, "total": 6.0}},
        {"step": 2, "loss": 2.0, "losses": {"a": 1.0, "b": 1.0}, "validation": {"a": 1.0, "b": float("nan")}},
        {"step": 3, "loss": 2.0, "losses": {"a": 1.0, "b": 1.0}},
    ]
    found = {name: (steps.tolist(), values.tolist()) for name, (steps, values) in held_out_curves(records).items()}
    assert found == {"loss: a": ([1.0, 2.0], [2.0, 1.0]), "loss: b": ([1.0], [4.0]), "total loss": ([1.0], [6.0])}
    assert set(found) <= set(curves(records))
    assert held_out_curves(records[2:]) == {}
