"""The machine a measurement was made on: without it a time means nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

__all__ = ["machine"]


def machine() -> dict[str, object]:
    """Processor, cores, load, and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        found: dict[str, str] = {}
        for line in facts.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            found.setdefault(key.strip(), value.strip())
        numbers = (f"{key} {found[key]}" for key in ("cpu family", "model") if key in found)
        return f"{found.get('model name', platform.machine())} ({', '.join(numbers)})"
    return platform.processor() or platform.machine()
