"""Training in memory: batches, times, optimizers, and the games that processes play; no files."""
