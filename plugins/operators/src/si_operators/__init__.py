"""Linear measurements of events, and couplings that start from what they leave."""
