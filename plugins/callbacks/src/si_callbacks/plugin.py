"""The plugin's entry: which components it offers."""

from __future__ import annotations

from si_core import Component, hookimpl

__all__ = ["si_components"]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [
        Component(
            "callback",
            "early-stopping",
            "si_callbacks.early_stopping:EarlyStopping",
            "ends training when the validation loss no longer falls",
        ),
        Component(
            "callback", "sample-pictures", "si_callbacks.pictures:SamplePictures", "draws samples while a run trains"
        ),
    ]
