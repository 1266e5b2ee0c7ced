"""Checking components by name: the conformance kit in a process of its own, for a plugin may hang or crash.

Read in this order: :mod:`~si_core.checking.subjects` (what is to be checked), :mod:`~si_core.checking.source_tree` (a
package that is not installed), :mod:`~si_core.checking.worker` (the process that checks) and
:mod:`~si_core.checking.supervisor` (the one that watches it, and never imports torch).
"""
