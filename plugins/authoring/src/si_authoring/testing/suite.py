"""Suites: what conformance of a kind consists of."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from si_authoring.testing.check import Check
from si_authoring.testing.setting import Output, Setting
from si_core import UsageError
from si_core.public.discovery import kind_named

__all__ = ["SUITES", "Suite", "suite"]

SUITES: dict[str, str] = {
    "distribution": "si_authoring.testing.distributions",
    "coupling": "si_authoring.testing.couplings",
    "interpolant": "si_authoring.testing.interpolants",
    "latent": "si_authoring.testing.latents",
    "objective": "si_authoring.testing.objectives",
    "network": "si_authoring.testing.networks",
    "diffusion": "si_authoring.testing.diffusions",
    "clock": "si_authoring.testing.clocks",
    "integrator": "si_authoring.testing.integrators",
    "estimator": "si_authoring.testing.estimators",
    "report": "si_authoring.testing.reports",
    "optimizer": "si_authoring.testing.optimizers",
    "learning-rate": "si_authoring.testing.learning_rates",
    "guidance": "si_authoring.testing.guidances",
    "exporter": "si_authoring.testing.exporters",
    "callback": "si_authoring.testing.callbacks",
}
"""The module of each kind's suite, which is its attribute ``SUITE``."""


@dataclass(frozen=True)
class Suite:
    """The conformance of a kind.

    Args:
        kind: the kind.
        exercise: makes the calls that the interface has on the inputs of a setting.
        own: the checks of this kind; those that hold for every kind are added to them.
        context: makes what the builder supplies when a component is built by name, such as an interpolant's latent.
        factory: whether the component under test is a function that makes it (a network, for a shape).
        events: the event shapes to exercise; a component may refuse some, by a UsageError, but not all.
        dtypes: the precisions of states to exercise.
        refusable: whether a component may refuse everything by a UsageError, such as an estimator of what the kit's
            models have not; then nothing is checked.
        placeable: whether an exercise is free of randomness, so that it can be made on torch's device ``meta``.
    """

    kind: str
    exercise: Callable[[Any, Setting], Sequence[Output]]
    own: tuple[Check, ...]
    context: Callable[[], Mapping[str, Any]] = dict
    factory: bool = False
    events: tuple[tuple[int, ...], ...] = ((2,), (), (3,), (3, 4), (1, 2, 3))
    dtypes: tuple[Any, ...] = field(default_factory=lambda: _dtypes())
    placeable: bool = False
    refusable: bool = False

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks, those of the kind first; these are made at other parameters than the first too."""
        from si_authoring.testing.common import common_checks
        from si_authoring.testing.learnable import also_perturbed

        return (*map(also_perturbed, self.own), *common_checks(self))


def _dtypes() -> tuple[Any, ...]:
    import torch

    return (torch.float64, torch.float32)


def suite(kind: str) -> Suite:
    """The suite of a kind: of the core's from here, of a plugin's the attribute ``SUITE`` of its conformance class.

    Raises:
        UsageError: there is no such kind, or it has no checks.
    """
    chosen = kind_named(kind)
    found: Suite
    if chosen.conformance is not None:
        module, _, name = chosen.conformance.partition(":")
        found = getattr(importlib.import_module(module), name).SUITE
        return found
    if chosen.name not in SUITES:
        raise UsageError(f"the kind {kind!r} has no checks", fix="Kind(..., conformance='module:Class') brings them")
    found = importlib.import_module(SUITES[chosen.name]).SUITE
    return found
