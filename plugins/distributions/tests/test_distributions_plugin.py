"""The plugin as it is found: listed without torch, built by name with checked options."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import si_core as si
from si_distributions.plugin import si_components

NAMES = [(component.kind, component.name) for component in si_components()]
NEEDED = {
    "gaussian-mixture": {"means": [[0.0, 1.0], [2, 3]], "covariances": [[[1, 0], [0, 1]], 0.5]},
    "in-memory": {"values": np.arange(60.0).reshape(20, 3)},
    "point-mass": {"point": [1, 2]},
    "table": {"name": "iris"},
    "correlated": {"cross": [[0.1, 0], [0, 0.2]]},
}


def test_listing_imports_nothing_heavy():
    code = (
        "import sys, si_distributions.plugin as p; p.si_components(); p.si_extensions()\n"
        "heavy = {'torch', 'numpy', 'sklearn', 'pydantic', 'PIL', 'pyarrow'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


@pytest.mark.parametrize(
    ("kind", "name"), [key for key in NAMES if key[1] not in ("array", "images", "rectified", "shards")]
)
def test_every_component_is_built_by_name(kind, name):
    interface = {"distribution": si.Distribution, "coupling": si.Coupling}[kind]
    assert isinstance(si.build(kind, name, **NEEDED.get(name, {})), interface)


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_unknown_options_are_refused(kind, name):
    with pytest.raises(si.UsageError, match="wrong_option"):
        si.build(kind, name, **NEEDED.get(name, {}), wrong_option=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gaussian", {"dim": 0}),
        ("gaussian", {"dim": True}),
        ("gaussian", {"mean": "zero"}),
        ("checkerboard", {"cells": 1.5}),
        ("two-moons", {"noise": -0.1}),
        ("table", {"name": "mnist"}),
        ("digits", {"held_out": 1.0}),
        ("digits", {"dequantise": 1}),
        ("array", {}),
        ("point-mass", {"point": [float("nan")]}),
    ],
)
def test_wrong_options_of_recipes_are_refused(name, options):
    with pytest.raises(si.UsageError):
        si.build("distribution", name, **options)
