"""Transports: initial value problems made of fields, and the public door to solve them."""
