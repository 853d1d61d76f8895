"""A run that answers requests over HTTP, on LitServe."""
