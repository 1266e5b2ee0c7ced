"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-torchdiffeq."""
    return [
        Component(
            "integrator",
            "torchdiffeq",
            "si_torchdiffeq.integrator:TorchDiffEq",
            "ODE, adaptive (dopri5, dopri8, ...) or with equal steps (rk4, adams, ...)",
        )
    ]
