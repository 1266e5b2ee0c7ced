"""What this plugin offers. It is imported to list it, so nothing heavy is imported here."""

from pathlib import Path

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-detour."""
    return [
        Component("interpolant", "detour", "si_detour.path:Detour", "bows round the origin, to the left of its chord"),
        Component("latent", "root-sine", "si_detour.noise:RootSine", "gamma = scale sqrt(sin(pi t))"),
        Component("integrator", "kutta", "si_detour.kutta:Kutta", "ODE, order 3; SDE, weak order 2, noise split"),
    ]


@hookimpl
def si_recipes() -> Path:
    """The folder of recipes."""
    return Path(__file__).parent / "recipes"
