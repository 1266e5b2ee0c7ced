"""Formulas as MathML, which browsers show by themselves: no page needs a network, or a script, for them."""

from __future__ import annotations

from typing import Any, NoReturn

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

__all__ = ["setup"]

_LOG = logging.getLogger(__name__)


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: Any, node: nodes.math) -> NoReturn:
    translator.body.append(_mathml(node, "inline"))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> NoReturn:
    translator.body.append(f'<div class="formula">{_mathml(node, "block")}</div>\n')
    raise nodes.SkipNode


def _mathml(node: nodes.Element, display: str) -> str:
    text = node.astext().strip()
    found: str = convert(text, display=display)
    # What is not known is passed on as it stands.
    if "\\" in found or "&#x0005C;" in found or "<mi>&</mi>" in found:
        _LOG.warning("a formula that has no MathML: %s", text, location=node)
    return found
