"""``si calm RUN``: at which step a moderator would have ended the training of a run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from si_core import StorageError

__all__ = ["Calm"]


class Calm:
    """The command."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command and add its arguments."""
        parser.description = "Say at which step the loss of a run was enough."
        parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
        parser.add_argument("--enough", type=float, default=1.0, help="the loss that is enough (default: 1)")

    def run(self, arguments: argparse.Namespace) -> int:
        """Read the run's records and print the step; exit code 1 where the loss never was enough."""
        path = Path(arguments.run_directory) / "metrics.jsonl"
        try:
            records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except OSError as error:
            raise StorageError("no records of a run", where=str(path), got=error.strerror) from error
        step = next((record["step"] for record in records if record["loss"] <= arguments.enough), None)
        print(f"the loss never was {arguments.enough:g}" if step is None else f"calm from step {step} on")
        return int(step is None)
