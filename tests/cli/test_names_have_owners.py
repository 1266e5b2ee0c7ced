"""Plugins that offer names in use, and other versions of a plugin: what they can't break, and what they can't change.

``si-rival`` offers a component for every kind and name that is installed, and none of them can be imported: whatever
meant one of its components by accident, or did not know whose is meant, fails.
"""

from __future__ import annotations

import json
import shutil
import textwrap

import numpy as np
import pytest

from si_core.discovery.plugins import installed_plugins

PARTS = """
import si_core as si

class Rough(si.Latent):
    def gamma(self, t):
        return {size} * t * (1 - t)
"""

PLUGIN = """
from pathlib import Path
from si_core import Component, hookimpl

@hookimpl
def si_components():
    return [{components}]

@hookimpl
def si_recipes():
    return Path(__file__).parent / "{recipes}"
"""

ATELIER = "title: Rough\nsource: {use: gaussian, dim: 2}\ntarget: checkerboard\nlatent: rough\ntrain: {steps: 3}\n"

# Of an ODE: a constant noise level would be unbounded where the latent vanishes, which is not the subject here.
ROUGH = ("latent=rough", "sample.epsilon=0.0", "sample.integrator=null")
SHORT = ("train.steps=3", "sample.number=16", "estimators=[]", "report=false")


def install(site, name, components, parts="", version="1.0", recipe="", requires=()):
    """Write a distribution into a folder; an older version of it goes."""
    module = name.replace("-", "_")
    for old in site.glob(f"{module}-*.dist-info"):
        shutil.rmtree(old)
    info = site / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in ("si-core", *requires)]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[si_core.plugins]\n{name} = {module}_plugin\n", encoding="utf-8")
    listed = ", ".join(f"Component({kind!r}, {word!r}, {target!r}, 'a test')" for kind, word, target in components)
    recipes = site / f"{module}_recipes"
    recipes.mkdir(exist_ok=True)
    if recipe:
        (recipes / "atelier.yaml").write_text(recipe, encoding="utf-8")
    source = PLUGIN.format(components=listed, recipes=recipes.name)
    (site / f"{module}_plugin.py").write_text(textwrap.dedent(source), encoding="utf-8")
    (site / f"{module}_parts.py").write_text(parts, encoding="utf-8")


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def rival(site):
    """Install ``si-rival`` when called."""
    names = {(each.kind, each.name) for plugin in installed_plugins() if plugin.ready for each in plugin.components}

    def add():
        offers = [(kind, name, "si_rival_nowhere:Nothing") for kind, name in sorted({*names, ("latent", "rough")})]
        install(site, "si-rival", offers)

    return add


@pytest.fixture
def atelier(site):
    """Install ``si-atelier`` with a latent ``rough`` of a size, in a version, and a recipe of its own."""

    def add(size="1.0", version="1.0"):
        parts = PARTS.format(size=size)
        requires = ("si-distributions",)
        install(site, "si-atelier", [("latent", "rough", "si_atelier_parts:Rough")], parts, version, ATELIER, requires)

    return add


@pytest.mark.fault(64)
def test_bundled_recipes_run_beside_a_plugin_that_offers_all_their_names(si, rival, site, tmp_path):
    rival()
    done = si("run", "checkerboard", *SHORT, "--out", "run", site=site)
    assert done.code == 0, done.err
    resolved = (tmp_path / "run" / "resolved.yaml").read_text(encoding="utf-8")
    assert "latent: {use: si-interpolants/brownian, scale: 1.0}" in resolved
    assert "si-rival" not in resolved
    owners = json.loads((tmp_path / "run" / "environment.json").read_text(encoding="utf-8"))["components"]
    assert owners["latent si-interpolants/brownian"]["distribution"] == "si-interpolants"


@pytest.mark.slow
def test_estimates_and_reports_of_a_bundled_recipe_are_those_it_means(si, rival, site):
    rival()
    words = ("train.steps=2", "sample.number=64", "estimators.0.samples=16")
    done = si("run", "checkerboard", words[0], words[1], "report=false", "--out", "run", site=site)
    assert done.code == 0, done.err


