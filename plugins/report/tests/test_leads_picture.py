"""Estimates by lead time in the report."""

from __future__ import annotations

import pytest

from si_report.pictures.leads import leads
from si_report.pictures.picture import Settings

SCORE = [{"lead": k, "value": 0.1 * k, "standard_error": 0.01, "linear": 0.2 * k} for k in (1, 5)]
RANKS = [{"lead": 1, "p_value": 0.4, "heights": [1.1, 0.9], "standard_errors": [0.1, 0.1]}]


def _estimate(name: str, by_lead: object) -> dict:
    return {"name": name, "value": 0.3, "standard_error": None, "bound": "unbiased", "details": {"by_lead": by_lead}}


def test_scores_and_ranks_are_drawn(make_view) -> None:
    view = make_view(estimates=[_estimate("crps$", SCORE), _estimate("ranks", RANKS)])
    picture = leads(view, Settings(dpi=50))
    assert picture is not None
    assert picture.section == "Forecasts"
    assert picture.png.startswith(b"\x89PNG")
    assert leads(view, Settings(dpi=50)).png == picture.png


@pytest.mark.parametrize(
    "by_lead",
    [
        None,
        3,
        [],
        ["x"],
        [{"lead": "one", "value": 1.0}],
        [{"lead": 1, "value": None}],
        [{"lead": 1, "heights": ["a"]}],
    ],
    ids=str,
)
def test_what_has_another_form_is_left_out(make_view, by_lead: object) -> None:
    assert leads(make_view(estimates=[_estimate("crps", by_lead), {"name": "x", "details": None}]), Settings()) is None
