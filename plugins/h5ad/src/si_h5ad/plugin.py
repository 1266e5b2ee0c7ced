"""The plugin's entry: which components it offers."""

from __future__ import annotations

from si_core import Component, hookimpl

__all__ = ["si_components"]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [Component("reader", "h5ad", "si_h5ad.reader:H5ad", "annotated matrices: X, layers, obsm, obs columns")]
