"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-wells."""
    return [
        Component("distribution", "two-wells", "si_wells.energy:TwoWells", "exp(-depth (x^2 - 1)^2) a coordinate"),
        Component("coupling", "proposals", "si_wells.proposals:Proposals", "weighted draws of a Gaussian"),
    ]
