"""What `recircle app` does: a page on which people show clips to a run."""
