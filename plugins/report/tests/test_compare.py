"""`si compare`: what differs, side by side, as far as the files of each run tell."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

from si_core.cli.main import main
from si_report.compare.differences import ABSENT, recipe_differences

for plugin in ("si_distributions", "si_networks", "si_integrators", "si_estimators", "si_objectives", "si_optimizers"):
    pytest.importorskip(plugin)

RECIPE = """\
source: {use: gaussian, dim: 2}
target: {use: two-moons}
objectives: [velocity]
network: {use: mlp, width: 4, depth: 1}
train: {steps: 3, batch: 8, log_every: 1}
sample: {number: 8, integrator: {use: heun, steps: 2}}
estimators: [{use: energy-distance, samples: 8}]
report: false
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs: finished; of another target and width; one of which little is left."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    first, other, poor = (folder / name for name in ("first", "<i>other $1$", "poor"))
    assert main(["run", str(folder / "r.yaml"), "--out", str(first)]) == 0
    words = ("target=eight-gaussians", "network.width=8", "estimators=[energy-distance,mmd]")
    assert main(["run", str(folder / "r.yaml"), *words, "--out", str(other)]) == 0
    shutil.copytree(first, poor)
    for name in ("metrics.jsonl", "model.safetensors"):
        (poor / name).unlink()
    (poor / "estimates.json").write_text("[{", encoding="utf-8")
    status = json.loads((poor / "STATUS.json").read_text(encoding="utf-8"))
    (poor / "STATUS.json").write_text(json.dumps({**status, "state": "interrupted", "step": 2}), encoding="utf-8")
    return [str(first), str(other), str(poor)]


def test_the_page_and_the_data_say_the_same(runs, tmp_path, capsys):
    page = tmp_path / "compare.html"
    assert main(["compare", *runs, "--out", str(page), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    labels = ["first", "<i>other $1$", "poor"]
    assert [run["label"] for run in found["runs"]] == labels
    assert [run["state"] for run in found["runs"]] == ["finished", "finished", "interrupted"]
    assert [run["step"] for run in found["runs"]] == [3, 3, 2]
    first, other, poor = found["runs"]
    assert first["problems"] == []
    assert poor["parameters"] is None
    assert other["parameters"] > first["parameters"] > 0
    assert [problem.split(":")[0] for problem in poor["problems"]] == [
        "no model.safetensors",
        "no metrics.jsonl",
        "estimates.json",
    ]
    assert set(found["differences"]) == {"target", "network.width", "estimators"}
    assert found["differences"]["network.width"] == {"first": 4, labels[1]: 8, "poor": 4}
    stored = json.loads((tmp_path / runs[0] / "estimates.json").read_text(encoding="utf-8"))
    assert found["estimates"]["energy-distance"]["first"] == stored[0]
    assert found["estimates"]["mmd"]["first"] is None
    text = page.read_text(encoding="utf-8")
    tree = ElementTree.fromstring(text)
    cells = {"".join(element.itertext()) for element in tree.iter() if element.tag in ("td", "th")}
    assert {*labels, "interrupted", "network.width", "8", "–"} <= cells
    assert any(re.fullmatch(r"-?[\d.e-]+ ± [\d.e-]+ \(unbiased\)", each) for each in cells)
    # The energy distance, which two runs have; the loss and its key.
    assert [image.attrib["alt"].split(": ")[0] for image in tree.iter("img")] == [
        "Estimates side by side",
        "Loss curves",
        "Loss curves",
    ]
    assert str(tmp_path) not in text


def test_the_terminal_names_problems_and_the_word_of_each_estimate(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *runs]) == 0
    said = capsys.readouterr().out
    for words in ("poor: no metrics.jsonl", "(unbiased)", "network.width", "first, poor", "page: compare.html"):
        assert words in said
    assert (tmp_path / "compare.html").is_file()
    assert main(["compare", runs[0], runs[0]]) == 0
    assert "first (1)" in capsys.readouterr().out


def test_a_page_is_written_over_an_earlier_comparison_and_nothing_else(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "compare.html"
    page.write_text("<p>Mine.</p>", encoding="utf-8")
    assert main(["compare", *runs]) == 2
    assert "--out compare-2.html" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "<p>Mine.</p>"
    assert main(["compare", runs[0], runs[1], "--out", "compare-2.html"]) == 0
    assert main(["compare", *runs, "--out", "compare-2.html"]) == 0


@pytest.mark.parametrize(("words", "code"), [([], 2), (["nowhere"], 4), (["."] * 19, 2)])
def test_what_is_no_comparison_is_refused(runs, words, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [runs[0]] * 21 if len(words) == 19 else [runs[0], *words]
    assert main(["compare", *words]) == code
    assert not list(tmp_path.iterdir())


def test_a_difference_is_told_once_at_the_outermost_key():
    one = {"title": "a", "seed": 1, "network": {"use": "mlp", "width": 4}, "sweep": {"a.b": 1}}
    two = {"title": "b", "seed": 1, "network": {"use": "mlp", "width": 8}, "sweep": {"a.b": 2}}
    three = {"seed": 2, "network": {"use": "unet", "channels": 3}}
    assert recipe_differences([one, two]) == [("network.width", [4, 8]), ("sweep.a.b", [1, 2])]
    found = dict(recipe_differences([one, two, {}, three]))
    assert list(found) == ["seed", "network", "sweep"]
    assert found["seed"] == [1, 1, ABSENT, 2]
    assert found["network"][2:] == [ABSENT, three["network"]]
    assert recipe_differences([{}, one]) == recipe_differences([{}, {}]) == []
