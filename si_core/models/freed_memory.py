"""Freed memory is kept for the next step or block, where the C library would give it back to the system.

glibc gives large blocks back when they are freed, and takes them from the system anew, at one fault a page: thousands
in a training step of a few megabytes, and some percent of its time. From what size on is learned from what was freed: a
block as large as the library takes into account (32 MiB) settles it. Elsewhere it changes nothing.
"""

from __future__ import annotations

import torch

__all__ = ["keep_freed_memory"]

_LARGEST = 2**25 - 2**16


def keep_freed_memory() -> None:
    """Let the process keep up to 64 MiB that it has freed; costs microseconds."""
    torch.empty(_LARGEST, dtype=torch.uint8)
