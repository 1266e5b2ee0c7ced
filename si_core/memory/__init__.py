"""Data in memory: ``si.fit`` on arrays, tensors and data frames, and the fitted model that speaks as they do."""
