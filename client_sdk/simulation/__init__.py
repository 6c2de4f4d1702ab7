"""A client in a simulation: its rounds, and its outcomes."""
