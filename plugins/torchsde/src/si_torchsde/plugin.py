"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-torchsde."""
    return [
        Component(
            "integrator",
            "torchsde",
            "si_torchsde.integrator:TorchSDE",
            "ODE and SDE: srk (strong order 1.5), heun, euler, with equal steps",
        )
    ]
