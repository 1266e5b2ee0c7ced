"""The scaffold of a plugin: a complete, small package to edit, from templates.

Read in this order: :mod:`.names` (what everything in it is called), :mod:`.taken`
(names that others have), :mod:`.examples` (what a kind starts with),
:mod:`.package` (the files), :mod:`.writing` (putting them on the disk). The
templates lie in ``templates/``.
"""
