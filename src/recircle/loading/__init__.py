"""Batches for training and evaluation, made by processes that may fail."""
