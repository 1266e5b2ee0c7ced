"""Stochastic interpolants: the core.

``import si_core as si`` gives every public name; each is imported from its home when it is first used, so that
listing what is installed never pays for torch.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES: dict[str, tuple[str, ...]] = {
    "si_core.contract.clock": ("Clock", "SineClock", "UniformClock"),
    "si_core.contract.coupling": ("Coupling",),
    "si_core.contract.data": ("Draw", "Estimate", "Trajectory"),
    "si_core.contract.diffusion": ("Diffusion",),
    "si_core.contract.distribution": ("Distribution",),
    "si_core.contract.estimator": ("Estimator",),
    "si_core.contract.integrator": ("Integrator", "Problem"),
    "si_core.contract.interpolant": ("Interpolant", "LinearCoefficients", "SpatiallyLinear"),
    "si_core.contract.latent": ("Latent", "LatentCoefficients"),
    "si_core.contract.objective": ("FIELDS", "Objective", "Regression"),
    "si_core.contract.report": ("Report", "RunView"),
    "si_core.discovery.build": ("build",),
    "si_core.discovery.component": ("Component",),
    "si_core.discovery.hooks": ("hookimpl",),
    "si_core.errors": (
        "DataError",
        "NumericsError",
        "PluginError",
        "RecipeError",
        "SIError",
        "StorageError",
        "UsageError",
    ),
    "si_core.fields.exact": ("exact_fields",),
    "si_core.fields.functions": ("FunctionFields",),
    "si_core.fields.learned": ("LearnedFields", "Predictor"),
    "si_core.fields.base": ("DirectFields", "Fields"),
    "si_core.fields.parametrisation": ("Parametrisation",),
    "si_core.process.process": ("StochasticInterpolant",),
    "si_core.process.schedule": ("Schedule",),
    "si_core.recipes.loader": ("load_recipe",),
    "si_core.runs.model": ("Model", "load_model"),
    "si_core.runs.estimation": ("estimate",),
    "si_core.runs.sampling": ("sample",),
    "si_core.runs.training": ("train",),
    "si_core.transport.integrate": ("integrate",),
    "si_core.transport.transport": ("Transport",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'si_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
