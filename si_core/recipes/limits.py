"""How large a recipe may be: far above any real one, low enough that a hostile one is refused at once."""

__all__ = ["BYTES", "CHAIN", "DEPTH", "DIGITS", "KEY", "NODES"]

BYTES = 256 * 1024
"""Size of one file."""

NODES = 10_000
"""Keys, list items and values of one file."""

DEPTH = 64
"""Mappings and lists inside each other."""

DIGITS = 100
"""Digits of one number."""

KEY = 160
"""Characters of one key."""

CHAIN = 8
"""Files that extend each other."""
