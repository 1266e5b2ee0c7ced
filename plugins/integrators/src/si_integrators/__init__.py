"""Integrators for ODEs and SDEs: Runge-Kutta, Adams-Bashforth and exponential methods, with planned or adaptive steps."""
