"""Reports of runs: plots and one self-contained page.

Importing this package imports neither torch nor matplotlib; :class:`HtmlReport` is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from si_report.report import HtmlReport

__all__ = ["HtmlReport"]


def __getattr__(name: str) -> Any:
    if name == "HtmlReport":
        from si_report.report import HtmlReport

        return HtmlReport
    raise AttributeError(f"module 'si_report' has no attribute {name!r}")
