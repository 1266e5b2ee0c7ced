"""Estimates on the page: a table of values, and beside them what they mean and what they were made with."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Any

from si_report.page.details import details_in_words
from si_report.page.frame import BOUNDS, table, text
from si_report.page.text import measured, short

__all__ = ["estimates", "meaning"]

HEADS = ("name", "value ± standard error", "unit", "what it is", "details")
TOLD = ("value_of_data_law", "floor", "floor_samples", "floor_references", "t")
"""Details that stand in sentences, or belong to what is drawn."""
NEAR = 2.0
"""Standard errors within which a value can't be told from another."""


def estimates(records: Sequence[Mapping[str, Any]], drawn: Sequence[Container[str]] = ()) -> str:
    """Write the records of estimates.

    Args:
        records: of ``estimates.json``.
        drawn: for each the details that are drawn, which the table leaves out.
    """
    if not records:
        return "<p>No estimator was run.</p>\n"
    rows = "".join(_row(record, shown) for record, shown in zip(records, drawn or [()] * len(records), strict=True))
    said = [(record.get("name", "?"), " ".join(meaning(record))) for record in records]
    items = "".join(f"<div><dt>{text(name)}</dt><dd>{text(words)}</dd></div>\n" for name, words in said if words)
    return table("stack", HEADS, rows) + (f'<dl class="meaning">{items}</dl>\n' if items else "")


def meaning(record: Mapping[str, Any]) -> list[str]:
    """Sentences on what the value of an estimate means, as far as its record tells."""
    details = record.get("details")
    details = details if isinstance(details, Mapping) else {}
    value, error = record.get("value"), record.get("standard_error")
    if not _known(value):
        return []
    said = []
    limit, floor = details.get("value_of_data_law"), details.get("floor")
    if _known(limit):
        said += _beside_law(str(record.get("name", "")), value, error, limit, _unit(record))
    if _known(floor):
        said += _beside_floor(value, error, floor, details)
    for key in map(str, details):
        part = key.removesuffix("_floor")
        if part != key and _known(details[key]) and _known(details.get(part)):
            own, of = short(details[key]), part.replace("_", " ")
            said.append(f"Its {of} is {short(details[part])}, and that of two sets of the data's own law is {own}.")
    return said


def _beside_law(name: str, value: float, error: Any, limit: float, unit: str) -> list[str]:
    entropy = ""
    if "log-likelihood" in name:
        entropy = ", which is minus the target's entropy: no model has more on average"
    elif "cross-entropy" in name:
        entropy = ", which is the target's entropy: no model has less on average"
    first = f"A model whose law is that of the data would have {short(limit)}{unit}{entropy}."
    gap = measured(abs(value - limit), error)
    return [first, f"This one is {gap}{unit} away{_told_apart(value - limit, error)}."]


def _beside_floor(value: float, error: Any, floor: float, details: Mapping[str, Any]) -> list[str]:
    sizes = [details.get(key) for key in ("floor_samples", "floor_references")]
    of = " and ".join(f"{size:,}" for size in sizes if isinstance(size, int))
    first = f"Two sets of the data's own law{f', of {of} draws,' if of else ''} are {short(floor)} apart: the floor."
    if floor <= 0:
        return [first]
    second = (
        f"A model without any error would have about as much, not 0; this one has {value / floor:.3g} times the floor"
    )
    return [first, f"{second}{_told_apart(value - floor, error)}."]


def _told_apart(gap: float, error: Any) -> str:
    """Whether a difference is more than the scatter of the value."""
    if not _known(error) or error <= 0:
        return ""
    size = abs(gap) / error
    if size <= NEAR:
        return f", within {NEAR:g} standard errors: at this size it can't be told from it"
    return f", by {size:.2g} standard errors"


def _row(record: Mapping[str, Any], drawn: Container[str]) -> str:
    bound = record.get("bound")
    details = record.get("details")
    shown = dict(details) if isinstance(details, Mapping) else {} if details is None else {"details": details}
    limit = shown.get("value_of_data_law")
    beside = "" if limit is None else f"; the data's own law has {short(limit)}"
    known = {"name", "value", "standard_error", "bound", "unit", "details", "per_sample"}
    shown |= {key: value for key, value in record.items() if key not in known}
    rest = {key: value for key, value in shown.items() if key not in TOLD and key not in drawn}
    listed = "<br />".join(f"{text(words)}: {text(value)}" for words, value in details_in_words(rest))
    return (
        f'<tr><th scope="row">{text(record.get("name", "?"))}</th>'
        f'<td class="value">{text(measured(record.get("value"), record.get("standard_error")))}</td>'
        f'<td class="unit">{text(_unit(record).strip())}</td>'
        f"<td>{text(BOUNDS.get(str(bound), bound or '') + beside)}</td>"
        f'<td class="details">{listed}</td></tr>\n'
    )


def _unit(record: Mapping[str, Any]) -> str:
    unit = record.get("unit")
    return "" if unit in (None, "", "1") else f" {unit}"


def _known(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
