"""The rows of the table of known weights, one module for each publisher."""
