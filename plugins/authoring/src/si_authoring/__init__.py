"""Tools for authors of plugins: conformance, a scaffold, and the catalogue's guidelines."""
