"""What keeps a run calm."""
