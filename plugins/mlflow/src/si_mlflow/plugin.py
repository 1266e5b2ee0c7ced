"""The plugin's entry: which components it offers."""

from __future__ import annotations

from si_core import Component, hookimpl

__all__ = ["si_components"]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [Component("callback", "mlflow", "si_mlflow.callback:MLflow", "shows the run in MLflow")]
