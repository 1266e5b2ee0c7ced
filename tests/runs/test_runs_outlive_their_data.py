"""A finished run whose data are gone, moved or changed: what it gives all the same, and what it refuses with which fix.

Every data set of ours and every coupling that holds data is lost here: its file, or the class that would read it.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.models.sampling import carry

for plugin in ("si_distributions", "si_networks", "si_integrators", "si_estimators", "si_exporters", "si_report"):
    pytest.importorskip(plugin)

RECIPE = """\
seed: 3
{ends}
latent: {{use: brownian, scale: 1.0}}
objectives: [velocity, denoiser]
network: {{use: mlp, width: 8, depth: 1}}
train: {{steps: 3, batch: 8, log_every: 1}}
sample: {{number: 20, integrator: {{use: euler-maruyama, steps: 2}}, epsilon: 0.5{condition}}}
report: false
"""


def table(folder: Path, more: int = 0, name: str = "trees.csv", offset: float = 0.0) -> Path:
    """Heights and girths of trees with their species and dose."""
    rows = np.random.default_rng(0).normal([20.0 + offset, 3e4], [4.0, 5e3], size=(40 + more, 2))
    lines = [f"{high:.4f},{girth:.2f},{('oak', 'elm', 'yew')[i % 3]},{i % 4}" for i, (high, girth) in enumerate(rows)]
    (folder / name).write_text("\n".join(["height,girth,species,dose", *lines]) + "\n", encoding="utf-8")
    return folder / name


def arrays(folder: Path) -> Path:
    (folder / "both").mkdir()
    for name, shift in (("here.npy", 0.0), ("there.npy", 100.0)):
        np.save(folder / "both" / name, np.random.default_rng(1).normal(shift, 3.0, size=(40, 2)))
    return folder / "both"


def photographs(folder: Path) -> Path:
    from PIL import Image

    for k in range(8):
        kind = folder / "photos" / ("day", "night")[k % 2]
        kind.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(k).integers(0, 256, size=(4, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(kind / f"{k}.png")
    return folder / "photos"


def nothing(folder: Path) -> None:
    return None


def earlier(folder: Path) -> Path:
    """The folder of a run to take pairs from."""
    (folder / "first.yaml").write_text(RECIPE.format(ends=ENDS["array"][1], condition=""), encoding="utf-8")
    table(folder)
    assert main(["run", str(folder / "first.yaml"), "--out", str(folder / "first")]) == 0
    return folder / "first"


TREES = "{use: array, path: trees.csv, columns: [height, girth]"
ENDS = {
    "array": (table, f"source: gaussian\ntarget: {TREES}, label: species}}"),
    "no label": (table, f"source: gaussian\ntarget: {TREES}}}"),
    "values": (table, f"source: gaussian\ntarget: {TREES}, conditions: [dose]}}"),
    "table": (nothing, "source: {use: gaussian, dim: 4}\ntarget: {use: table, name: iris}"),
    "digits": (nothing, "source: {use: gaussian, shape: [1, 8, 8]}\ntarget: digits"),
    "images": (photographs, "source: {use: gaussian, shape: [3, 4, 5]}\ntarget: {use: images, path: photos}"),
    "paired": (
        arrays,
        "source: {use: array, path: both/here.npy}\ntarget: {use: array, path: both/there.npy}\ncoupling: paired",
    ),
    "rectified": (
        earlier,
        f"source: gaussian\ntarget: {TREES}, label: species}}\ncoupling: {{use: rectified, run: first, pairs: 30}}",
    ),
}
READERS = {"table": "si_distributions.datasets.table:Table", "digits": "si_distributions.datasets.digits:Digits"}
NEEDS_DATA = {"values", "paired"}
"""What sampling needs data for: to know the values of conditions, and to start from."""


class Case:
    """A finished run, and its data to be lost."""

    def __init__(self, name: str, folder: Path) -> None:
        data, self.ends = ENDS[name]
        self.name, self.folder, self.run = name, folder, folder / "run"
        self.data = data(folder)
        condition = ", condition: 1.5" if name == "values" else ""
        (folder / "r.yaml").write_text(RECIPE.format(ends=self.ends, condition=condition), encoding="utf-8")
        assert main(["run", str(folder / "r.yaml"), "--out", str(self.run)]) == 0

    def lose(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing of the data can be read any more."""
        if self.data is not None:
            self.data.rename(self.folder / "elsewhere")
            return
        module, _, name = READERS[self.name].partition(":")

        def gone(*_: object, **__: object) -> None:
            raise si.DataError("no such data set", where=self.name)

        monkeypatch.setattr(f"{module}.{name}.__init__", gone)

    @property
    def given(self) -> dict[str, float]:
        """What must be said of samples without the data."""
        return {"condition": 1.5} if self.name == "values" else {}

    def samples(self, folder: Path | None = None) -> torch.Tensor:
        """From given starts, by the model as it is loaded now from the run, or from another folder."""
        model = si.load_model(folder or self.run)
        start = torch.arange(6.0).reshape(-1, *(1 for _ in model.process.shape)).expand(6, *model.process.shape)
        return carry(model, start, 4, **self.given).x


@pytest.fixture(scope="module", params=ENDS)
def lost(request, tmp_path_factory):
    """A finished run whose data are lost, and what it sampled before."""
    case = Case(request.param, tmp_path_factory.mktemp(request.param.replace(" ", "-")))
    before = case.samples()
    assert main(["export", str(case.run), str(case.folder / "away" / "model")]) == 0
    with pytest.MonkeyPatch.context() as monkeypatch:
        case.lose(monkeypatch)
        yield case, before


