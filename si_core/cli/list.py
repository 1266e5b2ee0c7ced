"""``si list [KIND]``: the components that recipes can use, by kind."""

from __future__ import annotations

import argparse

from si_core.cli.folding import print_text
from si_core.cli.tables import print_json, print_table
from si_core.discovery.available import Found, available
from si_core.discovery.catalogue import catalogue
from si_core.discovery.kinds import KINDS
from si_core.discovery.plugins import installed_plugins
from si_core.errors import UsageError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = "List the components that recipes can use, by kind, with the plugin that each one comes from."
    parser.add_argument("kind", nargs="?", metavar="KIND", help=f"one kind only: {', '.join(KINDS)}")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the components."""
    if arguments.kind and arguments.kind not in KINDS:
        from si_core.cli.hints import component_named

        if meant := component_named(arguments.kind):
            problem = f"{arguments.kind!r} is a component, and no kind of them"
            raise UsageError(problem, where="si list", fix=meant)
    kinds = [arguments.kind] if arguments.kind else list(KINDS)
    found = {kind: available(kind) for kind in kinds}
    items = [item for group in found.values() for item in group]
    if arguments.json:
        print_json([_entry(item) for item in items])
        return 0
    widths = (
        max((len(item.component.name) for item in items), default=0),
        max(map(len, map(_owner, items)), default=0),
    )
    for kind, group in found.items():
        if group:
            print_text(f"{kind}: {KINDS[kind].summary}")
            rows = [(item.component.name, _owner(item), item.component.summary) for item in group]
            print_table(rows, indent="  ", least=widths)
            print()
    _print_close(bool(items), arguments.kind)
    return 0


def _print_close(any_found: bool, kind: str | None) -> None:
    if any_found:
        print("'si show KIND NAME' prints the options of a component.")
    else:
        print(f"No installed plugin offers a{f' component of kind {kind!r}' if kind else 'ny component'}.")
        listed = [entry.install for entry in catalogue() if kind in entry.components]
        if kind is None:
            print("'pip install si-recipes' brings the built-in ones.")
        elif listed:
            print(f"{' or '.join(map(repr, listed))} brings some.")
        else:
            print("Nor does any that is listed.")
    unready = sum(not plugin.ready for plugin in installed_plugins())
    if unready:
        print(f"{unready} installed plugin{'s' if unready > 1 else ''} can't be used: see 'si plugins'.")


def _owner(item: Found) -> str:
    return f"{item.plugin.distribution} (clash)" if _clashing(item) else item.plugin.distribution


def _clashing(item: Found) -> bool:
    return any((clash.kind, clash.name) == (item.component.kind, item.component.name) for clash in item.plugin.clashes)


def _entry(item: Found) -> dict[str, object]:
    return {
        "kind": item.component.kind,
        "name": item.component.name,
        "summary": item.component.summary,
        "distribution": item.plugin.distribution,
        "version": item.plugin.version,
        "target": item.component.target,
        "clash": _clashing(item),
    }
