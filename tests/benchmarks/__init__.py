"""Measurements of what the library adds to the network: ``python -m tests.benchmarks`` from the root of the tree."""
