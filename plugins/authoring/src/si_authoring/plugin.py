"""What this plugin offers."""

from si_core import Command, hookimpl


@hookimpl
def si_commands() -> list[Command]:
    """The commands of si-authoring."""
    home = "si_authoring.commands"
    return [
        Command("new", f"{home}:new", "start a plugin of your own"),
        Command("check", f"{home}:check", "check that components are what their interfaces say"),
        Command("registry", f"{home}:registry", "check the catalogue of plugins, or write this tree's entries"),
    ]
