"""Schrödinger bridges: couplings of optimal transport, iterative fitting, learned interpolants, exact answers."""
