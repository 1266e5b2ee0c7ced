"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-networks."""
    return [Component("network", "mlp", "si_networks.mlp:Mlp", "multilayer perceptron with Fourier features of time")]
