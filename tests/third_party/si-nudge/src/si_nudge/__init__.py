"""Samples nudged towards a point."""
