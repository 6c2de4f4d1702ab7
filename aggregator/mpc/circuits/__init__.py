"""Boolean circuits on bit planes."""
