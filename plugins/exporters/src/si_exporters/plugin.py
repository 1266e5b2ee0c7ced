"""The plugin's entry: which components it offers."""

from __future__ import annotations

from si_core import Component, hookimpl

__all__ = ["si_components"]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [
        Component(
            "exporter",
            "folder",
            "si_exporters.folder:Folder",
            "weights, recipe, frame and a card in Markdown: loads anywhere by si.load_model",
        ),
        Component(
            "exporter",
            "torch-export",
            "si_exporters.torch_export:TorchExport",
            "the step of the probability-flow ODE as a torch.export program, which needs no si-core",
        ),
    ]
