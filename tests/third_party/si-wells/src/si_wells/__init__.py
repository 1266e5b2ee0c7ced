"""Energies, and how to learn from them."""
