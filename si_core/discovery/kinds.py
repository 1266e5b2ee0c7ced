"""The kinds of component, in the order in which a recipe uses them.

A kind names the interface its components implement and its *context*: constructor parameters that the builder
supplies (the event shape, the latent of the process), and which therefore are no options of a recipe.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    Args:
        name: the word used in recipes, errors and ``si list``.
        interface: ``"module:Class"`` of the abstract class to implement.
        summary: what a component of this kind is, in one line.
        context: names of constructor parameters that the builder supplies.
    """

    name: str
    interface: str
    summary: str
    context: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "distribution",
            "si_core.contract.distribution:Distribution",
            "a density or data set to start from or to reach",
        ),
        Kind("coupling", "si_core.contract.coupling:Coupling", "how source and target draws are paired"),
        Kind(
            "interpolant",
            "si_core.contract.interpolant:Interpolant",
            "the path I(t, x0, x1) between a pair",
            ("latent", "shape"),
        ),
        Kind("latent", "si_core.contract.latent:Latent", "the size gamma(t) of the noise added on the way"),
        Kind("objective", "si_core.contract.objective:Objective", "the loss whose minimiser is a field"),
        Kind(
            "network",
            "torch.nn:Module",
            "a network forward(t, x, condition)",
            ("shape", "heads", "conditions", "process", "fields", "parametrisation"),
        ),
        Kind(
            "diffusion",
            "si_core.contract.diffusion:Diffusion",
            "the noise level epsilon(t) of sampling",
            ("interpolant", "latent"),
        ),
        Kind(
            "clock",
            "si_core.contract.clock:Clock",
            "the time in which sampling takes its steps",
            ("interpolant", "latent", "own"),
        ),
        Kind("integrator", "si_core.contract.integrator:Integrator", "the method that solves an ODE or SDE"),
        Kind("estimator", "si_core.contract.estimator:Estimator", "a number measured on a model, with its error"),
        Kind("report", "si_core.contract.report:Report", "what a person looks at when a run has ended"),
    )
}
