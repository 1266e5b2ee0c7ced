"""Paths that bow round the origin, with a latent and an integrator of their own."""
