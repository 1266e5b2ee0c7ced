"""A problem is asked by the methods that every problem has; nobody looks whether it has one, or which one it is."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "si_core").glob("**/*.py"), *(ROOT / "plugins").glob("*/src/**/*.py")])

PROBES = {"getattr", "hasattr", "isinstance", "vars", "type"}
INTERFACES = {"Problem", "ProblemWrapper", "Transport"}
NAMES = {"problem", "transport", "_problem", "_transport"}


def annotated(function: ast.FunctionDef) -> set[str]:
    """The parameters that a function takes as problems."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    found = {each.arg: each.annotation for each in arguments if each.annotation is not None}
    return {name for name, annotation in found.items() if INTERFACES & names(annotation)}


def names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def probed(source: str) -> list[int]:
    """The lines on which a problem is probed."""
    tree, found = ast.parse(source), set[int]()
    if not INTERFACES & names(tree):
        return []  # the problems of a recipe, say
    for scope in (tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))):
        known = NAMES | (annotated(scope) if isinstance(scope, ast.FunctionDef) else set())
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PROBES and node.args:
                of = node.args[0]
                name = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
                if name in known:
                    found.add(node.lineno)
    return sorted(found)


def test_what_is_looked_for_is_found() -> None:
    assert probed("def f(problem: 'Problem') -> None:\n    type(problem)\nTransport") == [2]
    assert probed("def f(p: Problem) -> None:\n    hasattr(p, 'linear')") == [2]
    assert probed("def f(p: Problem | None) -> None:\n    isinstance(self.transport, Transport)") == [2]
    assert probed("getattr(model, 'linear', None)") == []


def test_no_problem_is_probed() -> None:
    found = {str(path.relative_to(ROOT)): probed(path.read_text(encoding="utf-8")) for path in FILES}
    assert len(found) > 200
    assert not {path: lines for path, lines in found.items() if lines}
