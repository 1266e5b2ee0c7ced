"""How the commands of ``si`` speak: consoles, tables, JSON, and choices on the command line."""

from __future__ import annotations

from si_core.cli.choices import chosen
from si_core.cli.console import LineConsole, open_console
from si_core.cli.tables import one_line, print_json, print_table

__all__ = ["LineConsole", "chosen", "one_line", "open_console", "print_json", "print_table"]
