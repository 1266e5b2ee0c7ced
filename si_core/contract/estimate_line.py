"""An estimate in one line, with the word that says what its value is: the one place where estimates are written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["TRAINING_ROWS", "estimate_line"]

TRAINING_ROWS = "training rows"
"""``points`` among the details of an estimate on rows that were trained on."""


def estimate_line(found: Any, name: bool = True) -> str:
    """``name: value +- error unit (bound)``.

    Beside the bound stand, where known, the value of the data's own law, that points were trained on, and that the
    samples of guidance without weights do not have the law that is meant.

    Args:
        found: an :class:`~si_core.Estimate`, or its record as in ``estimates.json``.
        name: whether the name stands in front.
    """
    record: Mapping[str, Any] = found if isinstance(found, Mapping) else vars(found)
    value, error, unit = record.get("value"), record.get("standard_error"), record.get("unit")
    line = "-" if value is None else f"{value:.6g}"
    line += "" if error is None else f" +- {error:.2g}"
    line += "" if unit in (None, "", "1") else f" {unit}"
    words = [str(record.get("bound") or "")]
    details = record.get("details")
    if isinstance(details, Mapping) and details.get("value_of_data_law") is not None:
        words.append(f"the data's own law has {details['value_of_data_law']:.6g}")
    if isinstance(details, Mapping) and details.get("points"):
        words.append(str(details["points"]))
    if isinstance(details, Mapping) and details.get("law"):
        words.append(str(details["law"]))
    said = "; ".join(filter(None, words))
    return (f"{record.get('name', '?')}: " if name else "") + line + (f" ({said})" if said else "")
