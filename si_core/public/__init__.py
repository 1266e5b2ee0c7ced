"""What programs around si-core may import beside ``import si_core as si``: tools for authors, grids of runs, others.

A module here is a list of names from one package of the core, and the whole of it that is public; everything else may
change in any release. Nothing in the core imports these. A plugin of components needs none of them.
"""
