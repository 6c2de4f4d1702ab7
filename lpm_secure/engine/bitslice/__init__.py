"""Hundreds of runs of one graph at once: a bit of each run beside those of the others, in words as long as a vector."""
