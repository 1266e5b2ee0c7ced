"""Couplings of a state with the one that follows."""
