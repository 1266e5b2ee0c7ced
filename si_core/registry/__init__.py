"""Keeping the catalogue of plugins: what an entry must be, and entries written from packages.

Read in this order: :mod:`~si_core.registry.candidates` (an entry with what is at hand of its plugin),
:mod:`~si_core.registry.guidelines` (the rules, as values) and :mod:`~si_core.registry.writing` (entries as text).
Reading the catalogue is a matter of discovery: :mod:`si_core.discovery.catalogue`.
"""
