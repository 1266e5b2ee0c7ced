"""Simulation-based inference: posteriors of simulators as conditional models, and what says whether they are right."""
