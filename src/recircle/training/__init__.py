"""Training: config, loop, optimisers, schedules, checkpoints."""
