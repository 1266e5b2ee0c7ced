"""Simulators of the benchmark of Lueckmann et al. (arXiv 2101.04653), with its reference posteriors."""
