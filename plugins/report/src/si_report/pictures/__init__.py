"""Pictures of a run, one kind a file; :mod:`~si_report.pictures.choose` says which view gets which."""
