"""Densities, data sets and couplings: the two ends of a process and how they are paired."""

__version__ = "0.2.0"
