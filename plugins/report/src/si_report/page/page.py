"""The page ``report.html`` of a run: estimates, pictures in their sections, recipe and environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from si_core import RunView
from si_report.page.frame import BOUNDS, document, environment_list, figure, text
from si_report.page.text import measured, outline, short
from si_report.pictures.picture import Picture

__all__ = ["page"]

FOOTER = "All points are in data space. The pictures also stand in the run's folder under plots."


def page(view: RunView, pictures: Sequence[Picture], notes: Sequence[str] = (), dpi: int = 130) -> str:
    """Write the page of a run."""
    sections = {"Estimates": "".join(map(_note, view.notes)) + _estimates(view.estimates)}
    for picture in pictures:
        sections[picture.section] = sections.get(picture.section, "") + figure(picture, dpi)
    if notes:
        sections["Log-density"] = sections.get("Log-density", "") + "".join(map(_note, notes))
    sections["Recipe"] = f"<pre>{text(outline(view.recipe))}</pre>"
    if view.environment:
        sections["Environment"] = environment_list(view.environment)
    return document(view.title, view.facts, sections, FOOTER)


def _note(words: str) -> str:
    return f'<p class="note">{text(words)}</p>\n'


def _estimates(records: Sequence[Mapping[str, Any]]) -> str:
    if not records:
        return "<p>No estimator was run.</p>\n"
    rows = "".join(_estimate(record) for record in records)
    heads = "".join(
        f'<th scope="col">{name}</th>' for name in ("name", "value ± standard error", "unit", "what it is", "details")
    )
    return (
        f'<div class="wide"><table class="stack"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>\n'
    )


def _estimate(record: Mapping[str, Any]) -> str:
    bound = record.get("bound")
    unit = record.get("unit")
    details = record.get("details")
    shown = dict(details) if isinstance(details, Mapping) else {} if details is None else {"details": details}
    limit = shown.pop("value_of_data_law", None)
    beside = "" if limit is None else f"; the data's own law has {short(limit)}"
    known = {"name", "value", "standard_error", "bound", "unit", "details", "per_sample"}
    shown |= {key: value for key, value in record.items() if key not in known}
    listed = "<br />".join(f"{text(str(key).replace('_', ' '))}: {text(short(value))}" for key, value in shown.items())
    return (
        f'<tr><th scope="row">{text(record.get("name", "?"))}</th>'
        f'<td class="value">{text(measured(record.get("value"), record.get("standard_error")))}</td>'
        f'<td class="unit">{"" if unit in (None, "1") else text(unit)}</td>'
        f"<td>{text(BOUNDS.get(str(bound), bound or '') + beside)}</td>"
        f'<td class="details">{listed}</td></tr>\n'
    )
