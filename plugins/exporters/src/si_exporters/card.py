"""The card of a model in Markdown: what it was trained on, how, how good it is, its limits, and how to load it.

Words that come from a recipe or a file (titles, columns, classes) are shown as code, in which Markdown means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from si_core import ConditionSpec, Distribution, Model, RunRecords
from si_exporters.words import code, listed, number

__all__ = ["card"]

_BOUNDS = {
    "exact": "exact, up to the integrator",
    "unbiased": "unbiased",
    "consistent": "consistent: its bias vanishes with more samples",
    "lower": "a lower bound",
    "upper": "an upper bound",
    "approximate": "approximate",
}


def card(model: Model, records: RunRecords) -> str:
    """The text of ``README.md``."""
    recipe = model.recipe
    title = None if recipe is None else recipe.title
    parts = {
        "": f"# {'A generative model' if title is None else one_line(title)}\n\n{_summary(model)}",
        "Load": _loading(model, records),
        "Data": _data(model),
        "Training": _training(model, records),
        "Measured": _measured(records.estimates),
        "Limits": _limits(model),
    }
    return "\n\n".join(f"## {head}\n\n{body}" if head else body for head, body in parts.items()) + "\n"


def one_line(text: str) -> str:
    """A title as plain text on one line: signs that mean something in Markdown or HTML are escaped."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|!~&$" else c for c in plain)


def _summary(model: Model) -> str:
    fields: Any = model.unguided or model.fields
    count = sum(p.numel() for p in fields.predictor.parameters())
    noise = "the ODE" if model.epsilon == 0.0 else "an SDE"
    names = ", ".join(code(name) for name in fields.names)
    verb = "was" if len(fields.names) == 1 else "were"
    return (
        f"A stochastic interpolant whose {names} {verb} learned by networks of {count:,} parameters. It samples by "
        f"{noise}, with the method {code(type(model.integrator).__name__)}."
    )


def _loading(model: Model, records: RunRecords) -> str:
    distributions = records.environment.get("distributions")
    versions = distributions if isinstance(distributions, Mapping) else {}
    used = [f"{name}=={version}" for name, version in versions.items() if name.startswith("si-") and version]
    given = f", condition={_example(model.process.conditions)}" if model.process.conditions else ""
    lines = [
        "import si_core as si",
        'model = si.load_model("this folder")',
        f"x = si.sample(model, 1000{given})  # in the units of the data",
    ]
    install = f"It was made with `{' '.join(used)}`.\n\n" if used else ""
    beside = "Or `si sample DIR -n 1000`, `si estimate DIR NAME --data FILE`."
    return "\n".join([install + "```python", *lines, "```", "", beside])


def _example(specs: Mapping[str, ConditionSpec]) -> str:
    values = {name: 0.0 if spec.classes is None else spec.classes[0] for name, spec in specs.items()}
    return repr(values)


def _data(model: Model) -> str:
    process = model.process
    recipe, counts = model.recipe, _counts(process.target)
    of_target, of_source = ("", "") if recipe is None else (recipe.target.name, recipe.source and recipe.source.name)
    lines = ["No row of the data is in this folder.", "", f"- target: {_end(process.target, of_target)}"]
    if process.source is process.target:
        lines.append("- source: the target itself (mirror)")
    else:
        noise = process.source.standard_normal
        lines.append(f"- source: {'standard normal noise' if noise else _end(process.source, of_source or '')}")
    for name, spec in process.conditions.items():
        what = f"values of shape {spec.shape}" if spec.classes is None else f"one of {listed(spec.classes, 40)}"
        if spec.classes is not None and name in counts and len(spec.classes) <= 40:
            each = zip(spec.classes, counts[name], strict=True)
            what = "one of " + ", ".join(f"{code(label)} ({n:,} rows)" for label, n in each)
        optional = ", may be left out" if name in model.optional else ""
        lines.append(f"- given to the networks: {code(name)}, {what}{optional}")
    return "\n".join([*lines, *_columns(process.target)])


