"""The scaffold of a plugin: a complete, small package to edit, from templates.

Read in this order: :mod:`~si_core.scaffold.names` (what everything in it is called), :mod:`~si_core.scaffold.taken`
(names that others have), :mod:`~si_core.scaffold.examples` (what a kind starts with),
:mod:`~si_core.scaffold.package` (the files), :mod:`~si_core.scaffold.writing` (putting them on the disk). The
templates lie in ``templates/``.
"""
