"""The page of a sweep: its numbers on the grid, pictures of them, and the page that binds them."""
