"""Series of known laws, simulated from a seed, and real ones that come with matplotlib."""
