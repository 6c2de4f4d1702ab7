"""A model's graph as it is computed for many runs: intervals, what is held, and whether it can be done."""
