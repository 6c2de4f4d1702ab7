"""Runs of synthetic agents only: a population, the staged model by age, interventions, and checkpoints."""
