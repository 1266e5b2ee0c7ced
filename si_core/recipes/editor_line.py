"""The first line of a recipe by which editors with a YAML language server find its schema."""

from __future__ import annotations

__all__ = ["SCHEMA_FILE", "editor_line"]

SCHEMA_FILE = "si.schema.json"
"""The file beside a recipe that ``si schema --out si.schema.json`` writes."""


def editor_line(schema: str) -> str:
    """The line, with its end; a relative ``schema`` is told from the recipe's folder."""
    return f"# yaml-language-server: $schema={schema}\n"
