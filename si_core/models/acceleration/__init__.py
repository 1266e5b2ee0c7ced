"""Sampling at the speed of the network: its precision, its layout in memory, compilation, and CUDA graphs."""
