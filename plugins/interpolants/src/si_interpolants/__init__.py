"""Interpolants, latents and diffusion schedules (arXiv 2303.08797, section 4)."""
