"""Recipes: one YAML file that selects installed components by name and says how to train and sample.

The way from text to recipe, one file a step: text -> nodes (scalars) -> extends, overrides (merge) -> schema
(structure) -> components -> recipe. A recipe is data and may be hostile; nothing in it is ever imported or called.
"""
