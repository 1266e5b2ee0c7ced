"""The plugin offers what it says, by the public door."""

import subprocess
import sys

import pytest

import si_core as si
from si_estimators.plugin import si_components

COMPONENTS = si_components()


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_every_component_is_built_by_name(component):
    built = si.build(component.kind, component.name)
    assert f"{type(built).__module__}:{type(built).__name__}" == component.target
    assert built.needs <= {"fields", "samples", "densities", "exact"}
    assert built.needs


def test_options_of_a_recipe():
    assert si.build("estimator", "sliced-wasserstein", order=1, projections=8).order == 1
    assert si.build("estimator", "log-likelihood", method="euler", steps=3).integrator.steps == 3
    assert si.build("estimator", "excess-loss", fields=["score"]).fields == ["score"]
    for name, options in (
        ("log-likelihood", {"steps": 0}),
        ("log-likelihood", {"unit": "bans"}),
        ("sliced-wasserstein", {"order": 0.5}),
        ("mmd", {"bandwidth": 0.0}),
        ("energy-distance", {"samples": 3}),
        ("excess-loss", {"n": 1.5}),
    ):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            si.build("estimator", name, **options)


def test_the_entry_module_is_light():
    code = "import sys, si_estimators.plugin; sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
