"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-networks."""
    return [
        Component("network", "mlp", "si_networks.mlp:Mlp", "multilayer perceptron with Fourier features of time"),
        Component("network", "exact", "si_networks.exact:Exact", "exact fields plus errors of known size, for studies"),
        Component("network", "transformer", "si_networks.transformer:Transformer", "diffusion transformer, for images"),
    ]
