"""Integrators with steps placed beforehand: Runge-Kutta for ODEs, Euler-Maruyama and stochastic Heun for SDEs."""
