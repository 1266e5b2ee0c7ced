"""Discovery: which plugins are installed, what they offer, and how a name becomes an object.

Read in this order: :mod:`~si_core.discovery.kinds` and :mod:`~si_core.discovery.component` (what can be offered),
:mod:`~si_core.discovery.hooks` (how), :mod:`~si_core.discovery.entries`, :mod:`~si_core.discovery.compatibility`,
:mod:`~si_core.discovery.loading` and :mod:`~si_core.discovery.plugins` (the installed plugins and their states),
:mod:`~si_core.discovery.catalogue` and :mod:`~si_core.discovery.lookup` (a name and its five outcomes),
:mod:`~si_core.discovery.options` and :mod:`~si_core.discovery.build` (options and objects).

This file imports nothing, so that a plugin's entry module and ``si list`` stay light.
"""
