"""The command: measure, print a table for each benchmark, write the JSON file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from .catalogue import BENCHMARKS
from .figures import Line
from .hardware import machine
from .peers import versions
from .table import print_head, print_line
from .timing import Effort, threads


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line, or these words of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("which", nargs="*", metavar="WHICH", help=f"some of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument(
        "--repetitions", type=int, default=40, metavar="N", help="repetitions of a measurement, at most"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads inside a torch operation")
    parser.add_argument("--processor-time", action="store_true", help="for a machine that is shared: leave others' out")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks.json"), metavar="FILE", help="what to write")
    options = parser.parse_args(words)
    unknown = [name for name in options.which if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    effort = Effort(options.repetitions, options.processor_time)
    clock = "processor time" if effort.processor else "wall time"
    facts = machine() | {"threads": options.threads, "repetitions": effort.repetitions, "clock": clock}
    peers = versions()
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    print("peers: " + ", ".join(f"{name} {version}" for name, version in peers.items()))
    results: dict[str, list[dict[str, object]]] = {}
    missed: list[tuple[str, Line]] = []
    options.json.parent.mkdir(parents=True, exist_ok=True)
    with threads(options.threads):
        for name in options.which or BENCHMARKS:
            benchmark = BENCHMARKS[name]
            print_head(benchmark)
            results[name] = []
            for line in benchmark.lines(effort):
                print_line(benchmark, line)
                results[name].append(line.record())
                missed += [(name, line)] * bool(line.missed)
            # After each benchmark: an interrupted run keeps what it has.
            record = {"machine": facts, "peers": peers, "benchmarks": results}
            options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"\nGoals not met: {len(missed) or 'none'}")
    for name, line in missed:
        figures = "; ".join(f"{part.name} {part.value.median:.4g}, goal {part.goal}" for part in line.missed)
        print(f"  {name}: {line.case}, {line.who}: {figures}")
    print(f"written to {options.json}")


if __name__ == "__main__":
    main()
