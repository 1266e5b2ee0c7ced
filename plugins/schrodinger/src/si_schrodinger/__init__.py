"""Schrödinger bridges: couplings of optimal transport, iterative fitting, learned interpolants, exact answers."""

__version__ = "0.2.0"
