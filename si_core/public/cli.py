"""How the commands of ``si`` speak: consoles, tables, JSON, trained models and choices on the command line."""

from __future__ import annotations

from si_core.cli.choices import add_sampler, chosen, in_command_words, resampled
from si_core.cli.console import LineConsole, open_console
from si_core.cli.tables import one_line, print_json, print_table
from si_core.cli.trained import add_device, add_ema, add_seed, trained_model

__all__ = [
    "LineConsole",
    "add_device",
    "add_ema",
    "add_sampler",
    "add_seed",
    "chosen",
    "in_command_words",
    "one_line",
    "open_console",
    "print_json",
    "print_table",
    "resampled",
    "trained_model",
]
