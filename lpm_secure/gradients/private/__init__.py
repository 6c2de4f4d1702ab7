"""Derivatives over private clients: tangents, adjoints behind `loss.backward()`, scores; each beside its clear twin."""
