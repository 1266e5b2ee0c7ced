"""The interfaces a component implements, and the data that flows between them."""
