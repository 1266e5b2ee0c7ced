"""The page ``report.html`` of a run: estimates, pictures in their sections, recipe and environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from si_core import RunView
from si_report.page.estimates import estimates
from si_report.page.frame import document, environment_list, figure, text
from si_report.page.text import outline
from si_report.pictures.panels import panels_in
from si_report.pictures.picture import Picture

__all__ = ["page"]

FOOTER = "All points are in data space. The pictures also stand in the run's folder under plots."


def page(
    view: RunView, pictures: Sequence[Picture], notes: Mapping[str, Sequence[str]] | None = None, dpi: int = 130
) -> str:
    """Write the page of a run, with notes at the end of their sections."""
    drawn = [panels_in(record)[0] for record in view.estimates]
    sections = {"Estimates": "".join(map(_note, view.notes)) + estimates(view.estimates, drawn)}
    for picture in pictures:
        sections[picture.section] = sections.get(picture.section, "") + figure(picture, dpi)
    for section, said in (notes or {}).items():
        sections[section] = sections.get(section, "") + "".join(map(_note, said))
    sections["Recipe"] = f"<pre>{text(outline(view.recipe))}</pre>"
    if view.environment:
        sections["Environment"] = environment_list(view.environment)
    return document(view.title, view.facts, sections, FOOTER)


def _note(words: str) -> str:
    return f'<p class="note">{text(words)}</p>\n'
