"""Reports of sweeps: numbers at their places on the grid, the pictures of each shape of grid, and a safe page."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from base64 import b64decode

import matplotlib
import numpy as np
import pytest

from si_core import DataError, SweepView
from si_report import HtmlReport
from si_report.sweeps.results import axes, label, measures
from si_report.sweeps.scales import wide

report = HtmlReport(dpi=50)
HOSTILE = "<script>alert('1')</script> & \"quoted\" $x_ \x00\ud800"
BROWNIAN = {"use": "brownian", "scale": 2.0}
TWO = {"sample.epsilon": [0, 0.5, 2], "latent": ["none", BROWNIAN]}
MAP = {"sample.epsilon": [2.0, 0.0, 0.5], "latent.scale": [1, 2, 3]}


def estimates(index):
    """Two estimates that tell the point they are of; every third point lacks the second one."""
    first = {"name": "log-likelihood", "value": -float(index), "standard_error": 0.1 + index, "bound": "exact"}
    second = {"name": "energy-distance", "value": 10.0**index, "standard_error": None, "bound": "upper", "unit": "1"}
    return [first | {"unit": "nats"}, *([second] if index % 3 else [])]


@pytest.fixture
def make_sweep(tmp_path):
    """Make a view of a sweep over these axes; points in ``failed`` have a message instead of estimates."""

    def make(grid, failed=(), directory=None, **fields):
        records = []
        for index, values in enumerate(itertools.product(*grid.values())):
            broken = index in failed
            records.append(
                {
                    "point": index,
                    "folder": f"points/{index:03d}",
                    "values": dict(zip(grid, values, strict=True)),
                    "state": "failed" if broken else "finished",
                    "message": "step 3: the loss is not finite\n  fix: a smaller one" if broken else "",
                    "seconds": {} if broken else {"training": 12.34, "sampling": 0.5},
                    "estimates": [] if broken else estimates(index),
                }
            )
        return SweepView(
            **{
                "directory": directory or tmp_path,
                "title": "Some sweep",
                "recipe": {"seed": 7, "sweep": grid},
                "axes": grid,
                "records": records,
                "environment": {"python": "3.12.0"},
                "facts": {"trainings": "2"},
                **fields,
            }
        )

    return make


def read(view):
    """Write the report of a sweep and parse its page: its text, its elements, its files."""
    written = report.write_sweep(view)
    page = written[0].read_text(encoding="utf-8")
    return page, ElementTree.fromstring(page), written


def test_every_number_stands_at_its_place_on_the_grid(make_sweep):
    view = make_sweep(TWO | {"seed": [5, 6]}, failed=[4])
    first, second = measures(view)
    assert [axis.key for axis in axes(view)] == ["sample.epsilon", "latent", "seed"]
    assert first.values.shape == first.errors.shape == (3, 2, 2)
    for record, place in zip(view.records, np.ndindex(3, 2, 2), strict=True):
        assert record["values"] == {key: values[k] for (key, values), k in zip(view.axes.items(), place, strict=True)}
        index = record["point"]
        assert first.values[place] == -index or index == 4
        assert np.isnan(first.values[place]) == (index == 4)
        assert np.isnan(second.values[place]) == (index == 4 or index % 3 == 0)
    assert np.isnan(second.errors).all()
    assert (first.name, first.unit, first.bound) == ("log-likelihood", "nats", "exact")
    assert (second.name, second.unit, second.bound) == ("energy-distance", "", "upper")


def test_equal_names_are_counted_and_units_that_disagree_are_left_out(make_sweep):
    view = make_sweep({"seed": [1, 2]})
    view.records[0]["estimates"][:] = [{"name": "a", "value": 1.0, "unit": "nats"}, {"name": "a", "value": 2.0}]
    view.records[1]["estimates"][:] = [{"name": "a", "value": float("nan"), "unit": "bits"}]
    found = measures(view)
    assert [(each.name, each.unit) for each in found] == [("a", ""), ("a 2", "")]
    assert np.array_equal(found[0].values, [1.0, np.nan], equal_nan=True)
    assert np.array_equal(found[1].values, [2.0, np.nan], equal_nan=True)


def test_records_that_are_not_of_the_grid_are_refused(make_sweep):
    view = make_sweep(TWO)
    with pytest.raises(DataError, match="5 records"):
        report.write_sweep(make_sweep(TWO, records=view.records[:5]))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.5, "0.5"),
        (3, "3"),
        (True, "true"),
        (None, "null"),
        ("none", "none"),
        (BROWNIAN, "brownian (scale: 2.0)"),
        ({"use": "linear"}, "linear"),
        ([0.9, 0.99], "[0.9, 0.99]"),
        ("x" * 99, "x" * 39 + "…"),
        ("a\nb", "a?b"),
    ],
)
def test_a_value_in_few_words(value, words):
    assert label(value) == words


GRIDS = {
    "no axis": ({"seed": [1]}, []),
    "numbers": ({"sample.epsilon": [0, 0.5, 2]}, ["log-likelihood", "energy-distance"]),
    "unsorted, over decades": ({"train.steps": [1000, 10, 100]}, ["log-likelihood", "energy-distance"]),
    "a zero and decades": ({"sample.epsilon": [0, 1e-3, 10]}, ["log-likelihood", "energy-distance"]),
    "names": ({"latent": ["none", BROWNIAN, "quadratic"]}, ["log-likelihood", "energy-distance"]),
    "long names": ({"title": ["x" * 30, "y" * 30, "$z_"]}, ["log-likelihood", "energy-distance"]),
    "numbers and names": (TWO, ["log-likelihood", "energy-distance"]),
    "names and names": ({"latent": ["none", "b"], "target": ["c", "d"]}, ["log-likelihood", "energy-distance"]),
    "truth": ({"train.precondition": [True, False], "seed": [1, 2]}, ["log-likelihood", "energy-distance"]),
    "numbers and numbers": (
        MAP,
        ["log-likelihood", "log-likelihood-map", "energy-distance", "energy-distance-map"],
    ),
    "three": (MAP | {"seed": [1, 2]}, ["log-likelihood", "energy-distance"]),
    "many": (
        {"seed": list(range(15)), "target": ["a", "b"], "latent": ["c", "d"]},
        ["log-likelihood", "energy-distance"],
    ),
}


@pytest.mark.parametrize(("grid", "names"), GRIDS.values(), ids=GRIDS)
def test_every_shape_of_grid_gets_its_pictures_the_same_twice(make_sweep, tmp_path, grid, names):
    settings = dict(matplotlib.rcParams)
    first, second = (report.write_sweep(make_sweep(grid, failed=[1], directory=tmp_path / name)) for name in "ab")
    assert first == [tmp_path / "a" / "sweep.html", *(tmp_path / "a" / "plots" / f"{name}.png" for name in names)]
    assert {path for path in (tmp_path / "a").rglob("*") if path.is_file()} == set(first)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert dict(matplotlib.rcParams) == settings


@pytest.mark.parametrize(
    ("grid", "axis"),
    [
        (TWO, "sample.epsilon"),
        ({"latent": ["a", "b", "c"], "seed": [1, 2]}, "seed"),
        ({"seed": [1, 2, 3], "latent.scale": [1, 2]}, "latent.scale"),
        ({"latent.scale": [1, 2], "sample.epsilon": [1, 2, 3]}, "sample.epsilon"),
        ({"latent": ["a", "b"], "target": ["c", "d", "e"], "seed": [1]}, "target"),
    ],
)
def test_the_longest_axis_of_numbers_lies_along(make_sweep, grid, axis):
    page, _, _ = read(make_sweep(grid))
    assert f"log-likelihood over {axis}</h3>" in page


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 31], True),
        ([1, 30], False),
        ([0, 100], False),
        ([-1, 100], False),
        ([np.nan, 1, 100], True),
        ([np.nan], False),
    ],
)
def test_a_scale_is_logarithmic_over_more_than_a_factor_of_thirty(values, expected):
    assert wide(np.array(values, float)) is expected


def test_the_page_holds_the_table_the_failures_and_the_values_of_each_axis(make_sweep):
    page, tree, _ = read(make_sweep(TWO | {"report": [False]}, failed=[2]))
    assert next(tree.iter("h1")).text == "Sweep: Some sweep"
    facts = {
        "".join(d.find("dt").itertext()): "".join(d.find("dd").itertext())
        for d in tree.iter("div")
        if d.find("dt") is not None
    }
    assert facts == {
        "points": "6, 1 failed",
        "trainings": "2",
        "time in all": "64.2 s",
        "sample.epsilon": "0, 0.5, 2",
        "latent": "none, brownian (scale: 2.0)",
        "report": "false",
    }
    heads = ["".join(cell.itertext()) for cell in tree.find(".//thead/tr")]
    assert heads == [
        "point",
        "sample.epsilon",
        "latent",
        "log-likelihood [nats]",
        "energy-distance",
        "training [s]",
        "sampling [s]",
        "state",
    ]
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.find(".//tbody")]
    assert rows[1] == [
        "001",
        "0",
        "brownian (scale: 2.0)",
        "-1.0 ± 1.1 (exact)",
        "10 (upper)",
        "12",
        "0.50",
        "finished",
    ]
    assert rows[2] == ["002", "0.5", "none", "–", "–", "–", "–", "failed"]
    assert len(rows) == 6
    (note,) = (element for element in tree.iter("div") if element.get("class") == "note")
    assert "".join(note.itertext()) == (
        "points/002 sample.epsilon = 0.5, latent = nonestep 3: the loss is not finite\n  fix: a smaller one\n".rstrip(
            "\n"
        )
    )
    assert "3 of 6 points have no value." in page


LINES_WITH_KEY = ["log-likelihood", "energy-distance"]


def test_the_page_fetches_nothing_and_leads_to_reports_that_exist(make_sweep, tmp_path):
    (tmp_path / "points" / "003").mkdir(parents=True)
    (tmp_path / "points" / "003" / "report.html").write_text("a report")
    page, tree, written = read(make_sweep(MAP))
    sources = [element.attrib["src"] for element in tree.iter() if "src" in element.attrib]
    shown = [b64decode(source.removeprefix("data:image/png;base64,")) for source in sources]
    # A plot of one tile stands there as it is; lines have their key beside them.
    assert [plot.stem for plot in written[1:] if plot.read_bytes() not in shown] == LINES_WITH_KEY
    assert len(shown) == len(written) - 1 + len(LINES_WITH_KEY)
    assert not re.search(r"https?://|//[a-z]|url\(|@import", re.sub(r"base64,[^\"]*", "", page))
    assert {element.tag for element in tree.iter()}.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    links = [link.attrib["href"] for link in tree.iter("a")]
    sections = [f"#{section.attrib['id']}" for section in tree.iter("section")]
    assert links == [*sections, "points/003/report.html"]


def test_hostile_text_stays_text_and_names_no_file(make_sweep, tmp_path):
    view = make_sweep({HOSTILE: [HOSTILE, 1], "seed": [1, 2]}, title=HOSTILE, facts={HOSTILE: HOSTILE}, failed=[1])
    for record in view.records:
        record["message"] = record["message"] and HOSTILE
        record["folder"] = HOSTILE.replace("\x00", "")
        for estimate in record["estimates"]:
            estimate |= {"name": "../../" + HOSTILE, "unit": HOSTILE}
    page, tree, written = read(view)
    assert "<script" not in page
    assert HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd") in next(tree.iter("h1")).text
    assert all(path.parent == tmp_path / "plots" for path in written[1:])
    assert len(written) == 3


def test_a_sweep_without_estimates_is_a_table(make_sweep):
    view = make_sweep(TWO, failed=range(6))
    assert [path.name for path in report.write_sweep(view)] == ["sweep.html"]
