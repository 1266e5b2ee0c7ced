"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-adapters."""
    return [
        Component(
            "network",
            "diffusers-unet",
            "si_adapters.diffusers_unet:DiffusersUNet",
            "UNet2DModel of diffusers, for images",
        ),
        Component(
            "network",
            "diffusers-transformer",
            "si_adapters.diffusers_transformer:DiffusersTransformer",
            "DiTTransformer2DModel of diffusers, for square images",
        ),
        Component(
            "network",
            "torchcfm-unet",
            "si_adapters.torchcfm_unet:TorchcfmUNet",
            "UNetModel of torchcfm, for square images",
        ),
    ]
