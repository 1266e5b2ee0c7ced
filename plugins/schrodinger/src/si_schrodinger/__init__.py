"""Schrödinger bridges: couplings of optimal transport, iterative fitting, learned interpolants, exact answers."""

__version__ = "0.1.0"
