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


def test_library() -> None:
    (code,) = [block for block in blocks("python") if "si.exact_fields(process)" in block]
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    samples = names["samples"]
    assert samples.shape == (500, 2)
    # Eight Gaussians of scale 0.2 on a circle of radius 2: within five standard deviations of it.
    assert float((samples.norm(dim=1) - 2).abs().max()) < 1.0


def test_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder: an array in memory to samples in its units, with a module of one's own."""
    import torch

    monkeypatch.chdir(tmp_path)
    (code,) = [block for block in blocks("python") if "si.fit(" in block]
    assert sum(bool(line.strip()) for line in code.splitlines()) < 12
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    data, samples = names["X"], names["samples"]
    assert samples.shape == (1000, 2)
    assert samples.dtype == data.dtype
    # Medians of log-normal columns, within a few standard errors of what so small a network has learned.
    medians = samples.median(0).values / data.median(0).values
    assert float((medians - 1).abs().max()) < 0.3, medians
    assert torch.equal(names["model"].sample(1000), samples)
    assert not list(tmp_path.iterdir())


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
