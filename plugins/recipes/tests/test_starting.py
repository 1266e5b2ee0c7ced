"""`si init` writes recipes that are right, run, and say what was found; it asks where somebody is there, and once."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import pytest

import si_core as si
from si_core.public.cli import LineConsole
from si_core.public.runs import start_run
from si_distributions.look import FoundImages, FoundTable, look
from si_recipes.starting import command, questions

pytest.importorskip("PIL")

CHEAP = {
    "network": {"use": "mlp", "width": 8, "depth": 1},
    "train.steps": 2,
    "train.batch": 16,
    "train.schedule": "constant",
    "sample.number": 16,
    "sample.batch": 16,
    "sample.integrator.steps": 2,
    "estimators": [],
    "report": False,
}
SPECIES = ("setosa", "versicolor", "virginica")


def initialise(*words: str) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args(list(words))) == 0


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return tmp_path


@pytest.fixture
def random():
    return np.random.default_rng(0)


def write_table(random, rows: int = 60, missing: int = 3) -> None:
    lines = ["name,width,height,petals,species"]
    for row in range(rows):
        width = "" if row < missing else f"{random.normal():.3f}"
        lines.append(f"plant{row},{width},{300 + random.normal():.2f},{random.integers(3, 6)},{SPECIES[row % 3]}")
    Path("flowers.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_images(random) -> None:
    from PIL import Image

    for folder in ("cats", "dogs"):
        Path("pets", folder).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 255, (12 + number % 2, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(Path("pets", folder, f"{number}.png"))
    Path("pets", "cats", "none.png").write_bytes(b"no image")


def test_a_table_is_seen_as_it_is(random):
    write_table(random)
    found = look("flowers.csv")
    assert isinstance(found, FoundTable)
    assert (found.rows, found.shape, found.lacking) == (60, (3,), 3)
    assert {column.name: (column.numeric, column.missing) for column in found.columns} == {
        "name": (False, 0),
        "width": (True, 3),
        "height": (True, 0),
        "petals": (True, 0),
        "species": (False, 0),
    }
    assert found.likely_label is not None
    assert (found.likely_label.name, found.likely_label.classes) == ("species", SPECIES)
    assert [column.name for column in found.labels] == ["species", "petals"]


def test_images_are_seen_as_they_are(random):
    write_images(random)
    found = look("pets")
    assert isinstance(found, FoundImages)
    assert (found.rows, found.channels, found.classes, found.damaged) == (41, 3, ("cats", "dogs"), 1)
    assert dict(found.sizes) == {(12, 12): 20, (13, 12): 20}


def as_text(random) -> str:
    write_table(random)
    return "flowers.csv"


def as_parquet(random) -> str:
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    columns = {"a": random.normal(size=50), "b": random.integers(0, 9, 50), "text": ["x", "y"] * 25}
    pyarrow.parquet.write_table(pyarrow.table(columns), "frame.parquet")
    return "frame.parquet"


def with_index(random) -> str:
    lines = [",a,b", *(f"{row},{random.normal():.3f},{random.normal():.3f}" for row in range(50))]
    Path("indexed.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "indexed.csv"


def as_array(random) -> str:
    np.save("points.npy", random.normal(size=(50, 2)))
    return "points.npy"


def as_pictures(random) -> str:
    pictures = random.integers(0, 255, (50, 1, 8, 8), dtype=np.uint8)
    np.savez("pictures.npz", x=pictures, y=random.integers(0, 3, 50))
    return "pictures.npz"


def as_few_rows(random) -> str:
    np.savetxt("few.txt", random.normal(size=(12, 3)))
    return "few.txt"


def as_images(random) -> str:
    write_images(random)
    return "pets"


@pytest.mark.parametrize(
    ("write", "shape", "conditions"),
    [
        (as_text, (3,), {"species"}),
        (as_parquet, (2,), {"text"}),
        (with_index, (2,), set()),
        (as_array, (2,), set()),
        (as_pictures, (1, 8, 8), {"y"}),
        (as_few_rows, (3,), set()),
        (as_images, (3, 12, 12), {"class"}),
    ],
)
def test_what_is_written_is_right_and_runs(write, shape, conditions, random, folder):
    data = write(random)
    initialise(data, "--out", "mine.yaml")
    recipe = si.load_recipe("mine.yaml", CHEAP)
    directory = start_run(recipe, console=LineConsole(), out=folder / "run")
    model = si.load_model(directory.path)
    assert model.process.shape == shape
    assert set(model.process.conditions) == conditions


@pytest.mark.parametrize("effort", ["short", "medium", "long"])
@pytest.mark.parametrize("label", ["none", "species", "petals"])
def test_flags_decide(random, effort, label):
    write_table(random)
    initialise("flowers.csv", "--label", label, "--effort", effort)
    recipe = si.load_recipe("flowers.yaml")
    assert recipe.sections.train.steps == {"short": 1000, "medium": 5000, "long": 25000}[effort]
    assert recipe.sections.target.options.get("label") == (None if label == "none" else label)
    assert recipe.sections.target.options["missing"] == "drop"


def test_many_missing_values_are_not_dropped(random):
    write_table(random, missing=30)
    initialise("flowers.csv", "--label", "none")
    assert si.load_recipe("flowers.yaml").sections.target.options["missing"] == "mean"


def test_what_does_not_vary_is_left_out():
    Path("rows.csv").write_text("a,b,c\n" + "\n".join(f"{row}.5,7,{row % 3}" for row in range(60)) + "\n", "utf-8")
    initialise("rows.csv", "--label", "none")
    assert si.load_recipe("rows.yaml").sections.target.options["columns"] == ["a", "c"]
    Path("same.csv").write_text("a,b\n" + "1,2\n" * 60, "utf-8")
    with pytest.raises(si.DataError, match="varies"):
        initialise("same.csv")


def test_nothing_is_written_over(random):
    write_table(random)
    Path("flowers.yaml").write_text("mine\n", encoding="utf-8")
    with pytest.raises(si.UsageError, match="there is a file already"):
        initialise("flowers.csv")
    assert Path("flowers.yaml").read_text(encoding="utf-8") == "mine\n"


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ((), si.UsageError, "which data"),
        (("absent.csv",), si.DataError, "no such file"),
        (("flowers.csv", "--label", "colour"), si.UsageError, "no column has this name"),
        (("flowers.csv", "--label", "name"), si.UsageError, "no classes"),
        (("flowers.csv", "--out", "mine.txt"), si.UsageError, "ends in .yaml"),
        (("flowers.csv", "--out", "absent/mine.yaml"), si.StorageError, "can't write"),
    ],
)
def test_what_can_not_be_done_leaves_no_file(random, words, error, text, folder):
    write_table(random)
    with pytest.raises(error, match=text):
        initialise(*words)
    assert [path.name for path in folder.iterdir()] == ["flowers.csv"]


def test_three_questions_on_a_terminal(random, monkeypatch):
    write_table(random)
    asked = []
    answers = iter(["flowers.csv", "colour", "petals", "medium"])

    def answer(question: str) -> str:
        asked.append(question)
        return next(answers)

    monkeypatch.setattr(command, "somebody_there", lambda: True)
    monkeypatch.setattr("builtins.input", answer)
    initialise()
    recipe = si.load_recipe("flowers.yaml")
    assert recipe.sections.target.options["label"] == "petals"
    assert recipe.sections.train.steps == 5000
    assert len(asked) == 4  # three, one of them again
    assert "[species]" in asked[1]


def test_a_closed_terminal_is_no_answer(monkeypatch):
    def closed(question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    with pytest.raises(si.UsageError, match="no answer"):
        questions.ask("What", "")
