"""The page: self-contained, well-formed, and safe with any text."""

import re
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from io import BytesIO

import pytest
import torch
from matplotlib.image import imread

from si_core import NumericsError
from si_report import HtmlReport

report = HtmlReport(dpi=50, resolution=8)
HOSTILE = "<script>alert('1')</script> & \"quoted\" $x_ \x00\ud800"


def pixels(png):
    """The pixels of a file."""
    return (imread(BytesIO(png)) * 255).round().astype(int)


def read(view):
    """Write a report and parse its page: its text, and its elements by tag."""
    written = report.write(view)
    page = written[0].read_text(encoding="utf-8")
    tree = ElementTree.fromstring(page)
    return page, tree, written


def test_the_page_fetches_nothing_and_holds_every_plot(make_view):
    page, tree, written = read(make_view())
    sources = [element.attrib["src"] for element in tree.iter() if "src" in element.attrib]
    shown = [pixels(b64decode(source.removeprefix("data:image/png;base64,"))) for source in sources]
    for plot in written[1:]:
        whole, parts = pixels(plot.read_bytes()), len(tree.findall(f".//figure[@id='figure-{plot.stem}']//img"))
        tiles, shown = shown[:parts], shown[parts:]
        assert parts > 0
        # Side by side and in rows the tiles are the whole plot, but for paper.
        assert sum(int((tile < 255).sum()) for tile in tiles) == int((whole < 255).sum())
    assert not shown
    assert {element.tag for element in tree.iter()}.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    assert not re.search(r"https?://|//[a-z]|url\(|@import", re.sub(r"base64,[^\"]*", "", page))
    policy = next(e.attrib["content"] for e in tree.iter("meta") if e.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy


def test_every_link_leads_to_a_section_and_every_picture_has_words(make_view):
    _, tree, _ = read(make_view())
    names = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    links = [element.attrib["href"] for element in tree.iter("a")]
    assert len(names) == len(set(names))
    assert {link.removeprefix("#") for link in links} == {section.attrib["id"] for section in tree.iter("section")}
    assert all(link.startswith("#") for link in links)
    assert all(image.attrib["alt"] for image in tree.iter("img"))
    assert all(figure.find("figcaption").text for figure in tree.iter("figure"))


def test_hostile_text_stays_text_wherever_it_stands(make_view):
    view = make_view(
        (1,),
        title=HOSTILE,
        recipe={HOSTILE: {"use": HOSTILE}},
        facts={HOSTILE: HOSTILE},
        environment={HOSTILE: HOSTILE, "packages": {HOSTILE: HOSTILE}},
        estimates=[
            {"name": HOSTILE, "value": HOSTILE, "bound": HOSTILE, "unit": HOSTILE, "details": {HOSTILE: HOSTILE}}
        ],
        metrics=[{"step": 1, "losses": {HOSTILE: 1.0}}],
    )
    page, tree, _ = read(view)
    assert "<script" not in page
    assert next(tree.iter("h1")).text == HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")


def test_the_page_says_date_facts_estimates_recipe_and_versions(make_view):
    page, tree, _ = read(make_view((1,)))
    assert next(e.text for e in tree.iter("p") if e.get("class") == "when") == "Finished 2026-01-02 03:04 UTC"
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.find(".//tbody")]
    assert rows == [
        ["log-likelihood", "-3.241 ± 0.012", "nats", "exact, up to the integrator", ""],
        ["kl-bound", "0.0412", "nats", "upper bound", "a: 1"],
    ]
    assert "".join(tree.find(".//pre").itertext()).startswith("title: Some run\nseed: 7\ntrain:\n")
    versions = ["".join(item.itertext()) for item in tree.iter("li")]
    assert {"python3.12.0", "torch2.13.0"} <= set(versions)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_the_value_of_the_datas_own_law_stands_beside_what_it_is(make_view):
    record = {
        "name": "n",
        "value": -2.0,
        "bound": "lower",
        "unit": "nats",
        "details": {"value_of_data_law": -1.5, "a": 1},
    }
    _, tree, _ = read(make_view((1,), estimates=[record]))
    (row,) = ([*map(str, ("".join(cell.itertext()) for cell in row))] for row in tree.find(".//tbody"))
    assert row == ["n", "-2", "nats", "lower bound; the data's own law has -1.5", "a: 1"]


@pytest.mark.parametrize("event", [(1,), (2,)])
def test_a_log_density_that_fails_costs_only_itself_and_is_said(make_view, event):
    def fails(_: torch.Tensor) -> torch.Tensor:
        raise NumericsError("the flow left the finite numbers", where="t = 0.3")

    _, tree, written = read(make_view(event, log_density=fails, metrics=()))
    notes = [element.text for element in tree.iter("p") if element.get("class") == "note"]
    assert len(notes) == 1
    assert "the flow left the finite numbers" in notes[0]
    assert "samples.png" in [path.name for path in written]
    assert "log_density.png" not in [path.name for path in written]


@pytest.mark.parametrize("level", [-float("inf"), float("nan")])
def test_a_true_density_without_finite_values_is_drawn(make_view, level):
    def nowhere(x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x),), level)

    names = [path.name for path in report.write(make_view((2,), true_log_density=nowhere, trajectory=None, metrics=()))]
    assert "log_density.png" in names
    assert report.write(make_view((1,), true_log_density=nowhere, trajectory=None, metrics=()))


def test_records_of_any_form_are_shown_without_an_error(make_view):
    strange = [
        {},
        {"value": None},
        {"name": "n", "value": float("nan"), "standard_error": float("inf")},
        {"value": [1] * 99},
    ]
    metrics = [
        {"event": "resumed"},
        {"step": 1, "loss": float("nan")},
        {"step": "2", "loss": 1.0},
        {"step": 3, "loss": -1.0},
    ]
    _, tree, written = read(make_view((1,), estimates=strange, metrics=metrics))
    assert len(tree.find(".//tbody")) == len(strange)
    assert "losses.png" in [path.name for path in written]
