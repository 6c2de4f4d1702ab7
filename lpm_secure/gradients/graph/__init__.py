"""The structure of a model's graph as derivatives need it: what depends on what, what matters, and how numbers move."""
