"""Exporters with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import si_core as si


class Listing(si.Exporter):
    """The names and the sums of the weights, ``weights.txt``."""

    def export(self, model: si.Model, directory: Path, records: si.RunRecords) -> list[Path]:
        path = directory / "weights.txt"
        path.write_text(self.text(model, directory))
        return [path]

    def text(self, model: si.Model, directory: Path) -> str:
        named = model.fields.predictor.named_parameters()
        return "\n".join(f"{name} {float(weights.sum())}" for name, weights in named)


class WritesBeside(Listing):
    def export(self, model, directory, records):
        (directory.parent / "all.txt").write_text("all")
        return super().export(model, directory, records)


class WritesIntoTheCurrentFolder(Listing):
    def export(self, model, directory, records):
        Path("weights.txt").write_text("all")
        return super().export(model, directory, records)


class SaysNothingOfAFile(Listing):
    def export(self, model, directory, records):
        (directory / "card.md").write_text("a card")
        return super().export(model, directory, records)


class ReturnsNoFile(Listing):
    def export(self, model, directory, records):
        return [*super().export(model, directory, records), directory / "card.md"]


class ReturnsText(Listing):
    def export(self, model, directory, records):
        return [str(path) for path in super().export(model, directory, records)]


class WritesNothing(Listing):
    def export(self, model, directory, records):
        return []


class NamesThePath(Listing):
    def text(self, model, directory):
        return f"exported to {directory.resolve()}"


class CountsItsExports(Listing):
    def __init__(self) -> None:
        self.count = itertools.count()

    def text(self, model, directory):
        return f"export {next(self.count)}"


class HalvesTheWeights(Listing):
    def text(self, model, directory):
        model.fields.predictor.half()
        return "half"


class KeepsStillAboutFailure(Listing):
    def export(self, model, directory, records):
        try:
            return super().export(model, directory, records)
        except OSError:
            return []


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (WritesBeside(), "files", "writes outside of the folder: all.txt"),
        (WritesIntoTheCurrentFolder(), "files", "writes outside of the folder: elsewhere/weights.txt"),
        (SaysNothingOfAFile(), "files", "files that it does not return: card.md"),
        (ReturnsNoFile(), "files", "no files in the folder: card.md"),
        (ReturnsText(), "files", "instead of a list of paths"),
        (WritesNothing(), "files", "writes nothing"),
        (NamesThePath(), "no-paths", "names a path of this machine"),
        (CountsItsExports(), "same-again", "has other files: weights.txt"),
        (HalvesTheWeights(), "model-unchanged", "changes the weights"),
        (KeepsStillAboutFailure(), "lost-folder", "says nothing where the folder can't be written"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Exporter) else "",
)
def test_a_wrong_exporter(rejected, component: si.Exporter, check: str, words: str) -> None:
    rejected("exporter", component, check, words)


def test_a_right_one_is_accepted(accepted) -> None:
    accepted("exporter", Listing())
