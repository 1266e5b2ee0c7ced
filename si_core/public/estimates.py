"""Estimates as they are shown: the panels of their details."""

from __future__ import annotations

from si_core.contract.panel import Panel, panel_of
from si_core.contract.panel_shapes import panels_of

__all__ = ["Panel", "panel_of", "panels_of"]
