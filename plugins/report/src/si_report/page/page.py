"""The page ``report.html``: one file that holds its style and its pictures and fetches nothing.

A content security policy forbids scripts and every connection, so that a title or a label of hostile making stays
text even if it slipped through the escaping. Void elements are closed: the page is well-formed XML too.
"""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from si_core import RunView
from si_report.page.text import measured, outline, short
from si_report.pictures.picture import Picture

__all__ = ["page"]

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
DATES = ("finished", "date", "started")
BOUNDS = {
    "exact": "exact, up to the integrator",
    "unbiased": "unbiased estimate",
    "lower": "lower bound",
    "upper": "upper bound",
}
# control characters have no place in HTML or XML, nor do lone surrogates in UTF-8
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def page(view: RunView, pictures: Sequence[Picture], notes: Sequence[str] = (), dpi: int = 130) -> str:
    """Write the page of a run: estimates, pictures in their sections, recipe and environment."""
    sections = {"Estimates": _estimates(view.estimates)}
    for picture in pictures:
        sections[picture.section] = sections.get(picture.section, "") + _figure(picture, dpi)
    if notes:
        sections["Log-density"] = sections.get("Log-density", "") + "".join(
            f'<p class="note">{text(note)}</p>' for note in notes
        )
    sections["Recipe"] = f"<pre>{text(outline(view.recipe))}</pre>"
    if view.environment:
        sections["Environment"] = _environment(view.environment)
    title = text(view.title) or "A run without a title"
    links = "".join(f'<li><a href="#{_anchor(name)}">{text(name)}</a></li>' for name in sections)
    body = "".join(
        f'<section id="{_anchor(name)}"><h2>{text(name)}</h2>\n{content}</section>\n'
        for name, content in sections.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="{text(POLICY)}" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<title>{title}</title>
<style>
{files("si_report.page").joinpath("page.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<header><h1>{title}</h1>{_head(view.facts)}
<nav aria-label="Sections"><ul>{links}</ul></nav></header>
<main>
{body}</main>
<footer>All points are in data space. The pictures also stand in the run's folder under plots.</footer>
</body>
</html>
"""


def text(value: Any) -> str:
    """Escape anything for use as text or as an attribute."""
    return escape(_FORBIDDEN.sub("\ufffd", str(value)), quote=True)


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


def _head(facts: Mapping[str, str]) -> str:
    """The date under the title, where there is one, and the other facts."""
    key = next((name for name in facts if name.lower() in DATES), None)
    when = f'\n<p class="when">{text(key.capitalize())} {text(facts[key])}</p>' if key else ""
    rest = [(name, fact) for name, fact in facts.items() if name != key]
    cells = "".join(f"<div><dt>{text(name)}</dt><dd>{text(fact)}</dd></div>" for name, fact in rest)
    return when + (f'\n<dl class="facts">{cells}</dl>' if rest else "")


def _figure(picture: Picture, dpi: int) -> str:
    # 96 pixels of a page are an inch: type has one size in all pictures, whatever their width
    width, height = (round(pixels * 96 / dpi) for pixels in struct.unpack(">II", picture.png[16:24]))
    narrow = ' class="narrow"' if width < 700 else ""
    data = b64encode(picture.png).decode("ascii")
    return (
        f'<figure id="figure-{text(picture.name)}"><h3>{text(picture.title)}</h3>\n'
        f'<div class="frame"><img{narrow} width="{width}" height="{height}" alt="{text(picture.title)}" '
        f'src="data:image/png;base64,{data}" /></div>\n<figcaption>{text(picture.caption)}</figcaption></figure>\n'
    )


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
    known = {"name", "value", "standard_error", "bound", "unit", "details", "per_sample"}
    shown |= {key: value for key, value in record.items() if key not in known}
    listed = "<br />".join(f"{text(str(key).replace('_', ' '))}: {text(short(value))}" for key, value in shown.items())
    return (
        f'<tr><th scope="row">{text(record.get("name", "?"))}</th>'
        f'<td class="value">{text(measured(record.get("value"), record.get("standard_error")))}</td>'
        f'<td class="unit">{"" if unit in (None, "1") else text(unit)}</td>'
        f"<td>{text(BOUNDS.get(str(bound), bound or ''))}</td>"
        f'<td class="details">{listed}</td></tr>\n'
    )


def _environment(environment: Mapping[str, Any]) -> str:
    plain = {key: value for key, value in environment.items() if not isinstance(value, Mapping)}
    groups = {key: value for key, value in environment.items() if isinstance(value, Mapping) and value}
    parts = [_versions(plain)] if plain else []
    parts += [f"<h3>{text(key)}</h3>\n{_versions(group)}" for key, group in groups.items()]
    return "".join(parts)


def _versions(entries: Mapping[str, Any]) -> str:
    items = "".join(
        f"<li><span>{text(key)}</span><span>{text(short(value))}</span></li>" for key, value in entries.items()
    )
    return f'<ul class="versions">{items}</ul>\n'
