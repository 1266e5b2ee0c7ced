"""Finite data sets as distributions."""
