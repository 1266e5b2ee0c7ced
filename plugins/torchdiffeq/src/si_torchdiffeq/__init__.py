"""The ODE solvers of torchdiffeq (Chen, *torchdiffeq*, github.com/rtqichen/torchdiffeq)."""
