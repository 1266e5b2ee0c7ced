"""Processes through more than two laws."""
