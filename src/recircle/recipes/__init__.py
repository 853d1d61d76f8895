"""Recipes: training runs by name, each one row of a table."""