def shown(capsys) -> str:
    return "".join(capsys.readouterr())


def test_samples_are_the_same_bits(lost):
    case, before = lost
    assert torch.equal(case.samples(), before)
    if case.name != "paired":
        # Labels too are those that the data would give.
        again = si.sample(si.load_model(case.run), 20, seed=3, **case.given).numpy()
        stored = np.load(case.run / "samples.npy")
        assert again.dtype == stored.dtype
        assert again.tobytes() == stored.tobytes()


def test_an_exported_model_is_the_same_elsewhere(lost, tmp_path, capsys):
    case, before = lost
    folder = tmp_path / "elsewhere"
    shutil.copytree(case.folder / "away" / "model", folder)
    assert torch.equal(case.samples(folder), before)
    for name in ("model.safetensors", "frame.json"):
        assert (folder / name).read_bytes() == (case.run / name).read_bytes()
    for path in folder.iterdir():
        assert str(case.folder).encode() not in path.read_bytes()
    assert main(["export", str(folder), str(tmp_path / "again")]) == 0
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    if case.name not in NEEDS_DATA:
        assert main(["sample", str(folder), "-n", "20", "--seed", "3", "--out", str(tmp_path / "x.npy")]) == 0
        assert (tmp_path / "x.npy").read_bytes() == (case.run / "samples.npy").read_bytes()


def test_reports_are_drawn_and_say_what_they_lack(lost, capsys):
    case, _ = lost
    if case.name in ("no label", "values", "digits", "rectified"):
        pytest.skip("as another of the same event shape")
    assert main(["report", str(case.run)]) == 0
    said, page = shown(capsys), (case.run / "report.html").read_text(encoding="utf-8")
    for place in (said, page):
        ends = "source and of the target" if case.name == "paired" else "target"
        assert f"Draws of the {ends} are left out: the data that the model was trained on can" in place
    assert {path.stem for path in (case.run / "plots").iterdir()} >= {"samples", "losses"}
    assert str(case.folder) not in page.partition(">Recipe<")[0]


def test_what_needs_the_data_says_which_and_what_to_give(lost, capsys, tmp_path):
    case, _ = lost
    if case.name == "rectified":
        pytest.skip("the pairs are lost, the table is not")
    with pytest.raises(si.DataError) as caught:
        si.estimate(si.load_model(case.run), "energy-distance")
    text = str(caught.value)
    assert re.search(r"resolved\.yaml:\d+:\d+: target \w+", text)
    assert "the data that the model was trained on can't be read" in text
    assert "put the data back as they were, or give points in their place (data=..., --data FILE)" in text
    assert main(["sample", str(case.run), "--out", str(tmp_path / "x.npy")]) == (3 if case.name in NEEDS_DATA else 0)
    said = shown(capsys)
    if case.name in NEEDS_DATA:
        assert ("--start-from FILE" if case.name == "paired" else "--condition NAME=VALUE") in said
        assert not (tmp_path / "x.npy").exists()
    if case.name == "paired":
        np.save(tmp_path / "starts.npy", np.zeros((7, 2)))
        words = ("--start-from", str(tmp_path / "starts.npy"), "--out", str(tmp_path / "x.npy"))
        assert main(["sample", str(case.run), *words]) == 0
        assert np.load(tmp_path / "x.npy").shape == (7, 2)
        assert main(["sample", str(case.run), "-n", "8", *words]) == 2


def test_changed_data_change_nothing_and_are_not_measured_on(tmp_path, capsys):
    case = Case("no label", tmp_path)
    words = ["estimate", str(case.run), "log-likelihood", "--json", "--data"]
    np.save(tmp_path / "new.npy", [[19.0, 31_000.0], [22.0, 28_000.0]])
    capsys.readouterr()
    assert main([*words, str(tmp_path / "new.npy")]) == 0
    before = json.loads(capsys.readouterr().out)["value"]
    first = si.load_model(case.run).process.target.fingerprint
    table(tmp_path, more=5)
    assert main([*words, str(tmp_path / "new.npy")]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == before
    assert main(["sample", str(case.run), "-n", "20", "--seed", "3", "--out", str(tmp_path / "x.npy")]) == 0
    assert (tmp_path / "x.npy").read_bytes() == (case.run / "samples.npy").read_bytes()
    now = si.build("distribution", "array", path=str(case.data), columns=["height", "girth"]).fingerprint
    capsys.readouterr()
    assert main(["estimate", str(case.run), "energy-distance"]) == 3
    said = shown(capsys)
    assert "the data that the model was trained on have changed" in said
    for word in (first[:16], now[:16], "trees.csv", "--data FILE"):
        assert word in said


def test_units_are_those_of_the_training_whatever_became_of_the_file(tmp_path):
    case = Case("no label", tmp_path)
    frame = si.load_model(case.run).end.frame
    table(tmp_path, offset=1e4)
    assert torch.equal(si.load_model(case.run).end.frame.shift, frame.shift)
    assert frame.columns == ("height", "girth")


def test_a_report_speaks_of_columns(tmp_path):
    from si_core.runs.directory import RunDirectory
    from si_core.runs.view import run_view
    from si_report.pictures.names import axis_names, column_names

    case = Case("no label", tmp_path)
    model = si.load_model(case.run)
    samples = si.sample(model, 20)
    records = {"metrics": [], "estimates": [], "environment": {}, "facts": {}}
    view = run_view(RunDirectory(case.run), model.recipe, model, samples, condition=None, **records)
    assert axis_names(view) == ("height", "girth")
    assert column_names(view, 1) == ["height"]
    # Noise has no units: beside samples it is shown in theirs.
    assert view.source.mean(0)[1] > 1e4
