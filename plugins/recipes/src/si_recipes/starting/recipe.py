"""A recipe as text: sections of keys, each line with what is to be known about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from si_core.public.recipes import inline

__all__ = ["EFFORTS", "Line", "Plan", "classes_in_words", "held_out", "last_part", "recipe_text", "spared"]

EFFORTS = {"short": 1, "medium": 5, "long": 25}
"""Training for a first look, for use, and for what is to be published, as multiples of the first."""

_FEW = 40
"""Rows, or images, of which none can be spared for estimates."""

_WIDEST = 110

_SMALL = 64
"""Samples that are costly: a block of them is no larger than it must be."""


@dataclass(frozen=True)
class Line:
    """A key, its value, and why.

    Args:
        key: of the recipe; after ``#`` one that is not in use.
        value: plain, or the lines of a section.
        why: in a few words; empty where the key says it.
    """

    key: str
    value: Any
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """What is decided about a recipe for some data.

    Args:
        about: what was found, a line each.
        title: of the recipe.
        target: options of the target, its `use` first.
        network: options of the network.
        steps: of training.
        batch: rows of a step.
        rate: the learning rate.
        conditioned: what the networks are given, with an example of a value; None for nothing.
        estimators: what is measured.
        number: samples to draw.
    """

    about: Sequence[str]
    title: str
    target: Sequence[Line]
    network: dict[str, Any]
    steps: int
    batch: int
    rate: float
    conditioned: tuple[str, str] | None
    estimators: Sequence[str]
    number: int


def spared(rows: int) -> bool:
    """Whether some of so many rows can be kept from training."""
    return rows >= _FEW


def held_out(rows: int, what: str) -> Line:
    """How many of the rows, which are called ``what``, are kept from training."""
    why = (
        f"of the {what}, kept from training for estimates"
        if spared(rows)
        else f"too few {what} to keep some from training"
    )
    return Line("held_out", 0.1 if spared(rows) else 0.0, why)


def classes_in_words(by: str | int, classes: Sequence[str]) -> str:
    """What has classes, how many there are, and the first of them."""
    shown = ", ".join(classes[:5]) + (", ..." if len(classes) > 5 else "")
    return f"classes by {by}: {len(classes)} ({shown})" if shown else f"classes by {by}"


def last_part(path: str) -> str:
    """The name of a file or a folder, of a path in any system's form."""
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def recipe_text(plan: Plan, name: str, schema_line: str) -> str:
    """The text of a recipe.

    Args:
        plan: what it says.
        name: of its file.
        schema_line: the line by which editors find the schema.
    """
    commands = {
        f"si run {name}": "trains, samples, measures and reports",
        f"si run {name} --plan": "says first how long it takes",
        f"si validate {name} --build": "checks it after a change",
    }
    width = max(map(len, commands))
    head = [*plan.about, "", *(f"{command:{width}}  {what}" for command, what in commands.items())]
    comments = "".join(f"# {line}".rstrip() + "\n" for line in head)
    return schema_line + comments + "\n" + "\n".join(_lines(_sections(plan))) + "\n"


def _sections(plan: Plan) -> Iterator[Line]:
    yield Line("title", plan.title)
    yield Line("seed", 0, "equal seeds, equal numbers")
    yield Line("source", "gaussian", "where samples begin, in the shape of the target")
    yield Line("target", plan.target)
    yield Line("interpolant", "linear", "x_t = (1 - t) x0 + t x1; others: si list interpolant")
    yield Line("latent", "none", "or {use: brownian, scale: 1.0}: noise on the way")
    yield Line("objectives", ["velocity"], "one field is enough: the source is Gaussian")
    yield Line("network", plan.network, "others: si list network")
    train = [
        Line("steps", plan.steps),
        Line("batch", plan.batch),
        Line("optimizer", {"use": "adamw", "lr": plan.rate}),
        Line("schedule", {"use": "cosine", "warmup": min(100, plan.steps // 10)}),
        Line("ema", 0.999 if plan.steps > 1000 else 0.99, "samples come from averaged weights"),
    ]
    if plan.conditioned is not None:
        why = f"so often {plan.conditioned[0]} is left out: then samples need none"
        train.append(Line("condition_dropout", 0.1, why))
    yield Line("train", train)
    sample = [
        Line("number", plan.number),
        *([Line("batch", plan.number, "drawn together; more takes more memory")] if plan.number <= _SMALL else []),
        Line("integrator", {"use": "heun", "steps": 40}),
        Line("epsilon", 0, "the ODE; 0.5, say, is an SDE from the same network"),
    ]
    if plan.conditioned is not None:
        given = f"# condition: {plan.conditioned[1]}"
        sample.append(Line(given, None, f"else {plan.conditioned[0]} as often as in the data"))
    yield Line("sample", sample)
    yield Line("estimators", list(plan.estimators), "others: si list estimator")


def _lines(lines: Iterator[Line] | Sequence[Line], indent: str = "") -> Iterator[str]:
    for line in lines:
        if isinstance(line.value, Sequence) and line.value and isinstance(line.value[0], Line):
            yield f"{indent}{line.key}:"
            yield from _lines(line.value, indent + "  ")
            continue
        written = f"{indent}{line.key}" if line.key.startswith("#") else f"{indent}{line.key}: {inline(line.value)}"
        if line.why and len(written) + len(line.why) + 4 <= _WIDEST:
            yield f"{written}  # {line.why}"
        else:
            yield from ([f"{indent}# {line.why}"] if line.why else [])
            yield written
