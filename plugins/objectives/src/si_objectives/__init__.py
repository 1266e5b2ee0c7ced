"""Regression objectives (arXiv 2303.08797, section 3)."""
