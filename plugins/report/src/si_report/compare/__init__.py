"""Runs side by side: `si compare`, a table on the terminal and a page."""
