"""Flow maps: the way between two times in one call of the network."""
