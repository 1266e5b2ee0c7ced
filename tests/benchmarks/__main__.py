"""The command: measure, print the tables, write the JSON file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .hardware import machine
from .sampling import CASES as SAMPLING
from .sampling import SamplingResult, measure_sampling
from .timing import Spread, threads
from .training import CASES as TRAINING
from .training import TrainingResult, measure_training

SAMPLING_THREADS, TRAINING_THREADS = 1, 2


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("only", nargs="?", choices=("training", "sampling"), help="measure this alone")
    parser.add_argument("--repetitions", type=int, default=100, metavar="N", help="repetitions of every measurement")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks.json"), metavar="FILE", help="what to write")
    options = parser.parse_args()
    facts = machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    record: dict[str, object] = {"machine": facts, "repetitions": options.repetitions}
    if options.only != "training":
        print(f"\nSampling step, microseconds, {SAMPLING_THREADS} thread: median [quartiles]")
        print(f"{'':44}{'step':>22}{'network':>22}{'noise':>22}{'added':>22}")
        with threads(SAMPLING_THREADS):
            results = [_show_sampling(measure_sampling(case, options.repetitions)) for case in SAMPLING]
        record["sampling"] = {"threads": SAMPLING_THREADS, "results": [result.record() for result in results]}
    if options.only != "sampling":
        print(f"\nTraining step, microseconds, {TRAINING_THREADS} threads: median [quartiles]")
        print(f"{'':44}{'by hand':>22}{'ours':>22}{'added':>22}{'share':>9}")
        with threads(TRAINING_THREADS):
            steps = [_show_training(measure_training(case, options.repetitions)) for case in TRAINING]
        record["training"] = {"threads": TRAINING_THREADS, "results": [step.record() for step in steps]}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {options.json}")


def _show_sampling(result: SamplingResult) -> SamplingResult:
    case = result.case
    name = (
        f"{case.network} {case.integrator}, {case.fields} of ({case.states}, {case.dim})" + " pre" * case.precondition
    )
    parts = (result.step, result.network, result.noise, result.added)
    print(f"{name:44}" + "".join(_cell(part) for part in parts), flush=True)
    return result


def _show_training(result: TrainingResult) -> TrainingResult:
    case = result.case
    name = f"d={case.dim} batch={case.batch} {case.latent}" + " pre" * case.precondition + " ema" * bool(case.ema)
    cells = "".join(_cell(part) for part in (result.bare, result.ours, result.added))
    print(f"{name:44}{cells}{result.share:>9.1%}", flush=True)
    return result


def _cell(part: Spread | None) -> str:
    if part is None:
        return f"{'-':>22}"
    median, lower, upper = (1e6 * value for value in (part.median, part.lower, part.upper))
    form = ".1f" if abs(median) < 100 else ".0f"
    return f"{f'{median:{form}} [{lower:{form}} {upper:{form}}]':>22}"


if __name__ == "__main__":
    main()