def _counts(law: Distribution) -> dict[str, list[int]]:
    """How many rows have each class, by condition; without rows whose label is missing."""
    labels = law.frame.labels
    if labels is None:
        return {}
    found = {}
    for name, places in labels.labels.items():
        classes = law.conditions[name].classes or ()
        found[name] = [int(labels.counts[places == place].sum()) for place in range(len(classes))]
    return found


def _end(law: Distribution, name: str) -> str:
    """An end in words: ``array: 160 rows, ...``."""
    frame = law.frame
    size = "" if law.size is None else f"{law.size:,} rows, "
    kind = "images (channels, height, width) " if frame.pixels is not None else "events "
    pixels = "" if frame.pixels is None else f", black {number(frame.pixels[0])} and white {number(frame.pixels[1])}"
    return f"{code(name)}, {size}{kind}of shape {tuple(law.shape)}{pixels}"


def _columns(law: Distribution) -> list[str]:
    """The columns with their units, as the model keeps them."""
    frame = law.frame
    if frame.columns is None:
        return []
    shift, scale = (value.expand(frame.shape).tolist() for value in (frame.shift, frame.scale))
    rows = [
        f"| {code(name)} | {number(mean)} | {number(width)} |"
        for name, mean, width in zip(frame.columns, shift, scale, strict=True)
    ]
    if frame.bounds is None:
        return ["", "| column | centre | scale |", "| --- | --- | --- |", *rows]
    ends = (end.expand(frame.shape).tolist() for end in (frame.bounds.lower, frame.bounds.upper))
    rows = [f"{row} {number(low)} to {number(high)} |" for row, low, high in zip(rows, *ends, strict=True)]
    words = "Centre and scale are those of numbers without bounds that stand for the columns (`si_core.Bounds`)."
    return ["", words, "", "| column | centre | scale | between |", "| --- | --- | --- | --- |", *rows]


def _training(model: Model, records: RunRecords) -> str:
    recipe = model.recipe
    if recipe is None:
        return "Not known."
    objectives = ", ".join(code(selection.name) for selection in recipe.objectives)
    parts = [
        f"Interpolant {code(recipe.interpolant.name)}, latent {code(recipe.latent.name)}, coupling "
        f"{code(recipe.coupling.name)}, objectives {objectives}, network {code(recipe.network.name)}; everything else "
        "stands in `recipe.yaml`."
    ]
    if records.metrics:
        last = records.metrics[-1]
        losses = last.get("losses")
        found = [f"{code(k)} {number(v)}" for k, v in losses.items()] if isinstance(losses, Mapping) else []
        parts.append(f"{last.get('step'):,} steps; at the end {', '.join(found)} (training losses).")
        held = last.get("validation")
        if isinstance(held, Mapping) and "total" in held:
            parts.append(f"On held-out rows: {number(held['total'])}.")
    return "\n\n".join(parts)


def _measured(records: Sequence[Mapping[str, Any]]) -> str:
    if not records:
        return "Nothing was measured."
    rows = []
    for record in records:
        error = record.get("standard_error")
        value = number(record.get("value")) + ("" if error is None else f" ± {number(error, 2)}")
        unit = "" if record.get("unit") in (None, "1") else f" {record['unit']}"
        bound = str(record.get("bound"))
        rows.append(f"| {code(str(record.get('name')))} | {value}{unit} | {_BOUNDS.get(bound, bound)} |")
    return "\n".join(["| quantity | value ± standard error | what the value is |", "| --- | --- | --- |", *rows])


def _limits(model: Model) -> str:
    lines = [
        "- It draws from the law of its training data as far as it was learned; the table above says how far that was "
        "measured, and on points like those alone.",
        "- Nothing was checked of privacy: a model may repeat rows that it was trained on.",
    ]
    if model.guidance:
        lines.append("- Guidance changes the law that is sampled, and what was measured is of the guided model.")
    if getattr(model.process.source, "fingerprint", None):
        lines.append("- Sampling starts from points of its source, which are not here: `--start-from FILE`.")
    values = [name for name, spec in model.process.conditions.items() if spec.classes is None]
    if values:
        lines.append(f"- Samples must be given {listed(values, 10)}: how they are distributed is not known here.")
    return "\n".join(lines)
