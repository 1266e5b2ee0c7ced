"""Data sets in parts: files of one form, each with some of the rows."""
