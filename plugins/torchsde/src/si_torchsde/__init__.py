"""The SDE solvers of torchsde (Li et al., arXiv 2001.01328; github.com/google-research/torchsde)."""
