"""`torch-export`: the program is the model's probability flow, and runs where there is no si-core."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main

for plugin in ("si_distributions", "si_interpolants", "si_integrators", "si_networks", "si_objectives"):
    pytest.importorskip(plugin)

RECIPE = """\
source: {source}
target: {{use: array, path: t.csv{more}}}
latent: {{use: brownian, scale: 1.0}}
objectives: [velocity, denoiser]
network: {{use: mlp, width: 8, depth: 1, shared: {shared}}}
train: {{steps: 3, batch: 8}}
sample: {{number: 4, integrator: {{use: stochastic-heun, steps: 2}}, epsilon: 0.5}}
report: false
"""
CASES = {
    "given a class and a value": {"source": "gaussian", "more": ", label: kind, conditions: [dose]", "shared": "true"},
    "from points of a table": {"source": "{use: array, path: s.csv}", "more": ", columns: [a, b]", "shared": "false"},
}
STEPS = 3


@pytest.fixture(scope="module", params=CASES)
def exported(request, tmp_path_factory):
    """A run and the folder of its program."""
    folder = tmp_path_factory.mktemp("program")
    rows = np.random.default_rng(0).normal([5.0, -300.0], [2.0, 40.0], size=(30, 2))
    lines = [f"{a:.4f},{b:.4f},{('x', 'y')[i % 2]},{i % 5}" for i, (a, b) in enumerate(rows)]
    (folder / "t.csv").write_text("\n".join(["a,b,kind,dose", *lines]) + "\n", encoding="utf-8")
    (folder / "s.csv").write_text("\n".join(["a,b", *(f"{-a},{b}" for a, b in rows)]) + "\n", encoding="utf-8")
    (folder / "r.yaml").write_text(RECIPE.format(**CASES[request.param]), encoding="utf-8")
    assert main(["run", str(folder / "r.yaml"), "--out", str(folder / "run")]) == 0
    form = json.dumps({"use": "torch-export", "steps": STEPS})
    assert main(["export", str(folder / "run"), str(folder / "program"), "--exporter", form]) == 0
    return folder / "run", folder / "program"


def test_a_program_is_told_from_a_model(exported):
    with pytest.raises(si.StorageError, match=r"program of PyTorch[\s\S]*step.pt2[\s\S]*script in .*README.md"):
        si.load_model(exported[1])


def test_the_program_is_the_probability_flow_for_any_number_of_states(exported):
    model, step = si.load_model(exported[0]), torch.export.load(exported[1] / "step.pt2").module()
    method = si.build("integrator", "heun", steps=STEPS)
    for count in (1, 2, 7):
        x = torch.randn(count, 2, generator=torch.Generator().manual_seed(count))
        given = {"kind": torch.arange(count) % 2, "dose": torch.arange(count) / 2.0}
        condition = given if model.process.conditions else None
        wanted = si.integrate(model.transport(epsilon=0.0, condition=condition), x, method).final
        for k in range(STEPS):
            x = step(x, torch.tensor(k), condition)
        # Sums of a few roundings each step, of states of order one.
        assert torch.allclose(x, wanted, rtol=0, atol=1e-5)


def test_the_script_of_the_card_runs_without_si_core(exported):
    run, folder = exported
    card = (folder / "README.md").read_text(encoding="utf-8")
    script = card.partition("```python\n")[2].partition("```")[0]
    assert len(script.splitlines()) <= 16
    model, count = si.load_model(run), 12
    if not model.process.source.standard_normal:
        np.save(folder / "points.npy", np.array([[-5.0, -300.0]]) + np.arange(count)[:, None] * [0.1, 3.0])
    program = script.replace("n = 1000", f"n = {count}")
    if model.process.conditions:
        block = "import sys\nfor name in ('si_core', 'si_exporters', 'si_networks'): sys.modules[name] = None\n"
        subprocess.run([sys.executable, "-c", block + program], cwd=folder, check=True, timeout=120)
    else:
        with contextlib.chdir(folder):
            exec(program, {})
    samples = np.load(folder / "samples.npy")
    assert samples.shape == (count, 2)
    # In the units of the data: the second column has a mean of -300.
    assert -500 < samples[:, 1].mean() < -100


def test_what_is_written_says_no_path_and_how_far_it_is_from_the_model(exported):
    run, folder = exported
    about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert 0 <= about["largest_deviation"] < 1e-5
    assert (about["times"][0], about["times"][-1]) == (0.0, 1.0)
    assert about["target"]["columns"] == ["a", "b"]
    for path in folder.iterdir():
        content = path.read_bytes()
        for private in (str(run.parent), sys.prefix, si.__file__.rpartition("/")[0]):
            assert private.encode() not in content


class Untraceable(torch.nn.Module):
    """Networks that do one thing or another, by what their states are."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, t, x, condition=None, indices=None):
        outputs = self.inner(t, x, condition, indices)
        return outputs if float(x.sum()) > 0 else tuple(-output for output in outputs)


def test_what_is_no_program_is_refused(exported, tmp_path):
    model = si.load_model(exported[0])
    exporter = si.build("exporter", "torch-export", steps=STEPS)

    class Same(si.Guidance):
        def guided(self, fields):
            return fields

    with pytest.raises(si.UsageError, match="guided fields are no program"):
        exporter.export(model.with_guidance([Same()]), tmp_path, si.RunRecords())
    broken = model.fields.of(Untraceable(model.fields.predictor))
    with pytest.raises(si.UsageError, match="can't trace"):
        exporter.export(si.Model(model.process, broken, model.integrator), tmp_path, si.RunRecords())
    assert not list(tmp_path.iterdir())
    with pytest.raises(si.UsageError, match="steps"):
        si.build("exporter", "torch-export", steps=0)
