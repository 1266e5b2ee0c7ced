"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-snapshots."""
    return [
        Component("coupling", "snapshots", "si_snapshots.coupling:Snapshots", "through a Gaussian between the ends")
    ]
