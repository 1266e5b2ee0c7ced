"""What this plugin offers."""

from pathlib import Path

from si_core import Command, hookimpl


@hookimpl
def si_recipes() -> Path:
    """The folder of recipes."""
    return Path(__file__).parent / "recipes"


@hookimpl
def si_commands() -> list[Command]:
    """The command that writes a first recipe."""
    return [Command("init", "si_recipes.starting:command", "look at your data and write a recipe for it")]
