"""Reading data: files as distributions, beside the readers that people would use by hand, and the peak of memory.

Each file is read in processes of its own, ours and the peer's in turn; the time is that of the call after the imports,
the memory what the call adds to the peak, in sizes of the data: as float64 for text, of the file for .npy. Ours does
more than the peer in that time: values are checked and standardised, rows split, and repeated ones looked for. So
parquet, which is hardly more than a copy, has no goal in the peer's time.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .figures import Figure, Goal, Line, factor
from .timing import Effort, Spread, ratio, spread

__all__ = ["reading_lines"]

ROWS, COLUMNS = 1_000_000, 20
ABOUT_TWICE = 2.3
"""The data as float64, the rows in the model's units, and a margin for the reader's own blocks."""

_READ = "si.build('distribution', {name!r}, path={path!r}{options})"
_IMPORTS = """
import contextlib, torch, si_core as si, si_distributions.datasets.array, si_distributions.datasets.images
with contextlib.suppress(ImportError):
    import pyarrow.csv, pyarrow.parquet
with contextlib.suppress(ImportError):
    import PIL.Image
si.build("distribution", "gaussian", dim=2)
"""
_PROGRAM = """
import json, resource, time
from pathlib import Path
{imports}
def peak():
    status = Path("/proc/self/status")  # what getrusage says begins at the peak of the parent
    if status.exists():
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * {unit}
clock = time.{clock}
before, begin = peak(), clock()
found = {call}
print(json.dumps([clock() - begin, peak() - before]))
"""


@dataclass(frozen=True)
class ReadingCase:
    """A file, and who reads it.

    Args:
        title: what it is.
        write: writes it to a path; returns the bytes of its data.
        ours: our call.
        peer: the name of a package, its imports and its call; None where only memory is measured.
        memory: the most that may be added to the peak, in bytes of the data; None where that is not held to a goal.
        times: the most time, in that of the peer.
    """

    title: str
    write: Callable[[Path], int]
    ours: str
    peer: tuple[str, str, str] | None
    memory: float | None
    times: float | None = 2.0


def _text(path: Path) -> int:
    rows = np.random.default_rng(0).normal(size=(10_000, COLUMNS))
    block = "\n".join(",".join(map(repr, row)) for row in rows.tolist()) + "\n"
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(f"c{i}" for i in range(COLUMNS)) + "\n")
        for _ in range(ROWS // len(rows)):
            file.write(block)
    return ROWS * COLUMNS * 8


def _parquet(path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = np.random.default_rng(0).normal(size=(COLUMNS, ROWS))
    pq.write_table(pa.table({f"c{i}": column for i, column in enumerate(table)}), path)
    return table.nbytes


def _array(path: Path) -> int:
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(4_000_000, 64))
    generator = np.random.default_rng(0)
    for start in range(0, len(rows), 100_000):
        rows[start : start + 100_000] = generator.standard_normal((100_000, 64), dtype=np.float32)
    return rows.nbytes


def _grey(path: Path) -> int:
    from PIL import Image

    path.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (5_000, 28, 28), dtype=np.uint8)
    for i, image in enumerate(images):
        Image.fromarray(image).save(path / f"{i:05}.png")
    return images.nbytes


_BY_PILLOW = "np.stack([np.asarray(Image.open(f).convert('L')) for f in sorted(Path({path!r}).glob('*.png'))])"
CASES = {
    "x.csv": ReadingCase(
        f"text, {ROWS:,} rows of {COLUMNS}",
        _text,
        _READ,
        ("pandas", "import pandas", "pandas.read_csv({path!r})"),
        ABOUT_TWICE,
    ),
    "x.parquet": ReadingCase(
        f"parquet, {ROWS:,} rows of {COLUMNS}",
        _parquet,
        _READ,
        ("pandas", "import pandas", "pandas.read_parquet({path!r})"),
        ABOUT_TWICE,
        None,
    ),
    "x.npy": ReadingCase(".npy of float32, 1 GB, memory-mapped", _array, _READ, None, 1.2),
    "grey": ReadingCase(
        "5,000 grey images",
        _grey,
        _READ,
        ("PIL", "import numpy as np; from pathlib import Path; from PIL import Image", _BY_PILLOW),
        None,
    ),
}
_NEEDS = {"x.parquet": "pyarrow", "grey": "PIL"}


def reading_lines(effort: Effort) -> Iterator[Line]:
    """Read each file a few times."""
    for name, case in CASES.items():
        if name in _NEEDS and importlib.util.find_spec(_NEEDS[name]) is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            size = case.write(path)
            yield from _lines(case, str(path), size, effort)


def _lines(case: ReadingCase, path: str, size: int, effort: Effort) -> Iterator[Line]:
    kind, options = ("images", ", channels=1") if path.endswith("grey") else ("array", "")
    programs = {"ours": (_IMPORTS, case.ours.format(name=kind, path=path, options=options))}
    if case.peer is not None and importlib.util.find_spec(case.peer[0]) is not None:
        programs[case.peer[0]] = (case.peer[1], case.peer[2].format(path=path))
    found: dict[str, list[tuple[float, float]]] = {who: [] for who in programs}
    for _ in range(min(effort.repetitions, 3)):
        for who, (imports, call) in programs.items():
            found[who].append(_run(imports, call, effort))
    seconds = {who: [time for time, _ in runs] for who, runs in found.items()}
    for who, runs in found.items():
        figures = [Figure("time s", spread(seconds[who]), "s")]
        peers = [peer for peer in seconds if peer != "ours"]
        if who == "ours" and peers:
            figures.append(factor("/ peer", ratio(seconds["ours"], seconds[peers[0]]), case.times))
        peak = float(np.median([added for _, added in runs])) / size
        goal = Goal(case.memory) if who == "ours" and case.memory is not None else None
        figures.append(Figure("peak / data", Spread(peak, peak, peak), "1", goal))
        yield Line(case.title, who, tuple(figures))


def _run(imports: str, call: str, effort: Effort) -> tuple[float, float]:
    """Seconds and bytes that a fresh process takes for a call."""
    clock = "process_time" if effort.processor else "perf_counter"
    unit = 1 if sys.platform == "darwin" else 1024
    program = _PROGRAM.format(imports=imports, clock=clock, unit=unit, call=call)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, added = json.loads(done.stdout)
    return seconds, added
