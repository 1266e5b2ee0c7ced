"""Estimates in a report: what they mean, and the panels of any estimator's details."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from si_report import HtmlReport
from si_report.page.details import details_in_words
from si_report.page.estimates import meaning
from si_report.pictures.panels import MOST_TILES, estimate_panels
from si_report.pictures.picture import Settings

report = HtmlReport(dpi=50, resolution=8)
FORMS = {
    "curve": {
        "panel": "curve",
        "x": [0.1, 1, 10],
        "series": {"a": [1, None, 3]},
        "errors": {"a": [0.1] * 3},
        "log": "xy",
    },
    "counts": {"panel": "counts", "x": [0, 1, 3], "series": {"a": [3, 4], "b": [1, 1]}, "expected": [2, 2]},
    "bars": {"panel": "bars", "x": ["one", "$two$"], "series": {"a": [3, 4]}, "marks": {}},
    "matrix": {"panel": "matrix", "x": ["p", "q"], "series": {"a": [3, None], "b": [0, 1]}},
    "ranks_histogram": [3, 4, 5, 4],
    "by_level": {"0.5": 0.4, "0.9": 0.95},
}


def record(**fields):
    return {"name": "e", "value": 1.0, "standard_error": 0.1, "bound": "exact", "unit": "nats", **fields}


def written(view):
    return ElementTree.fromstring(report.write(view)[0].read_text(encoding="utf-8"))


def test_details_of_any_estimator_become_panels(make_view):
    details = {"of": 12, **FORMS, "hostile <b>": FORMS["curve"] | {"title": "<script> $x_", "caption": "& $y_"}}
    tree = written(make_view((1,), 9, estimates=[record(details=details)] * 2, metrics=(), trajectory=None))
    figures = [figure for figure in tree.iter("figure") if figure.attrib["id"].startswith("figure-estimate-e")]
    assert len({figure.attrib["id"] for figure in figures}) == len(figures) == 2
    words = [image.attrib["alt"] for image in figures[0].iter("img")]
    # Of counts a panel for each series.
    assert len(words) == len(FORMS) + 2
    assert "e: <script> $x_" in words
    assert "& $y_" in figures[0].find("figcaption").text
    cells = ["".join(cell.itertext()) for cell in tree.find(".//tbody/tr")]
    assert cells[-1] == "of: 12"


# But for what an older matplotlib calls of a newer pyparsing, which is no word of ours.
@pytest.mark.filterwarnings("error", "ignore::DeprecationWarning:matplotlib|pyparsing")
@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("large", {"panel": "curve", "x": [1e-99, 1e99], "series": {"a": [-1e99, 1e99]}, "log": "xy"}),
        ("negative", {"panel": "curve", "x": [1, 2], "series": {"a": [-1, 0]}, "log": "xy"}),
        ("unknown", {"panel": "counts", "x": [1, 2, 3], "series": {"a": [None, None]}, "expected": [None, None]}),
        ("close", {"panel": "counts", "x": [1, 1 + 3e-16, 1 + 9e-16], "series": {"a": [1, 2]}}),
        ("one", {"panel": "matrix", "x": ["a"], "series": {"a": [None]}}),
        ("rank_histogram", [-5, 3, 0]),
        ("by_size", {"1": -1e308, "2": 1e308}),
    ],
)
def test_strange_numbers_are_drawn_or_told_without_a_word(name, detail):
    assert len(estimate_panels([record(details={name: detail})], Settings(dpi=50))[0]) <= 1


def test_only_what_is_left_out_is_said_to_be_more():
    series = {str(k): [1, 2] for k in range(MOST_TILES + 1)}
    full = record(details={"all": {"panel": "counts", "x": [0, 1, 2], "series": dict(list(series.items())[1:])}})
    over = record(details={"all": {"panel": "counts", "x": [0, 1, 2], "series": series}})
    made, _ = estimate_panels([full, over], Settings(dpi=20))
    assert [len(picture.tiles) for picture in made] == [MOST_TILES] * 2
    assert ["More is among" in picture.caption for picture in made] == [False, True]


def test_what_is_no_panel_is_said_and_the_report_is_written(make_view):
    bad = {"panel": "curve", "x": [1], "series": {"a": [1, 2]}}
    tree = written(make_view((1,), 9, estimates=[record(details={"bad": bad})], metrics=(), trajectory=None))
    (note,) = (element.text for element in tree.iter("p") if element.get("class") == "note")
    assert note.startswith("bad of e can't be drawn")


def test_values_of_samples_stand_beside_the_value_of_the_datas_own_law(make_view):
    values = {"panel": "counts", "x": [-3, -2, -1], "series": {"values": [5, 9]}, "marks": {"mean": -2.1}}
    shown = [record(per_sample=values, details={"value_of_data_law": -1.5})]
    tree = written(make_view((1,), 9, estimates=shown, metrics=(), trajectory=None))
    assert tree.find(".//figure[@id='figure-estimate-e']//img") is not None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"details": {"value_of_data_law": 1.5}, "name": "log-likelihood"},
            ("minus the target's entropy", "0.50 ± 0.10"),
        ),
        (
            {"details": {"value_of_data_law": 0.5}, "name": "cross-entropy"},
            ("is the target's entropy", "5 standard err"),
        ),
        ({"details": {"floor": 0.9}}, ("0.9 apart: the floor", "1.11 times", "can't be told from it")),
        ({"details": {"floor": 0.5, "floor_samples": 4000}}, ("of 4,000 draws", "2 times", "by 5 standard errors")),
        ({"details": {"recall": 0.25, "recall_floor": 0.5}}, ("recall is 0.25", "is 0.5")),
        ({"details": {"floor": 0.0}, "standard_error": None}, ("are 0 apart",)),
    ],
)
def test_a_value_is_told_beside_what_the_datas_own_law_has(fields, words):
    said = " ".join(meaning(record(**fields)))
    assert all(each in said for each in words), said


@pytest.mark.parametrize("fields", [{}, {"value": None}, {"value": "x"}, {"details": 3}, {"details": {"floor": "x"}}])
def test_nothing_is_said_of_what_is_not_known(fields):
    assert meaning(record(**fields)) == []


def test_details_are_words():
    details = {"samples": 4000, "yes": True, "none": None, "two_words": [1, 2.5], "deep": {"a_b": 10_000}, "drawn": 1}
    assert details_in_words(details, ("drawn",)) == [
        ("samples of the model that are compared", "4,000"),
        ("yes", "yes"),
        ("none", "not known"),
        ("two words", "1, 2.5"),
        ("deep", "a b 10,000"),
    ]
