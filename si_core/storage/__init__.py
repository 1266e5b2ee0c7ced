"""Bytes on disk: atomic writes, tensors, manifests, checkpoints, locks, metrics; no mathematics."""
