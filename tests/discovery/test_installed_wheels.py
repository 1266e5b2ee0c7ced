"""Plugins as wheels, built and installed into an environment of their own beside everything that works.

One environment holds every kind of trouble at once: each plugin is in its own state, and a recipe that needs none of
them runs as if they were not there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from si_core.discovery.compatibility import core_version

pytest.importorskip("hatchling")
pytest.importorskip("si_recipes")

ROOT = Path(__file__).parents[2]
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "si-{name}"
version = "1.0"
dependencies = ["si-core{core}"]

[project.entry-points."si_core.plugins"]
{name} = "si_{module}.plugin"

[tool.hatch.build.targets.wheel]
packages = ["si_{module}"]
"""
HEAD = "from si_core import Component, hookimpl\n"
OFFER = HEAD + "@hookimpl\ndef si_components():\n    return [Component('latent', {offer!r}, 'si_{module}.plugin:X')]\n"

TROUBLE: dict[str, tuple[str, str]] = {
    "import-error": ("import a_module_that_is_nowhere\n", ">=0.2,<0.3"),
    "exits": ("import sys\nsys.exit(0)\n", ">=0.2,<0.3"),
    "hangs": ("import time\ntime.sleep(600)\n", ">=0.2,<0.3"),
    "slow": ("import time\ntime.sleep(2.2)\n" + OFFER, ">=0.2,<0.3"),
    "first": (OFFER.replace("{offer!r}", "'taken'"), ">=0.2,<0.3"),
    "second": (OFFER.replace("{offer!r}", "'taken'"), ">=0.2,<0.3"),
    "old": ("raise SystemError('it must not be imported')\n", ">=7,<8"),
    "boundless": (OFFER, ""),
    "misspelt": (HEAD + "@hookimpl\ndef si_componets():\n    return []\n", ">=0.2,<0.3"),
    "returns": (HEAD + "@hookimpl\ndef si_components():\n    return 'linear'\n", ">=0.2,<0.3"),
    "seeds": ("import os, random\nrandom.seed(1)\nos.chdir('/')\n" + OFFER, ">=0.2,<0.3"),
    "signals": ("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + OFFER, ">=0.2,<0.3"),
}
EXPECTED = {
    "import-error": ("broken", "ModuleNotFoundError: No module named 'a_module_that_is_nowhere'"),
    "exits": ("broken", "called sys.exit(0)"),
    "hangs": ("broken", "did not finish within 3 s"),
    "slow": ("ready", ""),
    "first": ("clash", ""),
    "second": ("clash", ""),
    "old": ("incompatible", f"needs si-core <8,>=7, you have {core_version()}"),
    "boundless": ("ready", ""),
    "misspelt": ("broken", "unknown hook 'si_componets', did you mean 'si_components'?"),
    "returns": ("broken", "hook 'si_components' returned str"),
    "seeds": ("ready", ""),
    "signals": ("ready", ""),
}

Command = Callable[..., subprocess.CompletedProcess[str]]


def write_project(folder: Path, name: str, source: str, core: str) -> None:
    module = name.replace("-", "_")
    package = folder / name / f"si_{module}"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    text = source.replace("{offer!r}", repr(f"of-{name}")).replace("{module}", module)
    (package / "plugin.py").write_text(text, encoding="utf-8")
    project = PROJECT.format(name=name, module=module, core=core)
    (folder / name / "pyproject.toml").write_text(project, encoding="utf-8")


BUILD = """\
import os, sys
from hatchling.build import build_wheel
wheels, *folders = sys.argv[1:]
for folder in folders:
    os.chdir(folder)
    build_wheel(wheels)
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """``command("plugins", "--json")``: ``si`` in an environment with all of them installed."""
    folder = tmp_path_factory.mktemp("wheels")
    wheels, environment = folder / "wheels", folder / "environment"
    wheels.mkdir()
    for name, (source, core) in TROUBLE.items():
        write_project(folder, name, source, core)
    folders = [str(folder / name) for name in TROUBLE]
    subprocess.run([sys.executable, "-c", BUILD, str(wheels), *folders], check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, capture_output=True)
    python = environment / "bin" / "python"
    (site,) = environment.glob("lib/*/site-packages")
    # What works comes from the environment of the tests, editable installations included.
    base = sysconfig.get_paths()["purelib"]
    (site / "base.pth").write_text(f"import site; site.addsitedir({base!r})\n", encoding="utf-8")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", "--no-deps", "-q"]
    subprocess.run([*install, *map(str, sorted(wheels.glob("*.whl")))], check=True, capture_output=True)

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        variables = {key: value for key, value in os.environ.items() if not key.startswith(("SI_", "PYTHON"))}
        return subprocess.run(
            [python, "-m", "si_core", *words],
            cwd=folder,
            env={**variables, "SI_PLUGIN_SECONDS": "3", "OMP_NUM_THREADS": "1", **more},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture(scope="module")
def states(command: Command) -> dict[str, dict[str, Any]]:
    outcome = command("plugins", "--json")
    assert outcome.returncode == 0, outcome.stderr
    assert (
        "si-seeds 1.0 was being imported, it changed the current directory, the global generator of random"
        in outcome.stderr
    )
    assert "si-signals 1.0 was being imported, it changed SIGTERM; that is put back" in outcome.stderr
    return {plugin["distribution"]: plugin for plugin in json.loads(outcome.stdout)}


@pytest.mark.fault(63, 65, 66)
@pytest.mark.parametrize("name", TROUBLE)
def test_each_is_in_its_state(states: dict[str, dict[str, Any]], name: str) -> None:
    plugin = states[f"si-{name}"]
    state, cause = EXPECTED[name]
    assert plugin["state"] == state
    assert cause in plugin["cause"]
    assert bool(plugin["fix"]) == (state in ("broken", "incompatible"))
    assert plugin["version"] == "1.0"


def test_the_others_are_ready(states: dict[str, dict[str, Any]]) -> None:
    own = {name: plugin for name, plugin in states.items() if name.removeprefix("si-") not in TROUBLE}
    assert {"si-recipes", "si-interpolants"} <= set(own)
    assert {plugin["state"] for plugin in own.values()} == {"ready"}


@pytest.mark.fault(64, 68)
def test_for_people_there_is_the_cause_and_the_time(command: Command) -> None:
    # One that hangs is waited for, which was seen above.
    said = command("plugins", SI_PLUGINS="-hangs").stdout
    assert "slow: its import took 2." in said
    assert "boundless (si-boundless 1.0): declares no si-core range" in said
    assert "exits (si-exits 1.0): called sys.exit(0)" in said
    assert "latent 'taken' is also offered by si-second" in said
    assert "write 'si-first/taken' to choose this one" in said


@pytest.mark.fault(68)
def test_without_plugins_nothing_is_imported(command: Command) -> None:
    outcome = command("plugins", "--no-plugins", "--json")
    assert {plugin["state"] for plugin in json.loads(outcome.stdout)} == {"disabled"}


@pytest.mark.slow
@pytest.mark.fault(63, 67)
def test_a_recipe_that_needs_none_of_them_runs(command: Command, tmp_path: Path) -> None:
    words = ("train.steps=5", "sample.number=50", "report=false", "estimators=[]", "--out", str(tmp_path / "run"))
    outcome = command("run", "checkerboard", *words)
    assert outcome.returncode == 0, outcome.stderr
    recorded = json.loads((tmp_path / "run" / "environment.json").read_text())["distributions"]
    assert recorded["si-interpolants"]
    assert not {f"si-{name}" for name in TROUBLE} & set(recorded)


@pytest.mark.fault(64)
def test_a_recipe_that_needs_one_says_what_is_wrong_with_it(command: Command, tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        textwrap.dedent(
            """\
            source: {use: gaussian, dim: 2}
            target: two-moons
            interpolant: linear
            latent: taken
            objectives: [velocity, denoiser]
            network: mlp
            """
        )
    )
    # Those that take their time are left out: they have nothing to do with it.
    outcome = command("validate", str(recipe), SI_PLUGINS="-hangs,-slow")
    assert outcome.returncode == 5
    assert "latent 'taken' is offered by si-first and si-second" in outcome.stderr
    assert "choose one: si-first/taken or si-second/taken" in outcome.stderr
