"""The README's recipe, its Python and its plugin, carried out as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("si_recipes")

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_recipe(tmp_path: Path) -> None:
    from si_core.cli.main import main

    (recipe,) = blocks("yaml")
    path = tmp_path / "my.yaml"
    path.write_text(recipe, encoding="utf-8")
    out = tmp_path / "run"
    assert main(["run", str(path), "train.steps=30", "sample.number=300", "report=false", "--out", str(out)]) == 0
    assert (out / "samples.npy").exists()
    assert (out / "estimates.json").exists()


_SMALL = 'steps=5, network={"use": "mlp", "width": 8, "depth": 1}, sample={"batch": 64}'


@pytest.mark.parametrize("small", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["small", "whole"])
def test_arrays(small: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder: three lines from an array in memory to samples in its units, and densities."""
    import numpy as np

    monkeypatch.chdir(tmp_path)
    (code,) = [block for block in blocks("python") if "si.fit(" in block]
    lines = [line for line in code.splitlines() if line and "import" not in line and not line.startswith("X =")]
    assert len(lines) == 3
    names: dict[str, object] = {}
    exec(compile(code.replace("si.fit(X)", f"si.fit(X, {_SMALL})") if small else code, "README.md", "exec"), names)
    data, samples, density = names["X"], names["samples"], names["log_density"]
    assert samples.shape == (1000, 2)
    assert samples.dtype == data.dtype
    assert density.shape == (5,)
    assert np.array_equal(names["model"].sample(1000), samples)
    assert not list(tmp_path.iterdir())
    if not small:
        # Five standard errors of a median of 1000 log-normal numbers are .2 of it; as much again for the learning.
        assert float(np.abs(np.median(samples, 0) / np.median(data, 0) - 1).max()) < 0.4


def test_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a reader does it: each block into the file it names, `pip install .`, nothing added."""
    import si_core as si
    from si_core.discovery import plugins

    pytest.importorskip("hatchling")
    home, site, written = tmp_path / "cubic", tmp_path / "site", 0
    for block in (*blocks("python"), *blocks("toml")):
        if match := re.match(r"# ([\w/]+\.(?:py|toml))\n", block):
            path = home / match[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block, encoding="utf-8")
            written += block.count("\n") * (path.suffix == ".py")
    assert written <= 30
    # Without isolation and dependencies no index is asked: what builds it and si-core are here.
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(site), "."], cwd=home, check=True)
    monkeypatch.syspath_prepend(str(site))
    plugins.reset()
    try:
        (plugin,) = [each for each in plugins.installed_plugins() if each.distribution == "si-cubic"]
        assert (plugin.status, plugin.remark) == ("ready", "")
        process = si.StochasticInterpolant(
            si.build("interpolant", "cubic"),
            si.build("latent", "brownian"),
            si.build("coupling", "independent"),
            si.build("distribution", "gaussian", dim=2),
            si.build("distribution", "eight-gaussians"),
        )
        import torch

        generator = torch.Generator().manual_seed(0)
        transport = si.Transport(si.exact_fields(process))
        start = process.source.sample(200, generator)
        final = si.integrate(transport, start, si.build("integrator", "rk4", steps=60)).final
        assert float((final.norm(dim=1) - 2).abs().max()) < 1.0
    finally:
        plugins.reset()
        for name in [name for name in sys.modules if name.split(".")[0] == "si_cubic"]:
            del sys.modules[name]


def test_commands_of_the_help_are_those_of_the_readme() -> None:
    from si_core.discovery.commands import all_commands

    assert set(re.findall(r"^si (\w+)", README, re.MULTILINE)) <= set(all_commands())
    told = set(re.findall(r"\bsi (\w+)", README))
    assert {name for name, found in all_commands().items() if found.owner != "si-calm"} <= told
