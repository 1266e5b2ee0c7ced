"""What this plugin offers."""

from si_core import Command, hookimpl


@hookimpl
def si_commands() -> list[Command]:
    """The commands of si-sweeps."""
    return [Command("sweep", "si_sweeps:command", "run a recipe for each combination of values, with a table")]
