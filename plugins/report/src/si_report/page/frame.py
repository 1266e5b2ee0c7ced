"""The frame of every page: one HTML file that holds its style and its pictures and fetches nothing.

A content security policy forbids scripts and every connection, so that a title or a label of hostile making stays
text even if it slipped through the escaping. Void elements are closed: the page is well-formed XML too.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from si_report.page.text import short
from si_report.pictures.picture import WIDEST, Picture, Tile

__all__ = ["BOUNDS", "cell", "document", "environment_list", "figure", "table", "text"]

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
DATES = ("finished", "date", "started")
BOUNDS = {
    "exact": "exact, up to the integrator",
    "unbiased": "unbiased estimate",
    "consistent": "consistent estimate: right in the limit of many samples",
    "lower": "lower bound",
    "upper": "upper bound",
    "approximate": "approximate",
}
# control characters have no place in HTML or XML, nor do lone surrogates in UTF-8
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def document(title: str, facts: Mapping[str, str], sections: Mapping[str, str], footer: str) -> str:
    """Write a page: its title, facts and sections in order, each section already HTML."""
    title = text(title) or "A run without a title"
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
<header><h1>{title}</h1>{_head(facts)}
<nav aria-label="Sections"><ul>{links}</ul></nav></header>
<main>
{body}</main>
<footer>{text(footer)}</footer>
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


def figure(picture: Picture, dpi: int) -> str:
    """Write a picture with its words: its tiles beside each other as far as there is room."""
    images = "".join(_image(picture, tile, dpi) for tile in picture.tiles)
    return (
        f'<figure id="figure-{text(picture.name)}"><h3>{text(picture.title)}</h3>\n'
        f'<div class="frame">{images}</div>\n<figcaption>{text(picture.caption)}</figcaption></figure>\n'
    )


def _image(picture: Picture, tile: Tile, dpi: int) -> str:
    # 96 pixels of a page are an inch: type has one size in all pictures, whatever their width
    height, width = (round(pixels * 96 / dpi) for pixels in tile.pixels.shape[:2])
    broad = ' class="broad"' if width > 96 * WIDEST + 1 else ""
    data = b64encode(tile.png).decode("ascii")
    return (
        f'<img{broad} width="{width}" height="{height}" alt="{text(f"{picture.title}: {tile.words}")}" '
        f'src="data:image/png;base64,{data}" />'
    )


def table(name: str, heads: Sequence[str], rows: str) -> str:
    """Write a table of a class, with its rows already HTML."""
    head = "".join(f'<th scope="col">{text(each)}</th>' for each in heads)
    return (
        f'<div class="wide"><table class="{name}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>\n'
    )


def cell(head: str, content: str, kind: str = "") -> str:
    """Write a cell of a table with its content already HTML; where columns don't fit, it names its own."""
    of = f' class="{kind}"' if kind else ""
    return f'<td{of} data-head="{text(head)}">{content}</td>'


def environment_list(environment: Mapping[str, Any]) -> str:
    """Write the versions of an environment, in groups."""
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
