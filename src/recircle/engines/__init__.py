"""Engines: what turns the views of clips into logits, be it PyTorch or a program that runs exported files."""
