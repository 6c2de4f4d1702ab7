"""The synthesis of a population from tables."""
