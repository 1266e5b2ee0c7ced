"""Integrators with equal steps: Runge-Kutta methods for ODEs, Euler-Maruyama and stochastic Heun for SDEs."""
