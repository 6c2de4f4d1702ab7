"""Clients of a masked run at an aggregator: who may send, what has come, and what the other aggregator lacks."""
