"""The plugin's entry: which components it offers."""

from __future__ import annotations

from si_core import Component, hookimpl

__all__ = ["si_components"]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [
        Component(
            "guidance",
            "classifier-free",
            "si_guidance.classifier_free:ClassifierFree",
            "f(x, none) + weight (f(x, c) - f(x, none)), of one model (arXiv:2207.12598)",
        ),
    ]
