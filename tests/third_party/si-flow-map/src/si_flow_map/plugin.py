"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-flow-map."""
    return [
        Component(
            "objective", "flow-map", "si_flow_map.objective:FlowMap", "the flow between any two times, from itself"
        )
    ]
