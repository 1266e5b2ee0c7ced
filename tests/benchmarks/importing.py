"""What ``import si_core`` costs beyond torch, in fresh processes, and which heavy packages it brings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from .figures import Goal, Line, fixed, milliseconds
from .timing import Effort, spread

__all__ = ["HEAVY", "heavy_modules", "import_lines"]

LIMIT = 50.0
"""The most milliseconds beyond torch."""

HEAVY = ("scipy", "ot", "torchdiffeq", "torchsde", "matplotlib", "pandas", "sklearn", "tensorboard", "PIL", "pyarrow")
"""What the core must not bring along."""

USES = {
    "import torch": "import torch",
    "import si_core": "import torch; begin = clock(); import si_core",
    "every public name": "import torch; begin = clock(); import si_core as si; [getattr(si, n) for n in si.__all__]",
}


def run(code: str, clock: str = "perf_counter") -> str:
    """What a fresh process prints."""
    head = f"from time import {clock} as clock; begin = clock(); "
    done = subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def heavy_modules() -> list[str]:
    """The heavy packages that are imported with every public name of the core."""
    found = f"import sys; print(*[n for n in {HEAVY!r} if n in sys.modules])"
    return run(f"{USES['every public name']}; {found}").split()


def import_lines(effort: Effort) -> Iterator[Line]:
    """Time imports in turn, each in a process of its own."""
    clock = "process_time" if effort.processor else "perf_counter"
    seconds: dict[str, list[float]] = {name: [] for name in USES}
    # Files are read from the disk once.
    for repetition in range(-1, min(effort.repetitions, 9)):
        for name, code in USES.items():
            value = float(run(f"{code}; print(clock() - begin)", clock))
            if repetition >= 0:
                seconds[name].append(value)
    for name, values in seconds.items():
        goal = None if name == "import torch" else LIMIT
        figures = [milliseconds("time ms", spread(values), goal)]
        if name == "every public name":
            figures.append(fixed("heavy packages", len(heavy_modules()), Goal(0)))
        yield Line(
            name if goal is None else f"{name}, beyond torch", "torch" if goal is None else "ours", tuple(figures)
        )
