"""A model of a recipe, for what writes models down: a model without a recipe can't be loaded by anybody."""

from __future__ import annotations

import tempfile
from pathlib import Path

from si_core import Model, load_recipe, train
from si_core.public.discovery import available

__all__ = ["recipe_model"]

_RECIPE = """\
source: {{use: si-distributions/gaussian, shape: {event}}}
target: {{use: si-distributions/gaussian, shape: {event}, mean: 0.5, covariance: 0.64}}
interpolant: si-interpolants/linear
latent: si-interpolants/none
objectives: [si-objectives/velocity]
network: {{use: si-networks/mlp, width: 4, depth: 1}}
train: {{steps: 1, batch: 4}}
sample: {{integrator: {{use: si-integrators/heun, steps: 4}}, epsilon: 0}}
report: false
"""
_PARTS = ("si-distributions", "si-interpolants", "si-objectives", "si-networks", "si-integrators")


def recipe_model(event: tuple[int, ...]) -> Model | None:
    """A model between two normal laws after a step of training, the same each time; None where parts are not installed.

    Args:
        event: the event shape.
    """
    kinds = ("distribution", "interpolant", "objective", "network", "integrator")
    there = {found.plugin.distribution for kind in kinds for found in available(kind)}
    if not there.issuperset(_PARTS):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.yaml"
        path.write_text(_RECIPE.format(event=list(event)), encoding="utf-8")
        return train(load_recipe(path))
