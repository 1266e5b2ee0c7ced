"""Integrators for ODEs and SDEs: Runge-Kutta, Adams-Bashforth and exponential methods, planned steps or adaptive."""
