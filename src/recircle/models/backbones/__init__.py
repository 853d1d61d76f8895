"""Trunks written for video: every tensor between layers is [B, T, C, H, W]."""
