"""What `recircle.index`, `train` and `evaluate` do: plain arguments in; the commands of these names call them."""
