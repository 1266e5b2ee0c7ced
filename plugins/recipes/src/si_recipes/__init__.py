"""The built-in recipes, and through its requirements all they need."""
