"""Guidance: fields changed before a model samples."""
