"""Clients of runs that take derivatives: tangents, scores, and adjoints."""
