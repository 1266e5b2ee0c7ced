"""Zarr arrays as data sets."""
