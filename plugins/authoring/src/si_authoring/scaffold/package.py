"""The files of a new package: templates with the names filled in.

A template is the file it makes, with ``$name`` where a name stands and ``$$`` for a dollar sign.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

from si_authoring.scaffold.examples import EXAMPLES, LEARNABLE, RECIPE, Example
from si_authoring.scaffold.names import Names
from si_core import UsageError
from si_core.public.discovery import core_version, suggested_bound

__all__ = ["TEMPLATES", "package_files"]

TEMPLATES = Path(__file__).parent / "templates"

_COMMON = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "LICENSE": "LICENSE",
    ".gitignore": "gitignore",
    ".github/workflows/test.yml": "test.yml",
    "src/$package/__init__.py": "__init__.py",
    "src/$package/plugin.py": "plugin.py",
    "src/$package/recipes/$topic.yaml": "recipe.yaml",
    "tests/test_conformance.py": "test_conformance.py",
}
"""By path in the package, the template that is the same for every kind."""


def package_files(names: Names, selection: str | None = None, learnable: bool = False) -> dict[str, str]:
    """The text of every file of a new package, by its path.

    Args:
        names: what everything is called.
        selection: how a recipe selects the component; by default by its name.
        learnable: whether the component has parameters, which the recipe trains.

    Raises:
        UsageError: a kind of a plugin's; or components of this kind have no parameters of their own to train.
    """
    examples = LEARNABLE if learnable else EXAMPLES
    if names.kind not in EXAMPLES:
        raise UsageError(
            f"there is no {names.kind} to start with: the kind is a plugin's",
            got=f"--kind {names.kind}",
            allowed=", ".join(EXAMPLES),
            fix=f"start with another --kind, and write the class and its Component({names.kind!r}, ...) by hand",
        )
    if names.kind not in examples:
        raise UsageError(
            f"there is no learnable {names.kind} to start with",
            got=f"--kind {names.kind} --learnable",
            allowed=f"--learnable with --kind {', '.join(LEARNABLE)}",
        )
    values = _values(names, selection or names.component, examples[names.kind])
    values["recipe"] = _filled("package/recipe.yaml", values)
    paths = {Template(path).substitute(values): f"package/{template}" for path, template in _COMMON.items()}
    paths[f"src/{names.package}/{names.module}.py"] = f"{'learnable' if learnable else 'components'}/{names.kind}.py"
    if learnable:
        paths["tests/test_learning.py"] = "package/test_learning.py"
    files = {path: _filled(template, values) for path, template in paths.items()}
    return {**files, f"src/{names.package}/py.typed": ""}


def _values(names: Names, selection: str, example: Example) -> dict[str, str]:
    bound = suggested_bound(core_version())
    suite = f"{''.join(word.capitalize() for word in names.kind.split('-'))}Conformance"
    imports = sorted(
        ["si_authoring.testing import " + suite, f"{names.package}.{names.module} import {names.class_name}"],
        key=lambda line: line.split()[0],
    )
    uses = {**RECIPE, **example.beside, names.kind: example.use}
    places = {f"use_{kind}": use for kind, use in uses.items()}
    places |= {"train": example.train, "sampling": example.sampling}
    places["sections"] = f"\n{example.sections}" if example.sections else ""
    return {
        **{place: Template(text).substitute(selection=selection) for place, text in places.items()},
        "distribution": names.distribution,
        "topic": names.topic,
        "package": names.package,
        "module": names.module,
        "class_name": names.class_name,
        "kind": names.kind,
        "A_kind": f"{'An' if names.kind[0] in 'aeiou' else 'A'} {names.kind}",
        "component": names.component,
        "selection": selection,
        "summary": example.summary,
        "instance": names.class_name if example.class_itself else f"{names.class_name}({example.arguments})",
        "type": f"type[{names.class_name}]" if example.class_itself else names.class_name,
        "suite": suite,
        "imports": "\n".join(f"from {line}" for line in imports),
        "bound": bound,
        "range": bound.removeprefix("si-core"),
    }


def _filled(template: str, values: dict[str, str]) -> str:
    text = (TEMPLATES / f"{template}.template").read_text(encoding="utf-8")
    return Template(text).substitute(values)
