"""Networks for the fields of stochastic interpolants."""
