"""Known weights: where published ones are, what they fit, and how they come here and are checked."""
