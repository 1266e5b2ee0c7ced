"""Histograms of ranks: drawn where an estimate has some, and left out where it has none or no counts."""

import pytest

from si_report.pictures.picture import Settings
from si_report.pictures.ranks import ranks


def test_histograms_of_an_estimate_are_drawn(make_view):
    names = {f"theta_{k} $": [10, 12, 8, 10] for k in range(14)}
    view = make_view((2,), 6, metrics=(), estimates=[{"name": "x"}, {"details": {"rank_histograms": names}}])
    picture = ranks(view, Settings(dpi=40))
    assert picture.png.startswith(b"\x89PNG")
    assert "The first 12 of 14." in picture.caption


@pytest.mark.parametrize("given", [None, {}, {"a": [1]}, {"a": ["1", "2"]}, {"a": [0, 0]}, {"a": [-1, 2]}, [1, 2]])
def test_what_is_no_histogram_is_left_out(make_view, given):
    view = make_view((2,), 6, metrics=(), estimates=[{"details": {"rank_histograms": given}}])
    assert ranks(view, Settings(dpi=40)) is None
