"""Runs in TensorBoard: a logger, written as an example of one."""
