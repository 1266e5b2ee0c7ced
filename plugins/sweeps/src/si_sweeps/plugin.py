"""What this plugin offers."""

from si_core import Command, Component, Kind, hookimpl


@hookimpl
def si_kinds() -> list[Kind]:
    """The kind that owns the section ``sweep`` of recipes."""
    return [
        Kind(
            "sweep",
            "si_sweeps.grid:Sweep",
            "what a sweep goes through: for each dotted key a list of values",
            section="sweep",
            default="grid",
        )
    ]


@hookimpl
def si_components() -> list[Component]:
    """The components of si-sweeps."""
    return [Component("sweep", "grid", "si_sweeps.grid:Grid", "every combination of the values of dotted keys")]


@hookimpl
def si_commands() -> list[Command]:
    """The commands of si-sweeps."""
    return [Command("sweep", "si_sweeps:command", "run a recipe for each combination of values, with a table")]
