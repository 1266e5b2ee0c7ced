"""``si check NAME``: the conformance of components, measured in a process of its own."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core import PluginError, UsageError
from si_core.public.cli import chosen, print_json, print_table
from si_core.public.discovery import KINDS

if TYPE_CHECKING:
    from si_authoring.checking.supervisor import CheckedComponent

__all__ = ["add_arguments", "run"]

_TIMEOUT = 60.0
_WORDS = {"holds": "holds", "violated": "VIOLATED", "not applicable": "-"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Check that components are what their interfaces say (shapes, derivatives, orders, laws, bounds), "
        "with the largest deviation from each claim and where it was found. A component that hangs or crashes ends "
        "its own check only. The same checks are classes for pytest in si_authoring.testing."
    )
    parser.epilog = (
        "Such as: si check linear; si check dist:si-cubic; si check ./si-cubic; "
        """si check '{"use": "brownian", "scale": 2}'"""
    )
    parser.add_argument(
        "subject",
        metavar="NAME|dist:NAME|PATH",
        help="a component by its name (or JSON with its options), all components of an installed distribution, "
        "or of a package in a folder that need not be installed",
    )
    parser.add_argument("--kind", metavar="KIND", help=f"only components of this kind: {', '.join(KINDS)}")
    parser.add_argument(
        "--timeout",
        type=float,
        default=_TIMEOUT,
        metavar="SECONDS",
        help=f"how long one check may take (default {_TIMEOUT:g})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print what became of each check; 0 if all hold."""
    from si_authoring.checking.source_tree import looks_like_a_path, read_source_tree
    from si_authoring.checking.supervisor import check_by_name

    if not arguments.timeout > 0:
        raise UsageError("a time is positive", where="--timeout", got=arguments.timeout, allowed="> 0 s")
    subject: str = arguments.subject
    checked: list[CheckedComponent] = []
    with ExitStack() as stack:
        options: dict[str, Any] = {}
        environment = None
        if looks_like_a_path(subject):
            tree = read_source_tree(Path(subject))
            environment, subject = stack.enter_context(tree.environment()), f"dist:{tree.distribution}"
        elif not subject.startswith("dist:"):
            subject, options = chosen(subject, "NAME", '{"use": "brownian", "scale": 2}')
        found = check_by_name(subject, arguments.kind, options, timeout=arguments.timeout, environment=environment)
        for component in found:
            checked.append(component)
            if not arguments.json:
                _print(component)
    if arguments.json:
        print_json([{**vars(component), "conforms": component.conforms} for component in checked])
    else:
        print(_summary(checked))
    return 0 if all(component.conforms for component in checked) else PluginError.code


def _print(component: CheckedComponent) -> None:
    print(f"{component.kind} {component.name} ({component.plugin})")
    if component.unchecked:
        word = "can't be built" if component.fault else "not checked"
        hint = "" if component.fault else f'\n  fix: si check \'{{"use": "{component.name}", ...}}\' with its options'
        print(f"  {word}: {component.unchecked}{hint}\n")
        return
    rows = [
        (
            result["check"],
            _WORDS[result["state"]],
            _number(result["deviation"]),
            _number(result["allowed"]),
            "; ".join(filter(None, [result["message"], result["where"], _claim(result)])),
        )
        for result in component.results
    ]
    print_table(rows, header=("check", "result", "off by", "allowed", "what and where"), indent="  ")
    print()


def _claim(result: dict[str, Any]) -> str:
    return f"claim: {result['claim'].rstrip('.')}" if result["state"] == "violated" else ""


def _number(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.2g}"


def _summary(checked: list[CheckedComponent]) -> str:
    states = [result["state"] for component in checked for result in component.results]
    text = f"{len(checked)} component{'s' * (len(checked) != 1)}, {len(states)} checks: {states.count('holds')} hold"
    violated = [component for component in checked if not component.conforms]
    if violated:
        names = ", ".join(f"{component.kind} {component.name}" for component in violated)
        text += f", {states.count('violated')} violated ({names})"
    if "not applicable" in states:
        text += f", {states.count('not applicable')} do not apply"
    left_out = [component.name for component in checked if component.unchecked and not component.fault]
    return text + (f"; not checked: {', '.join(left_out)}" if left_out else "")
