"""Densities, data sets and couplings: the two ends of a process and how they are paired."""
