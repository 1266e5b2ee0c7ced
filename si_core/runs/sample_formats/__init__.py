"""The files that samples can be written to, one module each."""
