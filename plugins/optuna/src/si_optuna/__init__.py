"""Searches over the keys of a recipe, by Optuna."""
