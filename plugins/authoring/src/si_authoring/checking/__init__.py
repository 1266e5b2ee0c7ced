"""Checking components by name: the conformance kit in a process of its own, for a plugin may hang or crash.

Read in this order: :mod:`.subjects` (what is to be checked), :mod:`.source_tree` (a
package that is not installed), :mod:`.worker` (the process that checks) and
:mod:`.supervisor` (the one that watches it, and never imports torch).
"""
