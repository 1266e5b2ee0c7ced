"""Keys of a recipe and their values as they may be typed: one level at a time, options of what is selected below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from si_core.discovery.available import Found, available
from si_core.discovery.kinds import KINDS
from si_core.discovery.source import source_options
from si_core.errors import SIError
from si_core.recipes.builtin import find_builtin
from si_core.recipes.key_names import KeyName, key_names
from si_core.recipes.nodes import Mapping, Node, Scalar, node_at
from si_core.recipes.reader import read
from si_core.recipes.text import read_text

__all__ = ["KeyNames"]

_DEEPEST = 10
"""Recipes that extend each other."""


class KeyNames:
    """The keys that changes of a recipe may have.

    Args:
        recipe: a file or the name of a built-in recipe; None where none was typed.
        changes: those typed before, ``KEY=VALUE``.
    """

    def __init__(self, recipe: str | None = None, changes: Sequence[str] = ()) -> None:
        self._own = {key.path: key for key in key_names()}
        self._changes = dict(change.split("=", 1) for change in changes if "=" in change)
        self._recipe = recipe

    def matching(self, typed: str) -> Iterator[tuple[str, str]]:
        """What may follow, with its meaning: ``train.``, ``latent=``, ``latent.scale=``, ``latent=brownian``."""
        key, equals, _ = typed.partition("=")
        if equals:
            yield from ((f"{key}={value}", meaning) for value, meaning in self._values(key))
            return
        before = typed.rpartition(".")[0]
        for path in self._below(before):
            section = any(other.startswith(f"{path}.") for other in self._own)
            selects = path in self._own and (self._own[path].kind or self._own[path].words)
            yield (f"{path}." if section and not selects else f"{path}=", self._kind_meaning(path))

    def paths(self) -> Iterator[str]:
        """Every key, and every option of what is selected at one."""
        for path, key in self._own.items():
            yield path
            if key.kind is not None and not key.listed:
                yield from (f"{path}.{option}" for option in self._options(key))

    def _below(self, before: str) -> Iterator[str]:
        depth = before.count(".") + 1 if before else 0
        for path in self._own:
            if path.count(".") == depth and path.startswith(f"{before}." if before else ""):
                yield path
        key = self._own.get(before)
        if key is not None and key.kind is not None and not key.listed:
            yield from (f"{before}.{option}" for option in self._options(key))

    def _options(self, key: KeyName) -> Iterator[str]:
        found = self._selected(key)
        if found is not None:
            context = KINDS[found.component.kind].context
            yield from (name for name in source_options(found.component.target) if name not in context)
            if key.kind == "network":
                yield "shared"

    def _selected(self, key: KeyName) -> Found | None:
        """The component at a key: by a change, by the recipe, or by default."""
        name = self._changes.get(f"{key.path}.use") or self._changes.get(key.path) or self._in_recipe(key.path)
        plain = (name or key.default or "").rpartition("/")[2]
        return next((each for each in available(str(key.kind)) if each.component.name == plain), None)

    def _in_recipe(self, path: str) -> str | None:
        for root in _chain(self._recipe):
            node: Node | None = node_at(root, tuple(path.split(".")))
            if isinstance(node, Mapping):
                node = node.entries["use"].node if "use" in node.entries else None
            if isinstance(node, Scalar) and isinstance(node.value, str):
                return node.value
        return None

    def _values(self, path: str) -> Iterator[tuple[str, str]]:
        key = self._own.get(path)
        if key is not None:
            yield from ((word, "") for word in key.words)
            if key.kind is not None and not key.listed:
                yield from ((each.component.name, each.component.summary) for each in available(key.kind))

    def _kind_meaning(self, path: str) -> str:
        key = self._own.get(path)
        return f"{key.kind}: {KINDS[key.kind].summary}" if key is not None and key.kind is not None else ""


def _chain(recipe: str | None) -> Iterator[Mapping]:
    """A recipe and those it extends, as far as they can be read."""
    folder = Path()
    for _ in range(_DEEPEST):
        if not recipe:
            return
        try:
            builtin = find_builtin(recipe) if not recipe.endswith((".yaml", ".yml")) else None
            path = builtin.path if builtin is not None else folder / recipe
            root = read(read_text(path), str(path))
        except SIError:
            return  # whoever runs it is told what is wrong
        if not isinstance(root, Mapping):
            return
        yield root
        base = root.entries["extends"].node if "extends" in root.entries else None
        recipe, folder = (str(base.value) if isinstance(base, Scalar) and base.value else None), path.parent
