"""``si plugins``: every installed plugin with its state, and what to do about those that can't be used."""

from __future__ import annotations

import argparse

from packaging.utils import canonicalize_name

from si_core.cli.folding import print_text
from si_core.cli.tables import one_line, print_json, print_table
from si_core.discovery.available import orphans
from si_core.discovery.catalogue import catalogue
from si_core.discovery.kinds import KINDS
from si_core.discovery.plugin import Plugin
from si_core.discovery.plugins import FILTER_VARIABLE, allowed_names, installed_plugins

__all__ = ["add_arguments", "run"]

_SLOW = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "List the installed plugins with their states: ready, broken, incompatible, clash or disabled; "
        "and what to do about those that can't be used."
    )
    parser.add_argument(
        "--available", action="store_true", help="list the plugins of the catalogue that are not installed"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the plugins; a broken one is no error of this command."""
    plugins = installed_plugins()
    if arguments.available:
        return _print_available(_names(plugins), arguments.json)
    if arguments.json:
        print_json([_entry(plugin) for plugin in plugins])
        return 0
    if not plugins:
        print("No plugins are installed. 'pip install si-recipes' brings the built-in ones.")
    else:
        rows = [
            (
                plugin.name,
                plugin.distribution,
                plugin.version,
                plugin.status,
                len(plugin.components),
                f"{plugin.seconds:.2f} s",
            )
            for plugin in plugins
        ]
        print_table(rows, header=("plugin", "distribution", "version", "state", "components", "import"))
    for plugin in plugins:
        for note in _notes(plugin):
            print_text(f"\n{plugin.name} ({plugin.label}): {note}")
    for name in sorted((allowed_names() or frozenset()) - _names(plugins)):
        print(f"\n{FILTER_VARIABLE} names {name!r}, which is not installed")
    return 0


def _print_available(installed: set[str], as_json: bool) -> int:
    entries = [entry for entry in catalogue() if str(canonicalize_name(entry.name)) not in installed]
    if as_json:
        print_json([{**vars(entry), "components": dict(entry.components)} for entry in entries])
        return 0
    if not entries:
        print("Every plugin of the catalogue is installed.")
        return 0
    print("Known plugins that are not installed (listing is not endorsement):\n")
    rows = [(entry.name, entry.status, entry.requires, entry.summary) for entry in entries]
    print_table(rows, header=("plugin", "status", "si-core", "summary"))
    for entry in entries:
        parts = {**entry.components, "command": entry.commands, "section of recipes": entry.sections}
        offers = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in parts.items() if names)
        replaced = f" (replaced by {entry.replaced_by})" if entry.replaced_by else ""
        print(f"\n{entry.name}{replaced}: {one_line(entry.install)}\n  {one_line(offers or 'no components')}")
    return 0


def _notes(plugin: Plugin) -> list[str]:
    notes = []
    if plugin.cause:
        notes.append(f"{one_line(plugin.cause)}\n  fix: {one_line(plugin.fix)}")
    if plugin.remark:
        notes.append(one_line(plugin.remark))
    for clash in plugin.clashes:
        rivals = ", ".join(clash.others)
        if clash.kind in ("kind", "section"):
            notes.append(
                f"the {clash.kind} {clash.name!r} is also offered by {rivals}, so neither can be used\n"
                f"  fix: leave one out: {FILTER_VARIABLE}=-{plugin.distribution}, or uninstall one"
            )
            continue
        choice = f"{'si ' * (clash.kind == 'command')}{plugin.distribution}/{clash.name}"
        notes.append(
            f"{clash.kind} {clash.name!r} is also offered by {rivals}\n  fix: write {choice!r} to choose this one"
        )
    for kind in dict.fromkeys(component.kind for component in orphans(plugin)):
        names = ", ".join(component.name for component in orphans(plugin) if component.kind == kind)
        notes.append(
            f"{names}: can't be used, as no ready plugin offers the kind {kind!r}; known are {', '.join(KINDS)}\n"
            "  fix: install the plugin that offers it, or report a misspelt kind to the authors"
        )
    if plugin.seconds > _SLOW:
        notes.append(f"slow: its import took {plugin.seconds:.1f} s; plugins should import nothing heavy")
    if plugin.printed:
        notes.append(f"printed while it was imported: {one_line(plugin.printed)}")
    return notes


def _names(plugins: tuple[Plugin, ...]) -> set[str]:
    return {name for plugin in plugins for name in (plugin.distribution, str(canonicalize_name(plugin.name)))}


def _entry(plugin: Plugin) -> dict[str, object]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": plugin.status,
        "cause": plugin.cause,
        "fix": plugin.fix,
        "remark": plugin.remark,
        "components": [{"kind": component.kind, "name": component.name} for component in plugin.components],
        "kinds": [kind.name for kind in plugin.kinds],
        "unusable": [{"kind": component.kind, "name": component.name} for component in orphans(plugin)],
        "commands": [command.name for command in plugin.commands],
        "sections": [kind.section for kind in plugin.kinds if kind.section is not None],
        "clashes": [{"kind": clash.kind, "name": clash.name, "others": list(clash.others)} for clash in plugin.clashes],
        "recipes": str(plugin.recipes) if plugin.recipes else None,
        "seconds": round(plugin.seconds, 4),
        "printed": plugin.printed,
    }
