"""Sealing: what a client tells an aggregator, nobody on the way can read or change, another aggregator included."""
