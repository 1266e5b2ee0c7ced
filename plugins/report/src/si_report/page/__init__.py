"""The page: words, tables and pictures bound into one HTML file."""
