"""The cores that a process may use, of those that the machine has, and who else wants them."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["load", "usable_cores"]

_CGROUP = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """How many cores work at once for this process: by its affinity, and by the limit of its container (cgroup v2)."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _CGROUP.read_text(encoding="ascii").split()
        limit = allowed if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        limit = allowed
    return max(1, min(allowed, limit))


def load() -> float | None:
    """How many processes were working or waiting for a core over the last minute; None where nobody counts."""
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None
