"""The model: fields with a way to sample and measure them, put together from a recipe."""