def test_a_finished_run_samples_the_same_after_the_installation(si, atelier, rival, site, tmp_path):
    atelier()
    words = (*SHORT, *ROUGH)
    assert si("run", "r.yaml", *words, "--out", "run", site=site).code == 0
    rival()
    done = si("sample", "run", "-n", 16, "--seed", 3, "--out", "again.npy", site=site)
    assert done.code == 0, done.err
    assert np.array_equal(np.load(tmp_path / "again.npy"), np.load(tmp_path / "run" / "samples.npy"))
    resumed = si("run", "run/resolved.yaml", "--resume", "--out", "run", site=site)
    assert resumed.code == 0, resumed.err
    assert "nothing to resume" in resumed.out


def test_a_plugins_own_recipe_means_its_own_component(si, atelier, rival, site, tmp_path):
    atelier()
    rival()
    done = si("run", "atelier", *SHORT, "--out", "run", site=site)
    assert done.code == 0, done.err
    assert "latent: {use: si-atelier/rough}" in (tmp_path / "run" / "resolved.yaml").read_text(encoding="utf-8")


def test_what_a_user_writes_over_a_bundled_recipe_has_no_hidden_preference(si, rival, site, tmp_path):
    rival()
    (tmp_path / "mine.yaml").write_text("extends: checkerboard\nlatent: {scale: 2.0}\n", encoding="utf-8")
    assert si("validate", "mine.yaml", site=site).code == 0
    (tmp_path / "mine.yaml").write_text("extends: checkerboard\nlatent: brownian\n", encoding="utf-8")
    done = si("validate", "mine.yaml", site=site)
    assert done.code == 5
    assert "latent 'brownian' is offered by si-interpolants and si-rival" in done.err + done.out
    assert "si-interpolants/brownian or si-rival/brownian" in done.err + done.out
    (tmp_path / "mine.yaml").write_text("extends: checkerboard\nlatent: si-interpolants/brownian\n", encoding="utf-8")
    assert si("validate", "mine.yaml", site=site).code == 0


def test_defaults_are_ours(si, rival, site, tmp_path):
    rival()
    text = "source: {use: si-distributions/gaussian, dim: 2}\ntarget: si-distributions/checkerboard\n"
    (tmp_path / "bare.yaml").write_text(text, encoding="utf-8")
    done = si("run", "bare.yaml", "train.steps=2", "sample.number=8", "report=false", "--out", "run", site=site)
    assert done.code == 0, done.err


@pytest.mark.fault(50)
def test_another_gamma_is_refused_when_a_run_is_sampled_and_resumed(si, atelier, site, tmp_path):
    atelier()
    words = (*SHORT, *ROUGH)
    assert si("run", "r.yaml", *words, "train.checkpoint_every=2", "--out", "run", site=site).code == 0
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    atelier(size="3.0", version="2.0")
    (tmp_path / "run" / "samples.npy").unlink()  # what is left to do
    for done in (
        si("sample", "run", "-n", 8, "--out", "x.npy", site=site),
        si("run", "run/resolved.yaml", "--resume", "--out", "run", site=site),
    ):
        assert done.code == 5, done.err
        assert "gamma" in done.err
        assert "when it was trained" in done.err
        assert "si-atelier 1.0, now 2.0" in done.err
        assert "pip install si-atelier==1.0" in done.err
    assert not (tmp_path / "x.npy").exists()
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before
    # By force a run goes on, as with any other change of its recipe.
    forced = si("run", "run/resolved.yaml", "--resume", "--force", "--out", "run", site=site)
    assert forced.code == 0, forced.err
    assert "going on by force" in forced.err


@pytest.mark.fault(50)
def test_a_version_that_changes_nothing_is_told_and_serves(si, atelier, site, tmp_path):
    atelier()
    assert si("run", "r.yaml", *SHORT, *ROUGH, "--out", "run", site=site).code == 0
    atelier(version="1.1")
    done = si("sample", "run", "-n", 16, "--seed", 3, "--out", "again.npy", site=site)
    assert done.code == 0, done.err
    assert "trained with another version of si-atelier 1.0, now 1.1" in done.err
    assert np.array_equal(np.load(tmp_path / "again.npy"), np.load(tmp_path / "run" / "samples.npy"))


@pytest.mark.fault(69)
def test_a_version_without_the_component_is_named(si, atelier, site):
    atelier()
    assert si("run", "r.yaml", *SHORT, *ROUGH, "--out", "run", site=site).code == 0
    install(site, "si-atelier", [("latent", "smooth", "si_atelier_parts:Rough")], PARTS.format(size="1.0"), "2.0")
    done = si("sample", "run", "-n", 16, site=site)
    assert done.code == 2
    assert "latent 'rough' of si-atelier 1.0" in done.err
    assert "pip install si-atelier==1.0" in done.err
