"""Keeping the catalogue of plugins: what an entry must be, and entries written from packages.

Read in this order: :mod:`.candidates` (an entry with what is at hand of its plugin),
:mod:`.guidelines` (the rules, as values) and :mod:`.writing` (entries as text).
Reading the catalogue is a matter of discovery: :mod:`si_core.discovery.catalogue`.
"""
