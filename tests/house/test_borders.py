"""Borders of the house: what plugins may import, what the core must not know, what costs torch."""

from __future__ import annotations

import ast
import functools
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import si_core

PUBLIC = {
    f"si_core.public.{name}": importlib.import_module(f"si_core.public.{name}")
    for name in ("cli", "discovery", "estimates", "process", "recipes", "runs", "storage")
}
"""What tools for authors and programs around the core may import beside ``si_core`` itself."""

ROOT = Path(__file__).parents[2]
PLUGIN_FILES = sorted([*ROOT.glob("plugins/*/src/**/*.py"), *ROOT.glob("tests/third_party/*/src/**/*.py")])
CORE_FILES = sorted((ROOT / "si_core").glob("**/*.py"))


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    """All nodes of a file's syntax that these tests look at."""
    seen = (ast.Import, ast.ImportFrom, ast.Assert, ast.ExceptHandler)
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, seen)]


def imports(path: Path) -> list[tuple[str, str, int]]:
    """All ``(module, name, line)`` imported by a file; the name is empty for ``import module``."""
    found = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [(alias.name, "", node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name, node.lineno) for alias in node.names]
    return found


def test_there_are_files_to_check() -> None:
    assert len(PLUGIN_FILES) > 20
    assert len(CORE_FILES) > 50


def test_plugins_use_public_names_only() -> None:
    private, wrong = [], []
    for path in PLUGIN_FILES:
        for module, name, line in imports(path):
            if module.split(".")[0] == "si_core":
                if module != "si_core" and module not in PUBLIC:
                    private.append(f"{path}:{line}: imports from {module}, which is private")
                elif name and name not in (PUBLIC.get(module) or si_core).__all__:
                    wrong.append(f"{path}:{line}: {name} is no public name")
    assert not private + wrong, "\n".join(private + wrong)


def test_core_knows_no_plugin() -> None:
    known = [
        f"{path}:{line}: imports {module}"
        for path in CORE_FILES
        for module, _, line in imports(path)
        if module.split(".")[0] != "si_core" and module.startswith("si_")
    ]
    assert not known, "\n".join(known)


@pytest.mark.fault(33)
def test_no_assert_for_users_and_no_silence() -> None:
    for path in [*CORE_FILES, *PLUGIN_FILES]:
        for node in nodes(path):
            where = f"{path}:{getattr(node, 'lineno', 0)}"
            assert not isinstance(node, ast.Assert), f"{where}: assert vanishes under python -O"
            if isinstance(node, ast.ExceptHandler):
                assert not all(isinstance(step, ast.Pass) for step in node.body), f"{where}: silence"


def test_every_public_name_is_there_and_documented() -> None:
    for name in si_core.__all__:
        value = getattr(si_core, name)
        if callable(value):
            assert (value.__doc__ or "").strip(), f"{name} has no docstring"


def test_public_modules_are_all_and_each_name_of_theirs_is_used_and_documented() -> None:
    homes = {f"si_core.public.{path.stem}" for path in (ROOT / "si_core" / "public").glob("*.py")}
    assert homes - {"si_core.public.__init__"} == set(PUBLIC)
    used = {(module, name) for path in PLUGIN_FILES for module, name, _ in imports(path)}
    for home, module in PUBLIC.items():
        assert module.__doc__
        for name in module.__all__:
            assert (home, name) in used, f"{home}.{name} is public, and nobody needs it"


def test_typed_names_are_the_lazy_names() -> None:
    source = ast.parse(Path(si_core.__file__ or "").read_text(encoding="utf-8"))
    typed = {alias.asname for node in ast.walk(source) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {name for name in si_core.__all__ if name != "__version__"} <= typed


@pytest.mark.parametrize(
    "statement",
    [
        "import si_core",
        "from si_core import Component, hookimpl",
        *(
            f"from si_core.cli.main import main; main({words!r})"
            for words in (["--help"], ["list"], ["plugins"], ["recipes"])
        ),
    ],
)
def test_light_doors_never_import_torch(statement: str) -> None:
    heavy = ("torch", "numpy", "scipy", "matplotlib", "pydantic", "sklearn")
    code = f"import sys\n{statement}\nprint([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip().splitlines()[-1] == "[]", result.stderr
