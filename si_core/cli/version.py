"""``si --version``: the versions of all that a number may depend on, found without importing any of it."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path

from si_core.cli.tables import print_table
from si_core.discovery.compatibility import core_version
from si_core.discovery.plugins import installed_plugins

__all__ = ["machine_lines", "print_versions", "version_of"]

_LIBRARIES = ("torch", "numpy", "pydantic", "safetensors")
"""Those by which numbers, recipes and files may differ."""


def print_versions() -> None:
    """Print si-core, Python, libraries, the machine, and each distribution of plugins with what is wrong with it."""
    print(f"si-core {core_version()} (Python {platform.python_version()})\n")
    rows = [(name, version_of(name) or "not installed") for name in _LIBRARIES]
    plugins = installed_plugins()
    names = dict.fromkeys(plugin.distribution for plugin in plugins)
    for name in names:
        of_it = [plugin for plugin in plugins if plugin.distribution == name]
        bad = ", ".join(dict.fromkeys(plugin.status for plugin in of_it if plugin.status != "ready"))
        rows.append((name, f"{of_it[0].version}{f' ({bad}: see si plugins)' if bad else ''}"))
    print_table([*rows, *machine_lines()])


def version_of(distribution: str) -> str | None:
    """The version of an installed distribution; None where there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def machine_lines() -> list[tuple[str, str]]:
    """System, processor and accelerators as the system tells of them; `si doctor` asks torch."""
    lines = [("system", platform.platform(terse=True)), ("processor", _processor())]
    for number, name in enumerate(_nvidia()):
        lines.append((f"cuda:{number}", name))
    return lines


def _processor() -> str:
    found = _entries(Path("/proc/cpuinfo")).get("model name", "")
    return found or platform.processor() or platform.machine() or sys.platform


def _nvidia() -> list[str]:
    """The names of NVIDIA's devices, from its driver on Linux."""
    places = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    return [_entries(place).get("Model", "an NVIDIA device") for place in places]


def _entries(path: Path) -> dict[str, str]:
    """The first value of each ``name: value`` of a file of the system; none where there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = [line.partition(":") for line in reversed(lines) if ":" in line]
    return {name.strip(): value.strip() for name, _, value in pairs}
