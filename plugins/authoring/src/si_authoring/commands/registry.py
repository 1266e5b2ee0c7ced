"""``si registry``: the catalogue of plugins held against its guidelines, or written anew from this tree's packages."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from si_core import PluginError, UsageError
from si_core.public.cli import one_line, print_json
from si_core.public.discovery import CatalogueEntry, catalogue_path, read_catalogue

if TYPE_CHECKING:
    from si_authoring.registry.candidates import Candidate

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Hold the catalogue of plugins (registry.yaml), or the package of a plugin that wants to be "
        "listed, against the guidelines; or write the entries of the packages in a source tree."
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="apply the guidelines")
    action.add_argument("--write", action="store_true", help="write the entries of the packages beside the catalogue")
    action.add_argument("--guidelines", action="store_true", help="print the guidelines, as in CONTRIBUTING.md")
    parser.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        help="a catalogue, or with --check the folder of a package; by default this si-core's catalogue",
    )
    parser.add_argument("--quick", action="store_true", help="with --check: leave the conformance of components out")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action; 5 if a guideline is broken."""
    if arguments.guidelines:
        return _print_guidelines(arguments.json)
    path = catalogue_path() if arguments.path is None else Path(arguments.path).expanduser()
    if arguments.write:
        return _write(path)
    if arguments.path is not None and not path.exists():
        raise UsageError("there is no such file or folder", where=str(path), allowed="a catalogue or a package")
    return _check(path, arguments.quick, arguments.json)


def _print_guidelines(as_json: bool) -> int:
    from si_authoring.registry.guidelines import GUIDELINES, guidelines_text

    if as_json:
        print_json([{"name": rule.name, "text": rule.text} for rule in GUIDELINES])
    else:
        print(guidelines_text())
    return 0


def _write(path: Path) -> int:
    from si_authoring.registry.writing import written_anew
    from si_core.public.storage import write_atomic

    text = written_anew(path)
    changed = not path.is_file() or path.read_text(encoding="utf-8") != text
    if changed:
        write_atomic(path, text.encode())
    print(f"{path}: {'written' if changed else 'as it should be'}")
    return 0


def _check(path: Path, quick: bool, as_json: bool) -> int:
    from si_authoring.registry.guidelines import GUIDELINES

    candidates, proposal = _candidates(path)
    rules = [rule for rule in GUIDELINES if not (quick and rule.slow)]
    broken: list[dict[str, str]] = []
    unchecked: list[dict[str, str]] = []
    for candidate in candidates:
        for rule in rules:
            problems = rule.check(candidate)
            place = {"plugin": candidate.entry.name, "guideline": rule.name}
            if problems is None:
                unchecked.append({**place, "problem": "it is not installed here"})
            else:
                broken += [{**place, "problem": problem} for problem in problems]
    if as_json:
        print_json({"broken": broken, "unchecked": unchecked, "plugins": [each.entry.name for each in candidates]})
    else:
        for item in broken:
            print(f"{item['plugin']}: {item['guideline']}: {one_line(item['problem'])}")
        for name in dict.fromkeys(item["plugin"] for item in unchecked):
            print(f"{name}: not installed here, so whether it loads and conforms was not looked at")
        count = len({item["plugin"] for item in broken})
        verdict = f"{count} of them break a guideline" if count else "all hold"
        print(f"{len(candidates)} plugin{'s' * (len(candidates) != 1)}, {len(rules)} guidelines: {verdict}")
        if proposal is not None:
            from si_authoring.registry.writing import entry_text

            print(f"\nIts entry for registry.yaml:\n{entry_text(proposal)}", end="")
    return PluginError.code if broken else 0


def _candidates(path: Path) -> tuple[list[Candidate], CatalogueEntry | None]:
    """What to judge, and for a package that is not listed the entry it would have."""
    from si_authoring.checking.source_tree import read_source_tree
    from si_authoring.registry.candidates import Candidate, candidates_of, entry_of, state_of

    if not path.is_dir():
        return candidates_of(read_catalogue(path), path.resolve().parent), None
    tree, listed = read_source_tree(path), read_catalogue(catalogue_path())
    others = tuple(entry for entry in listed if entry.name != tree.distribution)
    old = next((entry for entry in listed if entry.name == tree.distribution), None)
    known, root = state_of(tree), catalogue_path().resolve().parent
    entry = entry_of(tree, known, root if tree.folder.is_relative_to(root) else None, old)
    return [Candidate(entry, others, tree, known)], entry
