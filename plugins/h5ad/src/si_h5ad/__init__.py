"""Annotated matrices of single cells as data sets."""
