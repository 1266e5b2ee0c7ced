"""The reference of Python: every public name of si_core, and the hooks of plugins."""

from __future__ import annotations

import inspect

import si_core
from _site.markup import table
from si_core.discovery.hooks import Specification

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """The pages by their names."""
    names = sorted((name for name in si_core.__all__ if not name.startswith("_")), key=str.lower)
    rows, words = [], []
    for name in names:
        found = getattr(si_core, name)
        summary = (inspect.getdoc(found) or "").partition("\n")[0]
        rows.append((f"[{name}](#si_core.{name})", summary.replace("|", "\\|")))
        words.append(_directive(name, found))
    hooks = [name for name in vars(Specification) if name.startswith("si_")]
    hook_words = [
        f"```{{eval-rst}}\n.. automethod:: si_core.discovery.hooks.Specification.{name}\n   :no-index:\n```\n"
        for name in hooks
    ]
    return {
        "python.md": "# Python\n\n`import si_core as si` gives every public name.\n\n"
        + table(("name", "what it is"), rows)
        + "\n"
        + "\n".join(words),
        "hooks.md": "# Hooks\n\nWhat the entry module of a plugin may implement, each marked by `si_core.hookimpl`.\n\n"
        + "\n".join(hook_words),
    }


def _directive(name: str, found: object) -> str:
    kind = "autoclass" if inspect.isclass(found) else "autofunction" if callable(found) else "autodata"
    members = "\n   :members:" if kind == "autoclass" else ""
    return f"## {name}\n\n```{{eval-rst}}\n.. {kind}:: si_core.{name}{members}\n```\n"
