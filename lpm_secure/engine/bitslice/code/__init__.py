"""A graph's step as generated code."""
