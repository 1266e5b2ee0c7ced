"""Details that are drawn: the plain form of a panel, and the plainer ones in which it is recognised."""

from __future__ import annotations

import json
import math

import pytest
import torch

import si_core as si
from si_core.contract.panel import Panel, panel_of, values_panel
from si_core.contract.panel_shapes import panels_of
from si_core.runs.stages import estimate_record

PANELS = [
    Panel("curve", (0.1, 1.0, 10.0), {"a": (1.0, math.nan, 2.0), "b": (0.0, 1.0, 2.0)}, {"b": (0.1, 0.1, math.nan)}),
    Panel("curve", (0.0, 1.0), {"a": (1.0, 2.0)}, expected=(1.0, 1.5), marks={"here": 0.5}, caption="C", log="xy"),
    Panel("counts", (0.0, 0.5, 2.0), {"a": (3.0, 4.0)}, title="T", x_label="x", y_label="y"),
    Panel("bars", ("one", "two"), {"a": (3.0, -4.0)}),
    Panel("matrix", ("one", "two"), {"first": (3.0, 4.0), "second": (0.0, math.nan), "third": (1.0, 1.0)}),
]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.panel)
def test_a_panel_is_read_from_its_plain_form_as_it_was(panel):
    detail = json.loads(json.dumps(panel.plain(), allow_nan=False))
    assert repr(panel_of(detail)) == repr(panel)
    assert panels_of({"name": detail})[1] == {}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"panel": "pie"}, "no form"),
        ({"x": [0.0]}, "don't fit"),
        ({"x": [1.0, "b"]}, "x of a panel"),
        ({"x": [0.0, True]}, "can't be read"),
        ({"series": {}}, "don't fit"),
        ({"series": {"a": [1.0, float("inf")]}}, "can't be read"),
        ({"series": [1.0, 2.0]}, "can't be read"),
        ({"errors": {"other": [1.0, 2.0]}}, "don't fit"),
        ({"expected": [1.0]}, "don't fit"),
        ({"colour": "red"}, "unknown keys"),
        ({"series": {"a": [1.0, -1e200]}}, "no axis holds"),
        ({"marks": {"m": 1e200}}, "no axis holds"),
        ({"errors": {"a": [0.1, -0.1]}}, "below 0"),
        ({"series": {str(k): [1.0, 2.0] for k in range(101)}}, "too many numbers"),
        ({"panel": "counts", "x": [0.0, 0.0, 1.0]}, "rising"),
    ],
)
def test_what_is_no_panel_is_named_and_costs_only_itself(changed, words):
    plain = {"panel": "curve", "x": [0.0, 1.0], "series": {"a": [1.0, 2.0]}}
    with pytest.raises(si.DataError, match=words):
        panel_of({**plain, **changed})
    found, problems = panels_of({"bad": {**plain, **changed}, "good": plain})
    assert list(found) == ["good"]
    assert list(problems) == ["bad"]


LEADS = [
    {"lead": k, "value": 0.1 * k, "standard_error": 0.01, "spread": 1.0, "spread_standard_error": None} for k in (1, 3)
]
SHAPES = {
    "rank_histograms": ({"a": [5, 3, 4], "b": [4, 4, 4]}, "counts", {"a", "b"}, (4.0,) * 3),
    "histogram": ([5, 3, 4, 1], "counts", {"histogram"}, ()),
    "expected_coverage": ({"0.5": 0.4, "0.25": 0.3}, "curve", {"expected_coverage"}, (0.25, 0.5)),
    "coverage": ({"a": {"0.5": 0.4, "0.9": 0.8}, "b": {"0.5": 0.6, "0.9": 0.7}}, "curve", {"a", "b"}, (0.5, 0.9)),
    "by_size": ({1: 0.2, 10: 0.3}, "curve", {"by_size"}, ()),
    "by_lead": (LEADS, "curve", {"value", "spread"}, ()),
    "by_level": ([{"level": p, "by_lead": LEADS} for p in (0.5, 0.9)], "curve", {"level 0.5", "level 0.9"}, ()),
    "ranks": ([{"lead": 2, "p": 0.1, "heights": [1, 2], "standard_errors": [0.1, 0.2]}], "counts", {"lead 2"}, ()),
    "epsilon": ([1.0, 2.0, 4.0], "curve", {"epsilon"}, ()),
    "confusion": ([[3, 1], [0, 4]], "matrix", {"0", "1"}, ()),
}


@pytest.mark.parametrize("name", SHAPES)
def test_plain_forms_are_drawn(name):
    value, form, series, expected = SHAPES[name]
    found, problems = panels_of({"t": [0.1, 0.5, 0.9], name: value, "draws": 3})
    assert problems == {}
    assert list(found) == [name]
    assert found[name].panel == form
    assert set(found[name].series) == series
    assert found[name].expected == expected
    assert repr(panel_of(found[name].plain())) == repr(found[name])


def test_errors_of_records_belong_to_their_values():
    panel = panels_of({"by_lead": LEADS})[0]["by_lead"]
    assert panel.x == (1.0, 3.0)
    assert panel.errors["value"] == (0.01, 0.01)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 0.5, "words", [], {}, [1, 2], ["a"], [[1, 2], [3]], [None], {"a": 1}, {"a": None, "b": 2}),
        *([{}], [{"a": 1}, {"b": 2}], [{"lead": 1, "value": 2}], [{"lead": 2, "v": 1}, {"lead": 1, "v": 1}]),
        *({"1": 1e200, "2": 0.0}, {"1": "x", "2": "y"}, {"a": {"x": 1}, "b": 3}, {"nan": 1, "2": 2}, [[]], {"a": []}),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", ["anything", "histogram"])
def test_all_else_stays_words(name, value):
    if name == "histogram" and value in ([1, 2], [3]):
        return
    assert panels_of({name: value}) == ({}, {})


def test_values_of_samples_are_counted_once_each():
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    values[:7] = -math.inf
    panel = values_panel(values, "nats")
    assert sum(panel.series["values"]) == 993
    assert panel.marks["mean"] == pytest.approx(float(values[7:].double().mean()))
    assert (panel.x[0], panel.x[-1]) == pytest.approx((float(values[7:].min()), float(values.max())))
    assert "7 are not finite" in panel.caption
    large = values.double() * 1e80
    large[0] = 1e300
    assert sum(values_panel(large).series["values"]) == 993
    for flat in (torch.ones(9), torch.tensor([0.0, 1.0, 1.0]), torch.full((4,), math.nan), torch.empty(0)):
        assert values_panel(flat) is None


def test_the_record_of_an_estimate_says_how_values_are_distributed_in_plain_data():
    found = si.Estimate("e", 1.0, 0.1, "exact", "nats", torch.linspace(0, 2, 50), {"a": 1})
    record = estimate_record(found)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert sum(panel_of(record["per_sample"]).series["values"]) == 50
    assert estimate_record(si.Estimate("e", 1.0, None, "exact", "1"))["per_sample"] is None
