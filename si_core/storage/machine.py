"""What a machine has left: memory and disk, to be compared with what is asked for before it is asked for.

Other programs take and give while one looks, so these numbers refuse what is hopeless and promise nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

__all__ = ["free_disk", "free_memory", "in_time", "in_units"]

_KIB = 1024
_CGROUP = Path("/sys/fs/cgroup")


def free_memory(device: torch.device) -> int | None:
    """The bytes that can still be taken on a device, of the host with its swap; None where nobody says."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    if device.type != "cpu":
        return None
    left = [each for each in (_of_host(), _of_group()) if each is not None]
    return min(left, default=None)


def free_disk(folder: Path) -> int | None:
    """The bytes that can still be written below a folder, which need not be there yet; None where nobody says."""
    try:
        folder = folder.absolute()
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def in_units(size: int) -> str:
    """Bytes for people, such as ``7.4 GiB``."""
    value, units = float(size), ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.3g} {units[0]}" if value < 1000 else f"{value:.0f} {units[0]}"


def in_time(seconds: float) -> str:
    """A time for people, such as ``3.5 min``."""
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    for size, unit, until in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172_800)):
        if seconds < until:
            return f"{seconds / size:.3g} {unit}"
    days = seconds / 86_400
    return f"{days:,.0f} days" if days >= 100 else f"{days:.3g} days"


def _of_host() -> int | None:
    """What Linux says can be taken without pushing others out, and the free swap."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines() if ":" in line)
        return sum(int(lines[key].split()[0]) * _KIB for key in ("MemAvailable", "SwapFree"))
    except (OSError, KeyError, ValueError, IndexError):
        return None


def _of_group() -> int | None:
    """What is left to a container with a limit (cgroup v2); files that are only cached count as free."""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((_CGROUP / "memory.current").read_text())
        cached = dict(line.split(" ", 1) for line in (_CGROUP / "memory.stat").read_text().splitlines())
        reclaimable = int(cached.get("inactive_file", 0)) + int(cached.get("active_file", 0))
        return max(0, int(limit) - used + min(reclaimable, used))
    except (OSError, ValueError):
        return None
