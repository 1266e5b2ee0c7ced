"""Series: what they are, how they are read, and the windows that a model learns from."""
