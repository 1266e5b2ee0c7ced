"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-networks."""
    return [
        Component("network", "mlp", "si_networks.mlp:Mlp", "multilayer perceptron with Fourier features of time"),
        Component(
            "network", "resmlp", "si_networks.resmlp:ResMlp", "residual perceptron, modulated by time, for tables"
        ),
        Component("network", "unet", "si_networks.unet:UNet", "U-Net with attention, for images of any size"),
        Component("network", "exact", "si_networks.exact:Exact", "exact fields plus errors of known size, for studies"),
        Component("network", "transformer", "si_networks.transformer:Transformer", "diffusion transformer, for images"),
    ]
