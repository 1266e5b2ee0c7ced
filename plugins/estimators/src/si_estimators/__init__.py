"""Likelihoods, sample distances and excess losses of stochastic interpolants."""
