"""Protocols, predictions and metrics."""
