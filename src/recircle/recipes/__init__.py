"""Recipes: one documented function per training run."""
