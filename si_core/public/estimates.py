"""Estimates as they are shown: the panels of their details, and what is a number there."""

from __future__ import annotations

from si_core.contract.panel import Panel, number, panel_of
from si_core.contract.panel_shapes import panels_of

__all__ = ["Panel", "number", "panel_of", "panels_of"]
