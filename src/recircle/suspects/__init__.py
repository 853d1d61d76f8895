"""Clips whose label is probably wrong, and clips that lie on both sides of a division."""
