"""The page ``compare.html``: runs, differences of their recipes, estimates side by side, loss curves together."""

from __future__ import annotations

from collections.abc import Sequence

from si_report.compare.runs import ComparedRun
from si_report.compare.tables import RUN_HEADS, difference_rows, estimate_rows, run_rows
from si_report.compare.tables import cell as told
from si_report.page.frame import cell, document, figure, table, text
from si_report.pictures.picture import Picture

__all__ = ["compare_page"]

FOOTER = "Values differ in what they are: each estimate says so. An error is one standard error."


def compare_page(runs: Sequence[ComparedRun], pictures: Sequence[Picture], dpi: int = 130) -> str:
    """Write the page of a comparison."""
    heads = [run.label for run in runs]
    problems = [f"{run.label}: {'; '.join(run.problems)}" for run in runs if run.problems]
    notes = "".join(f'<p class="note">{text(problem)}</p>\n' for problem in problems)
    differing = difference_rows(runs)
    measured = [(name, [told(record) for record in records]) for name, records in estimate_rows(runs)]
    sections = {
        "Runs": notes + _table(RUN_HEADS, [(row[0], list(row[1:])) for row in run_rows(runs)]),
        "Estimates": _table(("estimate", *heads), measured) if measured else "<p>No run has an estimate.</p>\n",
        "Recipes": _table(("key", *heads), differing) if differing else "<p>The recipes are the same.</p>\n",
    }
    for picture in pictures:
        sections[picture.section] = sections.get(picture.section, "") + figure(picture, dpi)
    return document(f"{len(runs)} runs side by side", {}, sections, FOOTER)


def _table(heads: Sequence[str], rows: Sequence[tuple[str, list[str]]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{text(name)}</th>'
        f"{''.join(cell(head, text(value)) for head, value in zip(heads[1:], values, strict=True))}</tr>\n"
        for name, values in rows
    )
    return table("compared stack", heads, body)
