"""The page ``sweep.html``: pictures of the estimates, a table of the points, what failed, recipe and environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from si_core import SweepView
from si_report.page.frame import cell, document, environment_list, figure, table, text
from si_report.page.text import measured, outline
from si_report.pictures.picture import Picture
from si_report.sweeps.results import label, named_estimates

__all__ = ["sweep_page"]

FOOTER = (
    "Each point is a run with a folder of its own. Points that differ only in sampling or measuring share one "
    "training, whose time stands at the point that did it. The table also stands in results.csv, and the pictures "
    "stand under plots, in the folder of the sweep."
)


def sweep_page(view: SweepView, pictures: Sequence[Picture], dpi: int = 130) -> str:
    """Write the page of a sweep."""
    failures = [record for record in view.records if record["state"] == "failed"]
    sections: dict[str, str] = {}
    for picture in pictures:
        sections[picture.section] = sections.get(picture.section, "") + figure(picture, dpi)
    sections["Points"] = _table(view)
    if failures:
        sections["Failures"] = "".join(_failure(record, view) for record in failures)
    sections["Recipe"] = f"<pre>{text(outline(view.recipe))}</pre>"
    if view.environment:
        sections["Environment"] = environment_list(view.environment)
    return document(f"Sweep: {view.title}", _facts(view, len(failures)), sections, FOOTER)


def _facts(view: SweepView, failures: int) -> dict[str, str]:
    """How much there is, and the values that every axis took."""
    pending = sum(record["state"] == "pending" for record in view.records)
    points = f"{len(view.records)}"
    points += f", {failures} failed" if failures else ""
    points += f", {pending} not finished" if pending else ""
    spent = sum(sum(record["seconds"].values()) for record in view.records)
    values = {key: ", ".join(label(value) for value in values) for key, values in view.axes.items()}
    return {"points": points, **view.facts, "time in all": f"{spent:.1f} s", **values}


def _table(view: SweepView) -> str:
    """One row a point; an axis with one value is among the facts."""
    axes = [key for key, values in view.axes.items() if len(values) > 1]
    found = [named_estimates(record) for record in view.records]
    names = list(dict.fromkeys(name for estimates in found for name in estimates))
    units = {name: next((each[name].get("unit") for each in found if name in each), None) for name in names}
    stages = list(dict.fromkeys(stage for record in view.records for stage in record["seconds"]))
    ended = all(record["state"] == "finished" for record in view.records)
    heads = ["point", *axes]
    heads += [f"{name} [{unit}]" if (unit := units[name]) not in (None, "1") else name for name in names]
    heads += [f"{stage} [s]" for stage in stages] + ([] if ended else ["state"])
    rows = []
    for record, estimates in zip(view.records, found, strict=True):
        cells = [cell(key, text(label(record["values"][key]))) for key in axes]
        shown = heads[1 + len(axes) :]
        cells += [
            cell(head, text(_measured(estimates.get(name))), "value") for head, name in zip(shown, names, strict=False)
        ]
        cells += [cell(f"{stage} [s]", _seconds(record["seconds"].get(stage)), "details") for stage in stages]
        cells += [] if ended else [cell("state", text(record["state"]))]
        mark = ' class="failed"' if record["state"] == "failed" else ""
        rows.append(f'<tr{mark}><th scope="row">{_link(record, view.directory)}</th>{"".join(cells)}</tr>\n')
    return table("points stack", heads, "".join(rows))


def _link(record: Mapping[str, Any], directory: Path) -> str:
    """The name of a point's folder, which leads to the point's own report where there is one."""
    folder = str(record["folder"])
    name, page = text(folder.rpartition("/")[2]), f"{folder}/report.html"
    return f'<a href="{text(quote(page))}">{name}</a>' if (Path(directory) / page).is_file() else name


def _measured(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None:
        return "–"
    number, word = measured(estimate.get("value"), estimate.get("standard_error")), estimate.get("bound")
    return f"{number} ({word})" if word else number


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _failure(record: Mapping[str, Any], view: SweepView) -> str:
    values = ", ".join(f"{key} = {label(value)}" for key, value in record["values"].items() if len(view.axes[key]) > 1)
    return (
        f'<div class="note"><strong>{text(record["folder"])}</strong> {text(values)}<br />'
        f'<span class="message">{text(record["message"])}</span></div>\n'
    )
