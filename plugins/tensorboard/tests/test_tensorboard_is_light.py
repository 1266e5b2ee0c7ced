"""Listing what is installed must not pay for tensorboard: it is imported at the first event."""

from __future__ import annotations

import subprocess
import sys


def test_the_entry_module_imports_nothing_heavy() -> None:
    heavy = ("torch", "tensorboard", "numpy", "google")
    code = f"import sys, si_tensorboard.plugin; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
