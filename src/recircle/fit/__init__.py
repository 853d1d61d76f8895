"""From anybody's clips to a trained network in the minutes given: which commands with which settings do it."""
