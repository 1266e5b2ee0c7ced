"""What a newcomer does, run by ``trial`` within the environment of the wheels: ``probe.py first|all DISTRIBUTION...``.

It imports nothing but what is installed, and prints a line ``tried: ...`` for each thing that held.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import json
import sys
import sysconfig
from pathlib import Path
from typing import Any


def si(*words: str) -> str:
    """Run a command in this process, and return what it printed."""
    from si_core.cli.main import main

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = main(list(words))
    if code:
        sys.exit(f"si {' '.join(words)}: exit code {code}\n{printed.getvalue()}")
    return printed.getvalue()


def tried(what: str) -> None:
    """Tell what held."""
    print(f"tried: {what}", flush=True)


def imports(names: list[str]) -> None:
    """Every package comes from a wheel, and its entry modules can be imported from there."""
    site = Path(sysconfig.get_path("purelib")).resolve()
    for name in names:
        distribution = importlib.metadata.distribution(name)
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        if "archive_info" not in origin:
            sys.exit(f"{name} was not installed from a wheel: {origin or 'it came from an index'}")
        for module in [name.replace("-", "_"), *(point.module for point in distribution.entry_points)]:
            path = Path(str(importlib.import_module(module).__file__)).resolve()
            if not path.is_relative_to(site):
                sys.exit(f"{module} of {name} was imported from {path}, which is not in {site}")
    tried(f"{len(names)} packages are imported from {site.name} alone")


def recipes() -> None:
    """All built-in recipes are right with what is installed."""
    names = [each["name"] for each in json.loads(si("recipes", "--json"))]
    for name in names:
        si("validate", name)
    tried(f"si validate of {len(names)} built-in recipes")


def run() -> None:
    """A run with its report, and samples of it."""
    si("run", "checkerboard", "train.steps=20", "sample.number=200", "--out", "run", "--quiet")
    for name in ("report.html", "samples.npy", "estimates.json"):
        if not Path("run", name).stat().st_size:
            sys.exit(f"si run left an empty {name}")
    si("sample", "run", "-n", "10", "--out", "more.csv", "--quiet")
    tried("si run of a checkerboard, with its report, and si sample")


def plugins(names: list[str]) -> None:
    """All plugins are ready, and their components listed."""
    found = {each["distribution"]: each for each in json.loads(si("plugins", "--json"))}
    for name in names:
        if name != "si-core" and (found[name]["state"] != "ready" or found[name]["remark"]):
            sys.exit(f"{name} is not ready: {found[name]}")
    listed = si("list")
    components = [each["name"] for plugin in found.values() for each in plugin["components"]]
    if missing := [name for name in components if name not in listed]:
        sys.exit(f"si list lacks {', '.join(missing)}")
    si("doctor")
    tried(f"si doctor, si plugins and si list: {len(found)} plugins are ready, with {len(components)} components")


def own_data() -> None:
    """A table of one's own, by a recipe and from Python."""
    import numpy as np

    import si_core

    generator = np.random.default_rng(0)
    table: Any = generator.normal(size=(200, 2)) * [3.0, 0.5] + [10.0, -2.0]
    np.savetxt("mine.csv", table, delimiter=",", header="length,width", comments="")
    si("init", "mine.csv", "--effort", "short", "--out", "mine.yaml")
    si("validate", "mine.yaml", "--build")
    model = si_core.fit(table, steps=20)
    samples = np.asarray(model.sample(50))
    if samples.shape != (50, 2) or not np.isfinite(samples).all():
        sys.exit(f"si.fit gave samples of shape {samples.shape}")
    tried("si init of a table and its recipe built, si.fit and samples in Python")


def check() -> None:
    """The check of a component."""
    si("check", "brownian")
    tried("si check of a component")


def main(step: str, names: list[str]) -> None:
    """Try what belongs to a step: ``first`` or ``all``."""
    imports(names)
    recipes()
    if step == "first":
        run()
        own_data()
    else:
        plugins(names)
        check()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
