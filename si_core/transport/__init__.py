"""Transports: initial value problems made of fields, and the entry point that solves them."""
