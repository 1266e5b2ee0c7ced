"""Guidance with weights in recipes and commands: weights beside samples, estimates by them, and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.models.blocks import Blocks
from si_core.runs import partial_samples
from si_core.runs.sample_formats.base import side_file
from si_core.runs.signals import Interrupted

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_estimators", "si_networks", "si_operators"):
    pytest.importorskip(plugin)

from si_guidance.autoguidance import Autoguidance  # noqa: E402
from si_guidance.measurement import Measurement  # noqa: E402

RECIPE = """\
source: {use: gaussian, dim: 2}
target: {use: array, path: x.csv, label: kind, held_out: 0}
network: {use: mlp, width: 8, depth: 1}
train: {steps: 4, batch: 16, condition_dropout: 0.2}
sample:
  number: 24
  batch: 16
  integrator: {use: heun, steps: 3}
  condition: low
  guidance: {use: classifier-free, weight: 3, weights: true}
estimators: [{use: energy-distance, samples: 8}, {use: log-evidence, samples: 8, replicates: 2, condition: low}]
report: false
"""
LAWLESS = "samples do not follow the tilted law"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weighted")
    rows = numpy.random.default_rng(0).normal(size=(40, 2))
    lines = [f"{a},{b},{'low' if a < 0 else 'high'}" for a, b in rows]
    (folder / "x.csv").write_text("a,b,kind\n" + "\n".join(lines) + "\n")
    (folder / "r.yaml").write_text(RECIPE)
    numpy.save(folder / "y.npy", numpy.array([0.3]))
    assert main(["run", str(folder / "r.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_a_run_has_samples_with_weights(run):
    weights, samples = numpy.load(run / "weights.npy"), numpy.load(run / "samples.npy")
    assert samples.shape == (24, 2)
    assert weights.shape == (24,)
    assert weights.mean() == pytest.approx(1.0)
    assert weights.std() > 0
    estimates = {each["name"]: each for each in json.loads((run / "estimates.json").read_bytes())}
    assert estimates["energy-distance"]["details"]["effective_samples"] < 8
    assert "law" not in estimates["energy-distance"]["details"]
    assert estimates["log-evidence"]["standard_error"] > 0
    assert LAWLESS not in (run / "log.txt").read_text()


def sample(run: Path, guidance: object, name: str, *words: str) -> int:
    text = guidance if isinstance(guidance, str) else json.dumps(guidance)
    out = str(run.parent / name)
    return main(["sample", str(run), "-n", "24", "--condition", "low", "--guidance", text, "--out", out, *words])


def test_a_command_says_where_there_is_no_law(run, capsys):
    assert sample(run, {"use": "classifier-free", "weight": 3}, "plain.npy") == 0
    found = capsys.readouterr()
    assert (found.out + found.err).count(LAWLESS) == 1
    assert not side_file(run.parent / "plain.npy", "weights").exists()
    words = ["estimate", str(run), '{"use": "energy-distance", "samples": 8}', "--guidance", "classifier-free"]
    assert main(words) == 0
    assert f"guided without weights: {LAWLESS}" in capsys.readouterr().out
    assert sample(run, "none", "free.npy") == 0
    found = capsys.readouterr()
    assert LAWLESS not in found.out + found.err


@pytest.mark.parametrize(
    "guidance",
    [
        {"use": "reward", "reward": {"use": "quadratic-reward", "point": [0.5, -0.5]}, "weights": True},
        {"use": "reward", "reward": "linear-reward", "weights": True, "of": "state"},
        {"use": "measurement", "operator": {"use": "mask", "box": 1}, "observation": 0.3, "weights": True},
    ],
    ids=["reward", "linear", "measurement"],
)
def test_rewards_and_measurements_from_the_command_line(run, guidance, capsys):
    if guidance["use"] == "measurement":
        matrix = run.parent / "a.npy"
        numpy.save(matrix, numpy.array([[1.0, -1.0]]))
        operator = {"use": "matrix", "path": str(matrix)}
        guidance = {**guidance, "operator": operator, "observation": str(run.parent / "y.npy")}
    name = f"{guidance['use']}-{len(json.dumps(guidance))}"
    assert sample(run, guidance, f"{name}.npy") == 0
    found = capsys.readouterr()
    assert "effective sample size" in found.out + found.err
    assert numpy.load(side_file(run.parent / f"{name}.npy", "weights")).mean() == pytest.approx(1.0)


def test_a_recipe_gives_paths_from_its_folder(run):
    chosen = "{use: measurement, operator: {use: matrix, path: a.npy}, observation: y.npy, noise: 0.5}"
    numpy.save(run.parent / "a.npy", numpy.array([[1.0, -1.0]]))
    recipe = si.load_recipe(run.parent / "r.yaml", [f"sample.guidance={chosen}"])
    assert recipe.sample.guidance[0].qualified == "si-guidance/measurement"


def test_autoguidance_by_a_run(run):
    trained = si.load_model(run).with_guidance([])
    guidance = si.build("guidance", "autoguidance", run=run, weight=2.0)
    given = trained.conditions(5, trained.stream(0, "sample"), "low")
    alike = trained.with_guidance([guidance])
    # Away from itself is nowhere.
    ours, own = (each.sample(5, each.stream(1, "sample"), condition=given).final for each in (alike, trained))
    assert numpy.allclose(ours, own, atol=1e-5)
    with pytest.raises(si.DataError, match="folder of a run"):
        si.build("guidance", "autoguidance", run=run / "nothing")


def _of_parts(**parts: object) -> si.Model:
    laws = [si.build("distribution", "gaussian", dim=2) for _ in range(2)]
    chosen = {"interpolant": "linear", "latent": "none", "coupling": "independent", **parts}
    process = si.StochasticInterpolant(*(si.build(kind, name) for kind, name in chosen.items()), *laws)
    fields = si.FunctionFields(velocity=lambda t, x: -x, process=process)
    return si.Model(process, fields, si.build("integrator", "euler", steps=2))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"interpolant": "trigonometric"}, "alpha"),
        ({"latent": "quadratic"}, "gamma"),
        ({"coupling": "optimal-transport"}, "coupling"),
    ],
    ids=str,
)
def test_a_run_of_another_process_guides_nothing(parts, words):
    if "coupling" in parts:
        pytest.importorskip("si_schrodinger")
    own = _of_parts()
    assert own.with_guidance([Autoguidance.of(_of_parts())]).guidance
    with pytest.raises(si.UsageError, match=rf"another process(?s:.*){words}"):
        own.with_guidance([Autoguidance.of(_of_parts(**parts))])


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda a, b, kind: f"{9 * a + 2},{b},{kind}", "other units"),
        (lambda a, b, kind: f"{a},{b},{'few' if kind == 'low' else 'many'}", "other conditions"),
    ],
)
def test_a_run_whose_numbers_mean_something_else_guides_nothing(run, tmp_path, write, words):
    rows = [line.split(",") for line in (run.parent / "x.csv").read_text().splitlines()[1:]]
    lines = [write(float(a), float(b), kind) for a, b, kind in rows]
    (tmp_path / "x.csv").write_text("a,b,kind\n" + "\n".join(lines) + "\n")
    (tmp_path / "r.yaml").write_text(RECIPE.replace("  condition: low\n", ""))
    changes = ["sample.guidance=[]", "estimators=[]"]
    assert main(["run", str(tmp_path / "r.yaml"), *changes, "--out", str(tmp_path / "other")]) == 0
    with pytest.raises(si.UsageError, match=words):
        si.load_model(run).with_guidance([si.build("guidance", "autoguidance", run=tmp_path / "other")])


@pytest.mark.parametrize(
    ("observation", "words"),
    [([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], "another shape"), ([1.0], "another shape"), ([1j] * 6, "real numbers")],
)
def test_an_observation_is_not_made_to_fit(observation, words):
    source, target = (si.build("distribution", "gaussian", dim=6) for _ in range(2))
    parts = [si.build(*each) for each in (("interpolant", "linear"), ("latent", "none"), ("coupling", "independent"))]
    process = si.StochasticInterpolant(*parts, source, target)
    model = si.Model(process, si.exact_fields(process), si.build("integrator", "heun", steps=2))
    with pytest.raises(si.UsageError, match=words):
        guidance = Measurement(lambda x: x.reshape(-1, 2, 3), numpy.array(observation))
        model.with_guidance([guidance]).sample(3, torch.Generator().manual_seed(0))


def test_a_model_outlives_the_files_of_its_guidance(run, tmp_path, monkeypatch, capsys):
    """It can be loaded, and sampled with other guidance or none; what is missed is said where it is needed."""
    monkeypatch.chdir(tmp_path)
    for name in ("x.csv", "r.yaml"):
        (tmp_path / name).write_bytes((run.parent / name).read_bytes())
    numpy.save(tmp_path / "a.npy", numpy.array([[1.0, -1.0]]))
    numpy.save(tmp_path / "y.npy", numpy.array([0.3]))
    chosen = "{use: measurement, operator: {use: matrix, path: a.npy}, observation: y.npy, noise: 0.5, weights: true}"
    words = [f"sample.guidance={chosen}", "estimators=[]", "--out", str(tmp_path / "run")]
    assert main(["run", str(tmp_path / "r.yaml"), *words]) == 0
    for gone in ("y.npy", "a.npy"):
        (tmp_path / gone).unlink()
        capsys.readouterr()
        assert main(["sample", "run", "-n", "4", "--condition", "low", "--out", "o.npy"]) == 3
        assert f"{gone}" in capsys.readouterr().err
        assert main(["sample", "run", "-n", "4", "--condition", "low", "--guidance", "none", "--out", "o.npy"]) == 0
        assert si.load_model(tmp_path / "run").with_guidance([]).fields.has_law


def test_a_request_that_was_stopped_does_not_go_on_with_other_files_of_its_guidance(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(partial_samples, "_SECONDS", 0.0)
    numpy.save(tmp_path / "y.npy", numpy.array([0.3, 0.3]))
    text = json.dumps({"use": "measurement", "operator": "blur", "observation": str(tmp_path / "y.npy")})
    out = str(tmp_path / "o.npy")
    words = ["sample", str(run), "-n", "40", "--condition", "low", "--guidance", text, "--out", out]
    own, drawn = Blocks.block, []

    def block(self, number):
        drawn.append(number)
        if len(drawn) in (2, 4):
            raise Interrupted(143)
        return own(self, number)

    monkeypatch.setattr(Blocks, "block", block)
    assert main(words) == 143
    assert main(words) == 143
    assert drawn == [0, 1, 1, 2]
    numpy.save(tmp_path / "y.npy", numpy.array([0.7, 0.3]))
    assert main(words) == 0
    assert drawn[4:] == [0, 1, 2]


def test_a_method_that_nobody_chose_has_one_step():
    """Weights change after each step: the default of the ODE, which uses those before, would begin anew with each."""
    tilt = {"use": "reward", "reward": {"use": "quadratic-reward", "point": [0.5, 0.5], "width": 0.8}, "weights": True}
    recipe = {
        "source": {"use": "gaussian", "dim": 2},
        "target": "two-moons",
        "network": {"use": "mlp", "width": 8, "depth": 1},
        "train": {"steps": 1, "batch": 8},
        "report": False,
    }
    plain = si.train(si.load_recipe(recipe))
    assert plain.integrator.multistep
    assert not si.train(si.load_recipe({**recipe, "sample": {"guidance": [tilt]}})).integrator.multistep
