"""The engine's side of runs that take derivatives through private clients."""
