"""Callbacks: early stopping, pictures of samples."""
